"""A case at the voxel size that detection will run it at (spec 5.1; `engine.inference.spacing`).

A network that is trained at the scans' own voxel sizes never sees the interpolated slices that it is given
where detection resamples. Scans are resampled here by the same function; masks by the nearest voxel.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.engine.inference.spacing import (
    SpacingRange,
    nearest_spacing,
    resample,
    respaced_size,
)


def respaced_grid(grid: Grid, spacing_range: SpacingRange) -> Grid:
    """The grid at the voxel size of the range that is nearest to its own; the first voxel's centre stays.

    Args:
        grid: of the scan.
        spacing_range: least and greatest voxel size in mm along x, y, z.
    """
    (spacing,) = nearest_spacing(grid.spacing, spacing_range)
    if spacing is None:
        return grid
    return dataclasses.replace(
        grid, size=respaced_size(grid.size, grid.spacing, spacing), spacing=tuple(map(float, spacing))
    )


def respace_scan(voxels: NDArray[np.int16], source: Grid, target: Grid) -> NDArray[np.int16]:
    """A scan [x, y, z] on the grid that `respaced_grid` made of its own: trilinear, whole HU."""
    if source == target:
        return voxels
    return np.rint(resample(voxels, _step(source, target), target.size)).astype(np.int16)


def respace_mask(instances: NDArray, source: Grid, target: Grid) -> NDArray:
    """An instance mask [x, y, z] on the grid that `respaced_grid` made of its own: nearest voxel.

    No instance is lost: one that lies between voxels of the target is given the one nearest to its middle.
    """
    if source == target:
        return instances
    step = _step(source, target)
    nearest = [
        np.minimum(np.rint(np.arange(count) * distance).astype(np.intp), size - 1)
        for count, distance, size in zip(target.size, step, source.size, strict=True)
    ]
    respaced = instances[np.ix_(*nearest)]
    for value in np.setdiff1d(instances, respaced).tolist():
        places = np.argwhere(instances == value)
        middle = np.rint(places[len(places) // 2] / step).astype(np.intp)
        respaced[tuple(np.minimum(middle, np.asarray(target.size) - 1))] = value
    return respaced


def _step(source: Grid, target: Grid) -> tuple[float, ...]:
    """Voxels of the source between two of the target."""
    return tuple(new / own for new, own in zip(target.spacing, source.spacing, strict=True))
