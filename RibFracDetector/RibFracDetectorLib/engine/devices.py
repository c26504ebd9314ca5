"""Which device and which precision a run uses."""

from __future__ import annotations

import time
from functools import cache

import torch
from torch.nn.functional import conv3d

from ..case.errors import InputError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "fp16", "bf16")

# Tensor cores that make half precision fast came with compute capability 7.0 (Volta).
FAST_FP16_CAPABILITY = (7, 0)

LEAST_GAIN = 1.25
"""Below, bfloat16 is not worth its rounding."""

PROBE_ROUNDS = 5

EMULATES_BF16 = "this CPU would emulate bfloat16, about a hundred times slower than float32"


def choose_device(name: str) -> torch.device:
    """The device for "auto", "cpu", "cuda", "cuda:N" or "mps".

    Raises:
        InputError: unknown name, or a device that this torch cannot use.
    """
    if name == "auto":
        kind = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        return torch.device(kind)
    kind, colon, index = name.partition(":")
    if kind not in DEVICES or (colon and (kind != "cuda" or not index.isdecimal())):
        raise InputError(f"--device {name}: expected auto, cpu, cuda, cuda:N or mps")
    if kind == "cuda":
        _require_cuda(name, int(index or 0))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise InputError("--device mps: torch finds no Metal device here; use --device cpu")
    return torch.device(name)


def choose_precision(name: str, device: torch.device) -> str:
    """The precision for "auto", or `name` itself: what the device is fast at.

    Raises:
        InputError: unknown name, or half precision on a CPU that would emulate it.
    """
    if name not in PRECISIONS:
        raise InputError(f"--precision {name}: expected {', '.join(PRECISIONS)}")
    if name == "fp16" and device.type == "cpu":
        raise InputError("precision fp16 needs a GPU; on a CPU use bf16, fp32 or auto")
    if name == "bf16" and device.type == "cpu" and not cpu_computes_bf16():
        raise InputError(f"precision bf16: {EMULATES_BF16}; use fp32 or auto")
    if name != "auto":
        return name
    if device.type == "cuda":
        return "fp16" if torch.cuda.get_device_capability(device) >= FAST_FP16_CAPABILITY else "fp32"
    if device.type == "mps":
        return "fp16"
    return "bf16" if cpu_is_fast_at_bf16() else "fp32"


@cache
def cpu_is_fast_at_bf16() -> bool:
    """True where the CPU convolves in bfloat16 clearly faster than in float32.

    Matrix instructions (AMX) make sure of it. With AVX512-BF16 alone a Zen 4 gains and a Sapphire Rapids
    loses, so there it is measured, in less than a tenth of a second.
    """
    if cpu_has_bf16_matrices():
        return True
    return _supports("_is_avx512_bf16_supported") and _gain_of_bf16() >= LEAST_GAIN


def cpu_computes_bf16() -> bool:
    """True where oneDNN convolves in bfloat16; else torch does it number by number.

    Measured on two cores of a Zen 3, which has AVX2 alone: 133 times as long as float32.
    """
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):  # a torch without oneDNN, or one that cannot tell
        return False


def cpu_has_bf16_matrices() -> bool:
    """True where the CPU has matrix instructions for bfloat16 (AMX)."""
    return _supports("_is_amx_tile_supported")


def _supports(name: str) -> bool:
    ask = getattr(torch.cpu, name, None)
    return bool(ask and ask())


def _gain_of_bf16() -> float:
    """CPU time of a convolution as the network's middle levels have it, float32 over bfloat16.

    One thread's CPU time is the same however busy the machine is, so the choice does not depend on it.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _cpu_time(torch.float32) / _cpu_time(torch.bfloat16)
    finally:
        torch.set_num_threads(threads)


@torch.inference_mode()
def _cpu_time(dtype: torch.dtype) -> float:
    """Seconds, the best of several."""
    features, kernel = torch.zeros(1, 32, 32, 32, 24, dtype=dtype), torch.zeros(32, 32, 3, 3, 3, dtype=dtype)
    times = []
    for _ in range(PROBE_ROUNDS):
        start = time.thread_time()
        conv3d(features, kernel, padding=1)
        times.append(time.thread_time() - start)
    return min(times)


def device_label(device: torch.device) -> str:
    """The device as a user knows it, for provenance."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return str(device)


def _require_cuda(name: str, index: int) -> None:
    if not torch.cuda.is_available():
        reason = (
            "this torch is built without CUDA" if torch.version.cuda is None else "the driver shows no GPU"
        )
        raise InputError(f"--device {name}: {reason}; use --device cpu or install a CUDA build of torch")
    if index >= torch.cuda.device_count():
        raise InputError(f"--device {name}: found {torch.cuda.device_count()} GPU(s), numbered from 0")
