"""How evenly the slices of a DICOM series must lie, and what a NIfTI header may say twice."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from ribfrac_testing.bad_inputs import small_ct
from ribfrac_testing.volumes import write_dicom
from RibFracDetectorLib.case.dicom import check_positions
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.nifti_header import check_nifti
from RibFracDetectorLib.case.reading import read_ct

SOURCE, AXIAL = Path("series"), np.eye(3)[:2]
# Places in a NIfTI-1 header (nifti1.h): the voxel size along z, and both codes of orientation.
PIXDIM_Z, FORM_CODES = 88, 252
# Image Position (Patient), and a tag behind it that nobody reads.
POSITION, OTHER_POSITION = struct.pack("<2H", 0x20, 0x32), struct.pack("<2H", 0x20, 0x33)


def stack(shift: float, axis: int, of: slice) -> NDArray[np.float64]:
    """41 slices 1 mm apart, some of them moved by `shift` along an axis."""
    positions = np.zeros((41, 3))
    positions[:, 2] = np.arange(41)
    positions[of, axis] += shift
    return positions


@pytest.mark.parametrize(
    ("shift", "axis", "of", "reason"),
    [
        (0.2, 2, slice(20, 21), None),
        (0.25, 2, slice(20, 21), "not evenly spaced"),
        (0.94, 2, slice(20, 21), "not evenly spaced"),
        (0.96, 2, slice(20, 21), "1 of 41 slices lie where another one lies"),
        (0.5, 1, slice(30, 41), None),
        (0.55, 1, slice(30, 41), "shifted sideways by up to 0.55 mm"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_slices_may_lie_a_little_beside_their_place(
    shift: float, axis: int, of: slice, reason: str | None, order: int
) -> None:
    positions = stack(shift, axis, of)[::order]
    if reason is None:
        check_positions(SOURCE, positions, AXIAL)
        return
    with pytest.raises(InputError, match=reason):
        check_positions(SOURCE, positions, AXIAL)


def test_slices_without_a_position_are_refused(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "series", small_ct())
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(POSITION, OTHER_POSITION, 1))
    with pytest.raises(InputError, match="slices without position or orientation"):
        read_ct(folder)


def with_header(folder: Path, place: int, form: str, *values: float) -> Path:
    path = small_ct().write(folder / "ct.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into(f"<{form}", content, place, *values)
    path.write_bytes(content)
    return path


def test_two_spacings_may_differ_by_rounding_alone(tmp_path: Path) -> None:
    assert check_nifti(with_header(tmp_path, PIXDIM_Z, "f", 2.01)) == []
    with pytest.raises(InputError, match="two spacings"):
        check_nifti(with_header(tmp_path, PIXDIM_Z, "f", 2.03))


@pytest.mark.parametrize(("qform", "sform"), [(0, 1), (1, 0)])
def test_one_of_two_orientations_is_enough(qform: int, sform: int, tmp_path: Path) -> None:
    assert check_nifti(with_header(tmp_path, FORM_CODES, "2h", qform, sform)) == []
