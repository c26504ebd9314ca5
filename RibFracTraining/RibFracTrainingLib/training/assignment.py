"""Which anchors stand for which box: ATSS (Zhang et al., CVPR 2020; spec 8.4).

Only a box's candidates are ever compared with it by IoU: the few anchors of each level whose centres are
nearest. Finding them takes distances to all anchors of one level, for a bounded number of boxes at a time.
`torch.topk` over these distances decides ties, which are common because anchors stand on a grid and boxes
on voxels; any other rule would train other anchors than the original.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from RibFracDetectorLib.engine.inference.anchors import STRIDES, level_anchors
from torch import Tensor

from .box_overlap import paired_iou

BOXES_AT_ONCE = 16


@dataclass(frozen=True)
class PatchAnchors:
    """All anchors of a patch, the same for every patch of a batch.

    Attributes:
        boxes: float32 (A, 6) in voxels of the patch: levels one after the other, finest first, each in the
            heads' flattening order.
        level_sizes: number of anchors of each level.
        eligible: per level int64 (m,): ascending indices into `boxes` of those that may be assigned.
    """

    boxes: Tensor
    level_sizes: tuple[int, ...]
    eligible: tuple[Tensor, ...]

    @property
    def levels(self) -> Tensor:
        """int64 (A,): the level of each anchor, 0 the finest."""
        sizes = torch.tensor(self.level_sizes, device=self.boxes.device)
        return torch.arange(len(self.level_sizes), device=self.boxes.device).repeat_interleave(
            sizes, output_size=len(self.boxes)
        )


@dataclass(frozen=True)
class Assignment:
    """The positive anchors of one patch; every other anchor is background.

    Attributes:
        anchors: int64 (p,), ascending indices into `PatchAnchors.boxes`.
        boxes: int64 (p,), the index of each one's box.
        overlaps: float32 (p,), its IoU with that box.
    """

    anchors: Tensor
    boxes: Tensor
    overlaps: Tensor


def patch_anchors(
    feature_sizes: Sequence[tuple[int, int, int]],
    patch_size: tuple[int, int, int],
    border: float,
    device: torch.device,
) -> PatchAnchors:
    """Anchors of a patch.

    Args:
        feature_sizes: extent (x, y, z) of each detection level's feature map, finest first.
        patch_size: extent (x, y, z) of the patch in voxels.
        border: anchors that reach further out of the patch, in voxels, are never assigned.
        device: where the tensors are made.
    """
    levels = [
        level_anchors(size, stride, device) for size, stride in zip(feature_sizes, STRIDES, strict=True)
    ]
    level_sizes = tuple(len(anchors) for anchors in levels)
    boxes = torch.cat(levels)
    high = boxes.new_tensor(patch_size) + border
    inside = ((boxes[:, :3] >= -border) & (boxes[:, 3:] < high)).all(dim=1)
    starts = [sum(level_sizes[:level]) for level in range(len(levels))]
    eligible = tuple(
        flags.nonzero().squeeze(1) + start
        for flags, start in zip(inside.split(level_sizes), starts, strict=True)
    )
    return PatchAnchors(boxes, level_sizes, eligible)


def assign_boxes(anchors: PatchAnchors, boxes: Tensor, candidates_per_level: int) -> Assignment:
    """Choose the positive anchors of one patch.

    A box's candidates are the nearest anchors of each level (fewer where a level has fewer). Positive are
    those whose IoU reaches mean + standard deviation over all its candidates; a box that overlaps none of
    them takes them all. An anchor wanted by several boxes goes to the one of highest IoU, then to the first.

    Args:
        anchors: of the patch.
        boxes: float32 (n, 6) in voxels of the patch; n may be 0.
        candidates_per_level: how many anchors of each level are looked at.
    """
    if not len(boxes):
        none = torch.zeros(0, dtype=torch.int64, device=boxes.device)
        return Assignment(none, none, boxes.new_zeros(0))
    candidates = torch.cat(
        [_nearest(anchors.boxes, indices, boxes, candidates_per_level) for indices in anchors.eligible]
    )
    overlaps = paired_iou(anchors.boxes[candidates], boxes)
    thresholds = overlaps.mean(dim=0) + overlaps.std(dim=0)
    box, candidate = (overlaps >= thresholds).T.nonzero(as_tuple=True)
    return _best_box_of_each_anchor(candidates[candidate, box], box, overlaps[candidate, box])


def _nearest(anchor_boxes: Tensor, indices: Tensor, boxes: Tensor, count: int) -> Tensor:
    """Indices (k, n) of the k <= count anchors among `indices` with centres nearest to each of n boxes."""
    anchor_centers = _centers(anchor_boxes[indices])
    nearest = []
    for chunk in _centers(boxes).split(BOXES_AT_ONCE):
        squared = sum((anchor_centers[:, axis] - chunk[:, axis, None]) ** 2 for axis in range(3))
        distances = squared.sqrt()
        nearest.append(distances.topk(min(count, len(indices)), dim=1, largest=False).indices)
    return indices[torch.cat(nearest)].T


def _centers(boxes: Tensor) -> Tensor:
    return (boxes[:, :3] + boxes[:, 3:]) / 2


def _best_box_of_each_anchor(anchors: Tensor, boxes: Tensor, overlaps: Tensor) -> Assignment:
    """Keep one box for each anchor, from rows that are in ascending order of boxes."""
    order = overlaps.argsort(descending=True, stable=True)
    order = order[anchors[order].argsort(stable=True)]
    sorted_anchors = anchors[order]
    is_best = torch.ones_like(sorted_anchors, dtype=torch.bool)
    is_best[1:] = sorted_anchors[1:] != sorted_anchors[:-1]
    best = order[is_best]
    return Assignment(anchors[best], boxes[best], overlaps[best])
