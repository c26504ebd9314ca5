"""The whole detector: RetinaNet-like box heads and a segmentation head on one feature pyramid.

After Retina U-Net (Jaeger et al., ML4H 2020), in the two configurations of the published system (spec 3).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor, nn

from ...case.errors import InputError
from .backbone import Backbone
from .dynamic_head import DynamicHead
from .neck import Neck
from .seg_head import SegHead
from .static_head import StaticHead

Architecture = Literal["S", "D"]

COARSEST_STRIDE = 16
SMALLEST_SIZE = 32
"""Instance norm needs more than one voxel on the coarsest level."""


class RawOutput(NamedTuple):
    """What the network says of N windows of X x Y x Z voxels, before any decoding.

    Attributes:
        class_logits: per stride 4, 8, 16: (N, 2, x, y, z), channel = anchor of the position.
        box_deltas: per stride 4, 8, 16: float32 (N, 12, x, y, z), channels anchor-major, then the offsets
            of centre x, y, z and of log size x, y, z, to be decoded as in spec 3.6.
        seg_logits: (N, 2, X/2, Y/2, Z/2), channels background and fracture.
    """

    class_logits: list[Tensor]
    box_deltas: list[Tensor]
    seg_logits: Tensor


class RetinaUNet(nn.Module):
    """The detector of configuration `architecture`; see `build_network`."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture: Architecture = architecture
        self.backbone = Backbone()
        self.neck = Neck()
        self.bbox_head = StaticHead() if architecture == "S" else DynamicHead()
        self.seg_head = SegHead()

    def forward(self, images: Tensor) -> RawOutput:
        """Raw output of normalised images.

        Args:
            images: (N, 1, X, Y, Z); each of X, Y, Z a multiple of 16 and at least 32.

        Raises:
            InputError: the shape is another one.
        """
        _check_shape(images)
        stride2, *coarser = self.neck(self.backbone(images))
        logits, deltas = self.bbox_head(coarser)
        return RawOutput(logits, deltas, self.seg_head(stride2))

    def segment(self, images: Tensor) -> Tensor:
        """`seg_logits` of `forward` alone; without the box head, about half the work."""
        _check_shape(images)
        return self.seg_head(self.neck(self.backbone(images))[0])


def build_network(architecture: Architecture) -> RetinaUNet:
    """A network with fresh float32 weights (spec 3.7), in training mode.

    Args:
        architecture: "S" for the static head, "D" for the dynamic head.

    Raises:
        ValueError: another name was given.
    """
    if architecture not in ("S", "D"):
        raise ValueError(f"unknown architecture {architecture!r}; expected 'S' or 'D'")
    return RetinaUNet(architecture)


def _check_shape(images: Tensor) -> None:
    shape = tuple(images.shape)
    if len(shape) != 5 or shape[1] != 1:
        raise InputError(f"the network got a tensor of shape {shape}; expected (N, 1, X, Y, Z)")
    if any(n % COARSEST_STRIDE or n < SMALLEST_SIZE for n in shape[2:]):
        size = " x ".join(str(n) for n in shape[2:])
        raise InputError(
            f"a window of {size} voxels does not fit the network; choose a roi_size whose three numbers "
            f"are multiples of {COARSEST_STRIDE} and at least {SMALLEST_SIZE}"
        )
