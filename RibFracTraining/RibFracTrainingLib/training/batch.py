"""What passes from the data to the losses: the contract between the two halves of training."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class TrainingBatch:
    """Augmented, normalised patches with their targets, all on one device.

    Attributes:
        images: float32 (N, 1, X, Y, Z), normalised as at inference.
        boxes: for each patch float32 (n, 6), (x1, y1, z1, x2, y2, z2) in voxels of the patch; n may be 0.
        classes: for each patch int64 (n,), 0-based; -1 where the class is unknown (positive all the same).
        segmentation: uint8 (N, X, Y, Z): 0 background, 1 fracture, 255 ignored.
    """

    images: Tensor
    boxes: list[Tensor]
    classes: list[Tensor]
    segmentation: Tensor
