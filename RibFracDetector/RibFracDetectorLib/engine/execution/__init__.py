"""Computing the network: one protocol, one file per library that can do it, and which of them a run uses.

`executor` is what the rest of the engine sees. `torch_executor` works everywhere; `openvino_executor` is
faster on CPUs of the x86 family, where the package is installed; `ways` ranks them for a run.
"""
