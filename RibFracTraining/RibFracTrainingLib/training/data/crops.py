"""Crops of a scan with its lesions, padded by reflection where the scan ends.

Source: spec 7. A crop's lesions are numbered 1, 2, ... within it, so any number of instances with any values
fits; where reflection shows a lesion a second time, apart from the first, that copy is a lesion of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .classes import ClassMap
from .prepared import PreparedCase

Point = tuple[int, int, int]
Window = tuple[slice, slice, slice]


@dataclass(frozen=True)
class Crop:
    """A part of a scan.

    Attributes:
        image: int16 HU (X, Y, Z).
        instances: int16 (X, Y, Z): 0, or the number of a lesion in this crop, counted from 1.
        classes: int64 (n,): the detector's class of lesion i + 1, `classes.UNKNOWN` where none is stated.
        source: case and centre, for messages.
    """

    image: NDArray[np.int16]
    instances: NDArray[np.int16]
    classes: NDArray[np.int64]
    source: str

    def flipped(self, axes: tuple[int, ...]) -> Crop:
        """Mirrored along some axes; arrays in C order."""
        return Crop(
            np.ascontiguousarray(np.flip(self.image, axes)),
            np.ascontiguousarray(np.flip(self.instances, axes)),
            self.classes,
            self.source,
        )


def cut_crop(case: PreparedCase, classes: ClassMap, centre: Point, size: Point) -> Crop:
    """The crop of `size` voxels around `centre`.

    The window starts at max(centre - size // 2, 0) and ends with the scan; what is missing then is added on
    both sides by reflection (spec 7).

    Args:
        classes: lesions that it leaves out are background.
        centre: a voxel of the scan.
        size: voxels along x, y, z.
    """
    window = crop_window(case.grid.size, centre, size)
    image = case.image()[window]
    instances, found = _instances_in(case, classes, window)
    padding = [_padding(n, wanted) for n, wanted in zip(image.shape, size, strict=True)]
    if any(low or high for low, high in padding):
        image = np.pad(image, padding, mode="reflect")
        instances, found = _reflected(instances, found, padding)
    return Crop(
        np.array(image), instances, found, f"{case.case_id} around voxel {', '.join(map(str, centre))}"
    )


def crop_window(shape: Point, centre: Point, size: Point) -> Window:
    """The part of the scan that a crop shows; shifted at the low side only (spec 7)."""
    starts = [max(middle - wanted // 2, 0) for middle, wanted in zip(centre, size, strict=True)]
    x, y, z = (
        slice(start, min(start + wanted, end)) for start, wanted, end in zip(starts, size, shape, strict=True)
    )
    return x, y, z


def _padding(present: int, wanted: int) -> tuple[int, int]:
    """As evenly on both sides as can be, the odd voxel at the far end."""
    missing = wanted - present
    return missing // 2, missing - missing // 2


def _instances_in(
    case: PreparedCase, classes: ClassMap, window: Window
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """The numbered lesions of a window, and their classes."""
    voxels = case.lesion_voxels()
    low = np.array([part.start for part in window])
    high = np.array([part.stop for part in window])
    wanted = {lesion.instance: lesion for lesion in case.lesions_of(classes)}
    inside = ((voxels[:, :3] >= low) & (voxels[:, :3] < high)).all(axis=1)
    voxels = voxels[inside & np.isin(voxels[:, 3], list(wanted))]
    present, number = np.unique(voxels[:, 3], return_inverse=True)
    instances = np.zeros(high - low, dtype=np.int16)
    instances[tuple((voxels[:, :3] - low).T)] = number + 1
    labels = [classes.detector_class(wanted[int(value)].label) for value in present]
    return instances, np.array(labels, dtype=np.int64)


def _reflected(
    instances: NDArray[np.int16], classes: NDArray[np.int64], padding: list[tuple[int, int]]
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Padded by reflection; copies of a lesion that do not touch it get a number of their own."""
    padded = np.pad(instances, padding, mode="reflect")
    places = np.argwhere(padded)
    if not len(places):
        return padded, classes
    size = np.array(instances.shape)
    inside = places - [before for before, _ in padding]
    period = np.maximum(size - 1, 1)
    # Along each axis: 0 in the scan itself, -1 and 1 in the reflections beside it, and so on.
    images = np.where(inside < 0, inside // period, np.where(inside >= size, (inside - 1) // period, 0))
    numbers = padded[tuple(places.T)].astype(np.int64)
    copies, which = np.unique(np.column_stack([numbers, images]), axis=0, return_inverse=True)
    which = which.reshape(-1)
    boxes = [(places[which == k].min(axis=0), places[which == k].max(axis=0)) for k in range(len(copies))]
    renumbered = copies[:, 0].copy()
    labels = list(classes)
    for k in _apart(copies, boxes):
        labels.append(classes[copies[k, 0] - 1])
        renumbered[k] = len(labels)
    padded[tuple(places.T)] = renumbered[which]
    return padded, np.array(labels, dtype=np.int64)


def _apart(copies: NDArray, boxes: list[tuple[NDArray, NDArray]]) -> list[int]:
    """The reflected copies whose box does not touch the box of their lesion."""
    own = {int(row[0]): box for row, box in zip(copies, boxes, strict=True) if not row[1:].any()}
    apart = []
    for k, (row, (low, high)) in enumerate(zip(copies, boxes, strict=True)):
        first, last = own[int(row[0])]
        if row[1:].any() and ((low > last + 1).any() or (high < first - 1).any()):
            apart.append(k)
    return apart
