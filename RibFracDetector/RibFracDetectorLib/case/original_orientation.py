"""How the original system's NIfTI reader turns a volume (spec 1); for mode `original` only.

It looks for the world axis that dominates each column of the RAS affine, transposes the array by that list,
and then reverses axis i by the sign of the diagonal element A[i, i] of the affine *before* the
transposition. For axial volumes, the usual ones, the result is LPS order. For sagittal and coronal volumes
it is not: the list is applied where its inverse is needed, axes are not reversed, and the spacings end up
on the wrong axes. This is a defect of the original, repeated here because its numbers depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .ct import CtVolume
from .errors import InputError
from .geometry import LPS_TO_RAS, Grid, reindex

_DECIMALS = 6  # of the returned affine


@dataclass(frozen=True)
class OriginalReading:
    """A CT as the original system sees it.

    Attributes:
        ct: its voxels are in the original's order; its grid says truly where they are, so boxes and masks
            computed on them land in the right place.
        spacing: millimetres along x, y, z as the original believes: the diagonal of its affine, on wrong
            axes for sagittal and coronal volumes and too small for oblique ones.
    """

    ct: CtVolume
    spacing: tuple[float, float, float]


def original_orientation(array: NDArray, affine: NDArray[np.float64]) -> tuple[NDArray, NDArray[np.float64]]:
    """The original reader's array and affine; the array is a view, nothing is copied.

    Args:
        array: voxels along the file's axes i, j, k.
        affine: 4x4, from (i, j, k) to RAS mm.

    Returns:
        The turned array, and the 4x4 affine with the dominant elements on the diagonal, rounded to 6 decimals
        in float32. Reversed axes do not show in it.

    Raises:
        InputError: two columns are dominated by the same world axis; the original fails on such scans, too.
    """
    order, reversed_axes = _turns(affine)
    turned = np.transpose(array, order)[tuple(slice(None, None, -1 if flip else 1) for flip in reversed_axes)]
    moved = np.array(affine, dtype=np.float64)
    moved[:3, :3] = affine[order, :3]
    return turned, np.round(moved, _DECIMALS).astype(np.float32).astype(np.float64)


def read_as_original(ct: CtVolume) -> OriginalReading:
    """The CT as the original system would have read it from its file.

    For axial scans this is `ct` itself, up to rounding of the spacing. The voxels are a view of `ct.voxels`.
    `CtReference.of` must be given `ct`, not the result, which may lack the LPS order.

    Raises:
        InputError: see `original_orientation`.
    """
    stored = reindex(ct.voxels, ct.grid, ct.stored_grid)
    affine = ras_affine(ct.stored_grid)
    voxels, believed = original_orientation(stored, affine)
    x, y, z = np.abs(np.diag(believed)[:3]).tolist()
    grid = _turned_grid(ct.stored_grid, *_turns(affine))
    return OriginalReading(replace(ct, voxels=voxels, grid=grid), (x, y, z))


def ras_affine(grid: Grid) -> NDArray[np.float64]:
    """The 4x4 affine from voxel indices of `grid` to RAS mm, as a NIfTI header has it."""
    affine = np.eye(4)
    affine[:3, :3] = LPS_TO_RAS @ grid.direction_matrix * np.asarray(grid.spacing)
    affine[:3, 3] = LPS_TO_RAS @ np.asarray(grid.origin)
    return affine


def _turns(affine: NDArray[np.float64]) -> tuple[list[int], list[bool]]:
    """The transposition, and which of the axes after it are reversed."""
    order = [int(axis) for axis in np.abs(affine[:3, :3]).argmax(axis=0)]
    if sorted(order) != [0, 1, 2]:
        raise InputError(
            "mode original cannot read a scan turned so far that two of its axes run along the "
            "same body axis; use the mode standard"
        )
    x, y, z = np.diag(affine)[:3]
    return order, [bool(x > 0), bool(y > 0), bool(z < 0)]


def _turned_grid(grid: Grid, order: list[int], reversed_axes: list[bool]) -> Grid:
    signs = np.where(reversed_axes, -1.0, 1.0)
    first = [0, 0, 0]
    for axis, flip in zip(order, reversed_axes, strict=True):
        first[axis] = grid.size[axis] - 1 if flip else 0
    origin = grid.index_to_lps(first)
    size = tuple(grid.size[axis] for axis in order)
    spacing = tuple(grid.spacing[axis] for axis in order)
    direction = (grid.direction_matrix[:, order] * signs).ravel()
    return Grid(size, spacing, tuple(origin.tolist()), tuple(direction.tolist()))
