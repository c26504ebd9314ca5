"""Boxes that a reader draws or types, checked against the volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..case.errors import InputError
from ..case.geometry import BoxRas, Grid

Box = tuple[float, float, float, float, float, float]

# Long enough for the ends of a displaced rib with what lies around them.
NEW_BOX_MM = 24.0
# An axis this far from the volume's is a rotation, not a rounding.
_PARALLEL = 1e-4


def center(box: Sequence[float]) -> tuple[float, float, float]:
    """The middle in continuous voxel indices."""
    x, y, z = ((low + high) / 2 for low, high in zip(box[:3], box[3:], strict=True))
    return x, y, z


def inside(box: Sequence[float], grid: Grid) -> Box:
    """The part of a box that lies in the volume.

    Raises:
        InputError: not six numbers, corners swapped, or wholly outside.
    """
    values = np.asarray(box, dtype=np.float64)
    if values.shape != (6,) or not np.isfinite(values).all() or (values[:3] >= values[3:]).any():
        raise InputError(f"the box {list(box)}: x1, y1, z1 < x2, y2, z2 in voxels are expected")
    top = np.asarray(grid.size) - 0.5
    low, high = np.maximum(values[:3], -0.5), np.minimum(values[3:], top)
    if (low >= high).any():
        raise InputError(f"the box {list(box)} lies outside of the volume of {grid.size} voxels")
    return tuple(float(value) for value in (*low, *high))


def from_ras(box: BoxRas, grid: Grid) -> Box:
    """A box of patient space in voxels.

    Raises:
        InputError: its axes are not the volume's.
    """
    expected = np.asarray(grid.box_to_ras((0, 0, 0, 1, 1, 1)).axes)
    if not np.allclose(np.abs(np.asarray(box.axes) @ expected.T), np.eye(3), atol=_PARALLEL):
        raise InputError("the box is turned against the CT's axes; boxes are moved and sized, not turned")
    x1, y1, z1, x2, y2, z2 = grid.box_from_ras(box)
    return x1, y1, z1, x2, y2, z2


def around(point: Sequence[float], grid: Grid) -> Box:
    """A box of the usual size around a place in voxels.

    Raises:
        InputError: the place is outside of the volume.
    """
    half = NEW_BOX_MM / 2 / np.asarray(grid.spacing)
    place = np.asarray(point, dtype=np.float64)
    if (place < -0.5).any() or (place > np.asarray(grid.size) - 0.5).any():
        raise InputError(f"the place {list(point)} lies outside of the volume of {grid.size} voxels")
    return inside([*(place - half), *(place + half)], grid)


def payload(box: Box, grid: Grid) -> dict[str, Any]:
    """The box as an event of the log holds it."""
    ras = grid.box_to_ras(box)
    axes = [list(axis) for axis in ras.axes]
    return {
        "box_voxels": list(box),
        "box_ras": {"center": list(ras.center), "size": list(ras.size), "axes": axes},
    }
