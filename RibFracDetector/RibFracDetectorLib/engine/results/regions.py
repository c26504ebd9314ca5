"""From a foreground probability map to separate regions with a score. Source: spec 5.6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

ALL_NEIGHBOURS = np.ones((3, 3, 3), bool)
COUNTED_AT_ONCE = 2**25


@dataclass(frozen=True)
class Region:
    """One connected piece of the segmentation.

    Attributes:
        box: half-open voxel box (x1, y1, z1, x2, y2, z2), whole numbers.
        center: centroid (x, y, z) in voxels, rounded.
        score: mean foreground probability of its voxels.
        voxels: how many voxels it has.
    """

    box: tuple[int, ...]
    center: tuple[int, ...]
    score: float
    voxels: int

    @property
    def continuous_box(self) -> tuple[float, ...]:
        """The box in continuous voxel indices, where a voxel reaches half an index beyond its centre."""
        return tuple(edge - 0.5 for edge in self.box)


def threshold_and_clean(probability: NDArray, cutoff: float, min_voxels: int) -> NDArray[np.bool_]:
    """Voxels above `cutoff`, without 6-connected pieces of fewer than `min_voxels` voxels; bool [x, y, z]."""
    mask = probability > cutoff
    around = _around(mask)
    pieces, count = ndimage.label(mask[around])
    if count == 0 or min_voxels <= 1:
        return mask
    large = _sizes(pieces, count) >= min_voxels
    large[0] = False
    mask[around] = large[pieces]
    return mask


def label_regions(mask: NDArray[np.bool_], probability: NDArray) -> tuple[NDArray[np.int32], list[Region]]:
    """The 26-connected regions of `mask`.

    Returns:
        Labels [x, y, z] with 0 for background, and the region of label i at index i - 1.
    """
    labels = np.zeros(mask.shape, np.int32)
    around = _around(mask)
    count = ndimage.label(mask[around], ALL_NEIGHBOURS, output=labels[around])
    boxes = ndimage.find_objects(labels)
    return labels, [_describe(labels, probability, index + 1, boxes[index]) for index in range(count)]


def _sizes(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Voxels of every label from 0 to `count`; in parts, because counting makes a copy in 64 bits."""
    sizes = np.zeros(count + 1, np.int64)
    for part in np.array_split(labels.reshape(-1), labels.size // COUNTED_AT_ONCE + 1):
        sizes += np.bincount(part, minlength=count + 1)
    return sizes


def _around(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box that holds all of `mask`: labelling takes its time everywhere else, too."""
    found = ndimage.find_objects(mask.view(np.uint8))
    return found[0] if found else (slice(0, 0),) * mask.ndim


def _describe(labels: NDArray, probability: NDArray, label: int, box: Sequence[slice]) -> Region:
    member = labels[tuple(box)] == label
    starts = [axis.start for axis in box]
    voxels = int(np.count_nonzero(member))
    return Region(
        box=tuple(int(n) for n in (*starts, *(axis.stop for axis in box))),
        center=tuple(round(start + _mean_index(member, axis, voxels)) for axis, start in enumerate(starts)),
        score=float(probability[tuple(box)][member].mean(dtype=np.float64)),
        voxels=voxels,
    )


def _mean_index(member: NDArray[np.bool_], axis: int, voxels: int) -> float:
    """Mean index of the voxels of `member` along one axis, without a list of them."""
    others = tuple(other for other in range(member.ndim) if other != axis)
    return float(np.count_nonzero(member, axis=others) @ np.arange(member.shape[axis]) / voxels)
