"""What bodies are painted on: HU and rib numbers on one grid, touched only inside local windows.

The arrays are indexed [x, y, z] with x fastest in memory, so a slice is one block: soft tissue is painted
slice by slice and never needs a second full volume.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from RibFracDetectorLib.case.errors import InputError
from scipy import ndimage

from ..body import Body

AIR_HU = -1000.0


@dataclass(frozen=True)
class Frame:
    """The grid of a canvas.

    Attributes:
        size: voxels along x, y, z.
        spacing: mm.
        origin: LPS mm of the centre of voxel (0, 0, 0).
    """

    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]

    @cached_property
    def axes(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Millimetres of the voxel centres along each axis."""
        x, y, z = (
            (start + step * np.arange(count)).astype(np.float32)
            for start, step, count in zip(self.origin, self.spacing, self.size, strict=True)
        )
        return x, y, z

    @property
    def edge(self) -> float:
        """Geometric mean of the spacing, mm: how wide a soft edge is."""
        return float(np.prod(self.spacing) ** (1 / 3))


@dataclass(frozen=True)
class Window:
    """A box of voxels of a canvas.

    Attributes:
        slices: of the canvas's arrays.
        x, y, z: mm of its voxels, shaped (nx, 1, 1), (1, ny, 1), (1, 1, nz).
    """

    slices: tuple[slice, slice, slice]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    z: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y, z."""
        return self.x.size, self.y.size, self.z.size

    def part(self, low: ArrayLike, high: ArrayLike) -> Window | None:
        """The voxels between two corners in mm, with slices of this window's arrays, or None."""
        axes = [axis.ravel() for axis in (self.x, self.y, self.z)]
        slices = []
        for axis, first, last in zip(axes, np.ravel(low), np.ravel(high), strict=True):
            begin, end = np.searchsorted(axis, [first, last], side="left")
            if begin >= end:
                return None
            slices.append(slice(int(begin), int(end)))
        a, b, c = slices
        return Window((a, b, c), self.x[a], self.y[:, b], self.z[:, :, c])


class Canvas:
    """HU and rib numbers under construction."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        shape = frame.size[::-1]
        self.hu = np.full(shape, AIR_HU, np.float32).T
        self.ribs = np.zeros(shape, np.uint8).T

    def window(self, low: ArrayLike, high: ArrayLike) -> Window | None:
        """The voxels whose centres lie between two corners in mm; None where there is none."""
        frame = self.frame
        slices = []
        for start, step, count, first, last in zip(
            frame.origin, frame.spacing, frame.size, np.ravel(low), np.ravel(high), strict=True
        ):
            begin = max(0, int(np.ceil((first - start) / step)))
            end = min(count, int(np.floor((last - start) / step)) + 1)
            if begin >= end:
                return None
            slices.append(slice(begin, end))
        x, y, z = (axis[part] for axis, part in zip(frame.axes, slices, strict=True))
        return Window(tuple(slices), x[:, None, None], y[None, :, None], z[None, None, :])

    def cover(self, distance: NDArray[np.float32] | float, soft_mm: float = 0.0) -> NDArray[np.float32]:
        """How much of each voxel lies inside a surface, 0 to 1, from signed distances in mm (inside < 0).

        A surface that is no sharp border passes into what lies behind it over `soft_mm`.
        """
        return np.clip(0.5 - distance / np.float32(self.frame.edge + soft_mm), 0, 1)

    def blend(self, window: Window, cover: NDArray[np.float32], value: NDArray[np.float32] | float) -> None:
        """Mix `value` HU into a window, by `cover` from 0 to 1."""
        part = self.hu[window.slices]
        part += cover * (value - part)

    def blend_at(
        self, places: tuple[NDArray[np.intp], ...], cover: NDArray[np.float32], value: NDArray | float
    ) -> None:
        """Mix `value` HU into single voxels, by `cover` from 0 to 1."""
        old = self.hu[places]
        self.hu[places] = old + cover * (value - old)

    def body(self) -> Body:
        """The finished chest."""
        return Body(self.hu, self.ribs, self.frame.spacing)


def check_heights(heights_mm: tuple[float, float], ribs: NDArray) -> None:
    """Refuse heights at which a body has no rib, before anything is painted.

    Args:
        heights_mm: least and greatest z.
        ribs: (n,) z of points of the ribs, mm from where the heights count.

    Raises:
        InputError: the heights, and those of the ribs.
    """
    low, high = heights_mm
    if high < ribs.min() or low > ribs.max():
        raise InputError(
            f"heights {low:g} to {high:g} mm: no rib lies there; choose some between {ribs.min():.0f} and "
            f"{ribs.max():.0f} mm, where the ribs of this body are"
        )


def drop_islands(ribs: NDArray[np.uint8], share: float) -> None:
    """Unmark the pieces of each rib that are smaller than a share of its largest."""
    for number, box in enumerate(ndimage.find_objects(ribs), start=1):
        if box is None:
            continue
        pieces, count = ndimage.label(ribs[box] == number)
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            small = sizes < share * sizes[1:].max()
            ribs[box][(pieces > 0) & small[pieces]] = 0
