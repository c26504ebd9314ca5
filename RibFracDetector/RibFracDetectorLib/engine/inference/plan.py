"""Which windows of a view are run: those that hold a part of the rib region, and no others.

Windows lie in layers along z. Each layer has rows along y and each row columns along x, spread evenly over
what the region takes up there. The grid goes on beyond the region to the borders of the view; those windows
are the ones that are skipped, or run too when `exhaustive` is set, so that the windows of a plan are exactly
the same in both cases. Without a region the grid is that of the original (`windows.window_starts`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .rib_region import RibRegion
from .views import ViewGrid
from .windows import Size, window_interval, window_starts


@dataclass(frozen=True)
class WindowPlan:
    """The windows of one view.

    Attributes:
        starts: of the windows to run, in voxels of the view, z innermost.
        skipped: how many windows of the whole grid are not run.
    """

    starts: list[Size]
    skipped: int = 0


def plan_windows(
    grid: ViewGrid, region: RibRegion | None, roi_size: Size, overlap: float, exhaustive: bool
) -> WindowPlan:
    """The plan of one view.

    Args:
        grid: the view.
        region: where ribs may be; None asks for the original's grid.
        roi_size: window in voxels.
        overlap: the least fraction of a window shared with its neighbour.
        exhaustive: whether the windows beyond the region are run as well.
    """
    if region is None:
        return WindowPlan(window_starts(grid.padded_size, roi_size, overlap))
    boxes = _boxes_in_view(region.boxes, grid)
    needed: list[Size] = []
    others: list[Size] = []
    for start, covers in _grid_around(boxes, grid.padded_size, roi_size, overlap):
        (needed if covers and _holds_any(boxes, start, roi_size) else others).append(start)
    if exhaustive:
        return WindowPlan(sorted(needed + others))
    return WindowPlan(sorted(needed), len(others))


@dataclass(frozen=True)
class AxisStarts:
    """Window starts along one axis.

    Attributes:
        covering: spread evenly over a range, which they cover.
        beyond: the same distances apart on both sides of the range, to the ends of the axis.
    """

    covering: list[int]
    beyond: list[int]

    def __iter__(self) -> Iterator[tuple[int, bool]]:
        """Every start, and whether it is one of `covering`."""
        yield from ((start, True) for start in self.covering)
        yield from ((start, False) for start in self.beyond)


def axis_starts_around(low: float, high: float, extent: int, window: int, overlap: float) -> AxisStarts:
    """Starts along an axis of `extent` >= `window` voxels that cover low..high, and all others."""
    interval, last = window_interval(window, overlap), extent - window
    low, high = max(math.floor(low), 0), min(math.ceil(high), extent)
    if high - low <= window:
        covering = [min(max((low + high - window) // 2, 0), last)]
    else:
        gaps = math.ceil((high - low - window) / interval)
        covering = [low + round(k * (high - low - window) / gaps) for k in range(gaps + 1)]
    before = range(covering[0] - interval, -interval, -interval) if covering[0] > 0 else ()
    behind = range(covering[-1] + interval, last + interval, interval) if covering[-1] < last else ()
    return AxisStarts(covering, [*(max(n, 0) for n in before), *(min(n, last) for n in behind)])


def _grid_around(
    boxes: NDArray, size: Sequence[int], roi_size: Size, overlap: float
) -> Iterator[tuple[Size, bool]]:
    """All windows of a view, and whether they are among those that cover the boxes."""
    for z, z_covers in _starts_around(boxes, 2, size, roi_size, overlap):
        layer = boxes[_meet(boxes, 2, z, roi_size)]
        for y, y_covers in _starts_around(layer, 1, size, roi_size, overlap):
            row = layer[_meet(layer, 1, y, roi_size)]
            for x, x_covers in _starts_around(row, 0, size, roi_size, overlap):
                yield (x, y, z), z_covers and y_covers and x_covers


def _starts_around(
    boxes: NDArray, axis: int, size: Sequence[int], roi_size: Size, overlap: float
) -> AxisStarts:
    extent, window = size[axis], roi_size[axis]
    if not len(boxes):
        return axis_starts_around(0, extent, extent, window, overlap)
    return axis_starts_around(boxes[:, axis].min(), boxes[:, axis + 3].max(), extent, window, overlap)


def _meet(boxes: NDArray, axis: int, start: int, roi_size: Size) -> NDArray[np.bool_]:
    """Which boxes share a voxel with a window along one axis."""
    return (boxes[:, axis] < start + roi_size[axis]) & (boxes[:, axis + 3] > start)


def _holds_any(boxes: NDArray, start: Size, roi_size: Size) -> bool:
    """Whether a window shares a voxel with any box."""
    return bool(np.all([_meet(boxes, axis, start[axis], roi_size) for axis in range(3)], axis=0).any())


def _boxes_in_view(boxes: NDArray, grid: ViewGrid) -> NDArray:
    """Boxes of the scan in voxels of the view (the same rule as `StandardProcedure.boxes_to_scan`).

    Each box also holds the voxel of the view that is nearest to its last one: where the step is 2 or more,
    that may lie beyond the scaled border.
    """
    high = boxes[:, 3:]
    behind_nearest = np.floor((high - 1) / grid.step + 0.5) + 1
    scaled = np.hstack([boxes[:, :3] / grid.step, np.maximum(high / grid.step, behind_nearest)])
    for axis in grid.flip_axes:
        mirror = grid.padded_size[axis]
        scaled[:, [axis, axis + 3]] = mirror - scaled[:, [axis + 3, axis]]
    return scaled
