"""Is this a CT that rib fractures can be looked for in?

The grid is checked before any voxel is loaded, the values before anything is computed. What is surely wrong
is refused; what is merely unusual is told and accepted. Headers that ITK would repair in silence are looked
at in `nifti_header`, `text_headers` and `dicom`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .anatomy import seems_to_hold_ribs
from .errors import InputError
from .geometry import Grid
from .nifti_header import MAX_SHEAR

# Below 0.2 mm lie micro-CT and headers in metres, above 10 mm a rib passes between two slices.
MIN_SPACING_MM, MAX_SPACING_MM = 0.2, 10.0
# Less than one window of the coarsest network stride (16) with a neighbour, or than a vertebra: no chest CT.
MIN_VOXELS, MIN_EXTENT_MM = 32, 30.0
# The published system was made for about 1 mm; from 2 mm on, undisplaced fractures vanish in the slice.
THICK_SLICE_MM = 2.0
# Fat ends near -100 HU and everything below is lung, gas or air, which no CT of a chest lacks. Padding
# outside the field of view lies far below air and proves nothing, so it does not count.
AIR_RANGE_HU = (-1100, -100)
# A single lung of a patient who fills the image takes more than a hundred times this.
MIN_AIR_FRACTION = 1e-3


def check_header(path: Path, components: int, is_complex: bool, size: tuple[int, ...]) -> None:
    """Refuse what is not one number per voxel of a 3-D volume.

    Raises:
        InputError: colour, vector or complex voxels; 2-D or 4-D.
    """
    if components != 1 or is_complex:
        found = f"{components} values per voxel (colour or vectors)" if components != 1 else "complex voxels"
        raise InputError(f"{path}: {found}, one HU number per voxel is expected; choose the CT volume itself")
    if len(size) != 3 or min(size) < 2:
        shape = " x ".join(map(str, size))
        rank = 2 if len(size) == 3 else len(size)
        raise InputError(f"{path}: the image is {rank}-D ({shape}), a 3-D CT is expected; choose one volume")


def check_grid(path: Path, grid: Grid) -> list[str]:
    """Refuse impossible sampling; return warnings, one line each.

    Raises:
        InputError: spacing out of range, axes not at right angles, too few voxels or millimetres.
    """
    spacing = np.asarray(grid.spacing)
    shown = " x ".join(f"{value:.4g}" for value in grid.spacing)
    if not (
        np.isfinite(spacing).all() and (spacing >= MIN_SPACING_MM).all() and (spacing <= MAX_SPACING_MM).all()
    ):
        raise InputError(
            f"{path}: the spacing is {shown} mm, {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm are expected; "
            "check the header's units or export the file again"
        )
    axes = grid.direction_matrix
    if not np.isfinite(axes).all() or np.abs(axes.T @ axes - np.eye(3)).max() > MAX_SHEAR:
        raise InputError(
            f"{path}: the axes are not at right angles (gantry tilt or shear); resample the volume to a "
            "rectangular grid"
        )
    extent = spacing * np.asarray(grid.size)
    if min(grid.size) < MIN_VOXELS or extent.min() < MIN_EXTENT_MM:
        size = " x ".join(map(str, grid.size))
        millimetres = " x ".join(f"{value:.4g}" for value in extent)
        raise InputError(
            f"{path}: the volume is {size} voxels ({millimetres} mm), at least {MIN_VOXELS} voxels and "
            f"{MIN_EXTENT_MM:g} mm on each axis are expected; give the whole scan"
        )
    if spacing.max() > THICK_SLICE_MM * (1 + MAX_SHEAR):
        return [
            f"slices are {spacing.max():.4g} mm apart: above {THICK_SLICE_MM:g} mm small fractures are "
            "missed; use the thin reconstruction if there is one"
        ]
    return []


def check_values(path: Path, voxels: NDArray[np.int16], grid: Grid) -> list[str]:
    """Refuse values that are no Hounsfield units; return warnings, one line each.

    Args:
        voxels: HU, [x, y, z], LPS.

    Raises:
        InputError: neither constant nor with any air: an MR scan, or a CT whose rescale was not applied.
    """
    sample = voxels[::2, ::2, ::2]
    low, high = int(voxels.min()), int(voxels.max())
    if low == high:
        return [f"every voxel is {low} HU: the volume is empty, no finding can be expected"]
    air = np.count_nonzero((sample >= AIR_RANGE_HU[0]) & (sample < AIR_RANGE_HU[1])) / sample.size
    if air < MIN_AIR_FRACTION:
        raise InputError(
            f"{path}: values from {low} to {high} with no air (below {AIR_RANGE_HU[1]} HU) among them, a CT "
            "in Hounsfield units is expected; this looks like MR, or like CT without its rescale intercept"
        )
    if not seems_to_hold_ribs(voxels, grid.spacing):
        return ["no lung with bone around it was found: this scan seems to hold no ribs"]
    return []
