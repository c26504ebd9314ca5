"""The two published networks: S (static head) and D (dynamic head, deformable convolution).

One file per part, in the order in which a window passes them: `backbone`, `neck`, `static_head` or
`dynamic_head` (built on `deform_conv`), `seg_head`; `retina_unet` joins them. Attribute names are the keys
of the published checkpoints and therefore part of the file format. Tensors are (N, C, X, Y, Z).
"""

from .retina_unet import Architecture, RawOutput, RetinaUNet, build_network

__all__ = ["Architecture", "RawOutput", "RetinaUNet", "build_network"]
