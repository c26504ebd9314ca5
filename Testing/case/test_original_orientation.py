"""How the original system turns a volume: parity with its reader, and honesty about where the voxels are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.reference import Golden
from ribfrac_testing.volumes import ORIENTATIONS, Stored, chest, rotation
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid, reindex
from RibFracDetectorLib.case.original_orientation import (
    original_orientation,
    ras_affine,
    read_as_original,
)
from RibFracDetectorLib.case.reading import read_ct

AXIAL = [code for code in ORIENTATIONS if code[0] in "LR" and code[1] in "PA"]
SIZE, SPACING = (40, 36, 34), (1.0, 1.25, 1.5)


def test_parity_with_the_original_reader(golden_common: Golden) -> None:
    arrays = golden_common.arrays("common")
    cases = golden_common.facts["orientation"]
    assert cases
    for case in cases:
        array, affine = original_orientation(arrays["orientation_base"], np.asarray(case["affine_in"]))
        assert np.array_equal(array, arrays[f"read_{case['name']}"]), case["name"]
        assert list(array.shape) == case["shape_out"]
        assert np.allclose(affine, case["affine_out"], rtol=0, atol=1e-5), case["name"]


@pytest.mark.parametrize("orientation", AXIAL)
def test_axial_scans_are_read_as_in_standard_mode(orientation: str, tmp_path: Path) -> None:
    stored = Stored(chest(SIZE, SPACING), SPACING).turned(orientation)
    ct = read_ct(stored.write(tmp_path / "ct.nii.gz"))
    reading = read_as_original(ct)
    assert np.array_equal(reading.ct.voxels, ct.voxels)
    assert reading.ct.grid.size == ct.grid.size
    assert np.allclose(reading.ct.grid.index_to_ras((1, 2, 3)), ct.grid.index_to_ras((1, 2, 3)))
    assert reading.spacing == pytest.approx(ct.grid.spacing, abs=1e-6)


def test_sagittal_scans_get_spacing_on_the_wrong_axis(tmp_path: Path) -> None:
    """The defect is there, or mode original would not repeat the original's numbers."""
    stored = Stored(chest(SIZE, SPACING), SPACING).turned("SPL")
    reading = read_as_original(read_ct(stored.write(tmp_path / "ct.nii.gz")))
    assert reading.spacing == pytest.approx(SPACING[::-1])
    assert reading.ct.grid.spacing == pytest.approx(SPACING)


angles = st.tuples(*[st.floats(-20, 20)] * 3)


@settings(max_examples=60, deadline=None)
@given(orientation=st.sampled_from(ORIENTATIONS), degrees=angles)
def test_the_grid_says_truly_where_the_voxels_are(
    orientation: str, degrees: tuple[float, float, float]
) -> None:
    turned = Stored(np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6), SPACING)
    turned = Stored(turned.array, SPACING, direction=rotation(degrees)).turned(orientation)
    grid = Grid(turned.array.shape, turned.spacing, turned.origin, tuple(turned.direction.ravel().tolist()))
    # As if the file's own axes were those of the CT in memory: only the relation of the two grids matters.
    ct = CtVolume(turned.array, grid, grid, Path("ct.nii.gz"), "ct")
    reading = read_as_original(ct)
    for value in (0, 17, 119):
        ((i, j, k),) = np.argwhere(turned.array == value)
        ((x, y, z),) = np.argwhere(reading.ct.voxels == value)
        assert np.allclose(reading.ct.grid.index_to_lps((x, y, z)), turned.point((i, j, k)), atol=1e-9)
    assert np.array_equal(reindex(reading.ct.voxels, reading.ct.grid, grid), turned.array)


def test_scan_with_two_axes_along_one_is_refused() -> None:
    affine = ras_affine(Grid((3, 4, 5), (1, 1, 1), direction=tuple(rotation((35, 30, 45)).ravel())))
    affine[:3, 1] = affine[:3, 0]
    with pytest.raises(InputError, match="use the mode standard"):
        original_orientation(np.zeros((3, 4, 5)), affine)
