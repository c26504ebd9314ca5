"""A real scan as a body: its ribs from a mask, or found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid, corners_apart, grid_text
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.case.reading import read_ct
from scipy import ndimage

from ..body import RIB_NUMBERS, Body
from .settings import BodySpec

NUMBERS = "1 to 12 in the right ribs from the top and 13 to 24 in the left ones"
# Muscle has 35 to 65 HU. Healthy ribs have 150 and more in the middle, of masks a voxel too wide 70 and more.
LEAST_BONE_HU = 65.0
LARGE_PIECE_MM3 = 500.0  # the smallest ribs have 2000
# Scans and gaps in a mask cut a rib in two or three; a mask that tells no ribs apart has one value for all.
MOST_PIECES, MOST_PIECES_ALONE = 3, 2


def read_body(spec: BodySpec) -> Body:
    """The body of a scan.

    Raises:
        InputError: see `read_files`; or no ribs are named and none are found.
    """
    ct, ribs = read_files(spec)
    hu = ct.voxels.astype(np.float32, order="F")
    if ribs is None:
        from ..ribs.finding import find_ribs

        found = find_ribs(hu, ct.grid.spacing)
        if not found.usable:
            raise InputError(f"{spec.file}: {found.verdict}; give a mask of the ribs with ,ribs:FILE")
        ribs = found.ribs
    return Body(hu, ribs, ct.grid.spacing)


def read_files(spec: BodySpec) -> tuple[CtVolume, NDArray[np.uint8] | None]:
    """The scan, and the mask [x, y, z] of its ribs where one is named.

    Raises:
        InputError: one cannot be read, or the mask lies elsewhere, is empty, does not number the ribs, or is
            not on bone.
    """
    ct = read_ct(Path(spec.file))
    if not spec.ribs:
        return ct, None
    stored, grid = read_mask(Path(spec.ribs))
    _check_grid(spec, ct.grid, grid)
    ribs = _rib_numbers(spec, stored)
    _check_pieces(spec, ribs, ct.grid)
    _check_bone(spec, ct.voxels[ribs > 0])
    return ct, ribs


def _check_grid(spec: BodySpec, scan: Grid, mask: Grid) -> None:
    """Half a voxel is allowed, as in `prepare`: headers are rounded."""
    if scan.size == mask.size and corners_apart(scan, mask) <= min(scan.spacing) / 2:
        return
    raise InputError(
        f"{spec.ribs} lies on {grid_text(mask)}, its scan on {grid_text(scan)}; make the mask on the grid of "
        "the scan"
    )


def _rib_numbers(spec: BodySpec, stored: NDArray) -> NDArray[np.uint8]:
    """The mask [x, y, z] as numbers of ribs."""
    values = set(np.unique(stored).tolist())
    if strange := values - {0, *RIB_NUMBERS}:
        raise InputError(f"{spec.ribs}: value {min(strange)} is no rib; expected {NUMBERS}")
    if not values - {0}:
        raise InputError(f"{spec.ribs}: no rib is marked; expected {NUMBERS}")
    return stored.astype(np.uint8)


def _check_pieces(spec: BodySpec, ribs: NDArray[np.uint8], grid: Grid) -> None:
    """Refuse a mask in which one value stands for several ribs."""
    boxes = {value: box for value, box in enumerate(ndimage.find_objects(ribs), start=1) if box is not None}
    allowed = MOST_PIECES if len(boxes) > 1 else MOST_PIECES_ALONE
    for value, box in boxes.items():
        pieces, _ = ndimage.label(ribs[box] == value, np.ones((3, 3, 3)))
        large = int((np.bincount(pieces.ravel())[1:] * grid.voxel_volume >= LARGE_PIECE_MM3).sum())
        if large > allowed:
            raise InputError(
                f"{spec.ribs}: value {value} marks {large} separate pieces; expected one rib for each value, "
                f"{NUMBERS}"
            )


def _check_bone(spec: BodySpec, hu: NDArray[np.int16]) -> None:
    """Refuse a mask that lies beside the ribs, whatever its header says."""
    if (median := float(np.median(hu))) < LEAST_BONE_HU:
        raise InputError(
            f"{spec.ribs}: the median under the mask is {median:.0f} HU, which is no bone; expected at least "
            f"{LEAST_BONE_HU:.0f}: is it the mask of this scan, and not mirrored?"
        )
