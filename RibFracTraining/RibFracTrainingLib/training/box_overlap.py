"""IoU and generalised IoU of boxes paired row by row.

Written here and not taken from MONAI: its pair functions wait for the device to check every value, and raise
where a diverging step must give a NaN loss that the loop can skip and count.
Boxes are (..., 6), (x1, y1, z1, x2, y2, z2).
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST_VOLUME = 1e-6


def paired_iou(boxes: Tensor, others: Tensor) -> Tensor:
    """IoU (...) of boxes and others, both (..., 6) after broadcasting."""
    intersection, union = _intersection_and_union(boxes, others)
    return intersection / union


def paired_giou(boxes: Tensor, others: Tensor) -> Tensor:
    """Generalised IoU (...) in (-1, 1] of boxes and others, both (..., 6).

    IoU minus the share of the smallest enclosing box that neither covers (Rezatofighi et al., CVPR 2019).
    """
    intersection, union = _intersection_and_union(boxes, others)
    low = torch.minimum(boxes[..., :3], others[..., :3])
    high = torch.maximum(boxes[..., 3:], others[..., 3:])
    hull = (high - low).prod(dim=-1).clamp(min=SMALLEST_VOLUME)
    return intersection / union - (hull - union) / hull


def _intersection_and_union(boxes: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(boxes[..., :3], others[..., :3])
    high = torch.minimum(boxes[..., 3:], others[..., 3:])
    intersection = (high - low).clamp(min=0).prod(dim=-1)
    union = _volume(boxes) + _volume(others) - intersection
    return intersection, union.clamp(min=SMALLEST_VOLUME)


def _volume(boxes: Tensor) -> Tensor:
    return (boxes[..., 3:] - boxes[..., :3]).prod(dim=-1)
