"""Overlap and centres of 3D boxes (x1, y1, z1, x2, y2, z2), and the boxes of an instance mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

_LARGEST_EXTENT = 1024.0
"""The original clips the extents of boxes and overlaps here before it forms an IoU (spec 9.1)."""


def box_centers(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Middle of each box, (n, 6) -> (n, 3)."""
    return (boxes[:, :3] + boxes[:, 3:]) / 2


def box_iou(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of each pair, (n, 6) and (m, 6) -> (n, m); 0 where both are empty."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    low = np.maximum(a[:, None, :3], b[None, :, :3])
    high = np.minimum(a[:, None, 3:], b[None, :, 3:])
    overlap = _volume(high - low)
    union = _volume(a[:, 3:] - a[:, :3])[:, None] + _volume(b[:, 3:] - b[:, :3])[None] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def _volume(extents: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.prod(np.clip(extents, 0.0, _LARGEST_EXTENT), axis=-1)


def points_in_boxes(points: NDArray[np.float64], boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each point lies in each box, borders included: (n, 3) and (m, 6) -> (n, m)."""
    after = points[:, None] >= boxes[None, :, :3]
    before = points[:, None] <= boxes[None, :, 3:]
    return (after & before).all(axis=2)


def centers_meet(
    centers: NDArray[np.float64],
    boxes: NDArray[np.float64],
    other_centers: NDArray[np.float64],
    other_boxes: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Whether the centre of one lies in the box of the other, of n and m boxes with their centres: (n, m)."""
    return points_in_boxes(centers, other_boxes) | points_in_boxes(other_centers, boxes).T


def mask_boxes(labels: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The values of an instance mask, ascending, and their half-open boxes, (n,) and (n, 6).

    Args:
        labels: (x, y, z), 0 is background.
    """
    found = [(value, place) for value, place in enumerate(ndimage.find_objects(labels), 1) if place]
    values = np.array([value for value, _ in found], dtype=np.int64)
    boxes = [[axis.start for axis in place] + [axis.stop for axis in place] for _, place in found]
    return values, np.array(boxes, dtype=np.float64).reshape(-1, 6)
