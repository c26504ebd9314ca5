"""What `read_ct` refuses, what it warns about, and what it takes without a word: real files for each."""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.bad_inputs import BAD_INPUTS, GOOD_INPUTS, UNUSUAL_INPUTS, small_ct
from ribfrac_testing.reference import shared_data_folder
from ribfrac_testing.volumes import EXTENSIONS, Stored, chest, write_dicom
from RibFracDetectorLib.case import nifti_header
from RibFracDetectorLib.case.checks import check_grid
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.naming import case_id_from_name, checked_case_id
from RibFracDetectorLib.case.reading import case_id_of, read_ct
from RibFracDetectorLib.case.text_headers import check_meta, check_nrrd

# What each refusal must name, so that it tells the cause and not only that something is wrong.
CAUSES = {
    "missing file": "no such file",
    "text named nii.gz": "no NIfTI header",
    "empty file": "empty file",
    "unreadable file": "cannot be read",
    "picture": "neither a DICOM file nor one of",
    "2-D": "2-D (48 x 40)",
    "2-D nrrd": "2-D (48 x 40)",
    "4-D": "4-D (48 x 40 x 36 x 2)",
    "colour": "3 values per voxel",
    "vectors": "2 values per voxel",
    "zero spacing": "spacing (2, 0, 2) mm",
    "negative spacing": "spacing (2, -2, 2) mm",
    "NaN spacing": "spacing (2, 2, nan) mm",
    "infinite spacing": "spacing (2, 2, inf) mm",
    "two spacings": "two spacings",
    "zero spacing nrrd": "spacing (2, 0, 2) mm",
    "no spacing nrrd": "a spacing for 2 axes",
    "zero spacing mha": "spacing (2, 0, 2) mm",
    "no spacing mha": "a spacing for 0 axes",
    "spacing in metres": "0.002 x 0.002 x 0.002 mm",
    "spacing too large": "2 x 2 x 12 mm",
    "NaN voxels": "NaN or infinite",
    "NaN in the last voxel": "1 of the voxels are NaN or infinite",
    "NaN offset": "begin at byte nan",
    "infinite offset": "begin at byte inf",
    "negative offset": "begin at byte -5",
    "offset in the header": "begin at byte 0, a place behind the header is expected",
    "huge offset": "begin at byte 1e+30",
    "NaN voxels nrrd": "NaN or infinite",
    "infinite voxels mha": "NaN or infinite",
    "MR-like": "this looks like MR",
    "not rescaled": "rescale intercept",
    "truncated gzip": "cut short",
    "truncated nifti": "cut short",
    "damaged gzip": "CRC check failed",
    "truncated nrrd": "cut short",
    "truncated mha": "data not read completely",
    "damaged compressed mha": "compressed voxels are damaged",
    "mhd without data": "Cannot open data file",
    "sheared nifti": "not at right angles",
    "sheared nrrd": "not at right angles",
    "sheared mha": "not at right angles",
    "too few voxels": "48 x 40 x 20 voxels",
    "too few millimetres": "96 x 80 x 18 mm",
    "empty folder": "no readable DICOM file",
    "folder without DICOM": "no readable DICOM file",
    "two series": "2 series in one folder",
    "missing slice": "4 mm between slices 17 and 18 of 35",
    "uneven slices": "not evenly spaced",
    "duplicate slices": "1 of 36 slices lie where another one lies",
    "gantry tilt": "gantry tilt about 14 degrees",
    "localizer in the series": "2 different orientations",
    "single slice": "single slice",
    "MR series": "modality of the series is MR",
}
WARNINGS = {
    "all air": "seems to hold no ribs",
    "constant": "every voxel is 0 HU",
    "constant air": "every voxel is -1000 HU",
    "thick slices": "5 mm apart",
    "head": "seems to hold no ribs",
    "pelvis": "seems to hold no ribs",
    "lungs without bone": "seems to hold no ribs",
    "no orientation": "does not tell the orientation",
    "truncated last slice": "slice0059.dcm",
}


@pytest.mark.parametrize("kind", BAD_INPUTS)
def test_bad_input_is_refused_in_one_line(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = BAD_INPUTS[kind](tmp_path)
    capfd.readouterr()
    with pytest.raises(InputError) as caught:
        read_ct(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert CAUSES[kind] in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", UNUSUAL_INPUTS)
def test_unusual_input_is_taken_with_one_warning(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = UNUSUAL_INPUTS[kind](tmp_path)
    capfd.readouterr()
    (warning,) = read_ct(path).warnings
    assert WARNINGS[kind] in warning
    assert path.name in warning
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", GOOD_INPUTS)
def test_good_input_is_taken_in_silence(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = GOOD_INPUTS[kind](tmp_path)
    capfd.readouterr()
    assert read_ct(path).warnings == ()
    assert capfd.readouterr() == ("", "")


def grid_of(size: int = 40, spacing: float = 1.0) -> Grid:
    """A cube, but for its slices' `size` and `spacing`."""
    return Grid((40, 40, size), (1.0, 1.0, spacing))


@pytest.mark.parametrize(
    ("taken", "refused", "reason"),
    [
        (grid_of(32), grid_of(31), "at least 32 voxels"),
        (grid_of(40, 0.75), grid_of(40, 0.74), "30 mm on each axis"),
        (grid_of(200, 0.2), grid_of(200, 0.19), "0.2 to 10 mm are expected"),
        (grid_of(40, 10.0), grid_of(40, 10.1), "0.2 to 10 mm are expected"),
    ],
)
def test_grids_are_taken_up_to_the_limit_itself(taken: Grid, refused: Grid, reason: str) -> None:
    check_grid(Path("ct.nii.gz"), taken)
    with pytest.raises(InputError, match=reason):
        check_grid(Path("ct.nii.gz"), refused)


def test_slices_are_thick_above_2_mm() -> None:
    assert check_grid(Path("ct.nii.gz"), grid_of(40, 2.0005)) == [], "2 mm, rounded by a header"
    (warning,) = check_grid(Path("ct.nii.gz"), grid_of(40, 2.1))
    assert "2.1 mm apart" in warning


TEXT_HEADERS = {
    "nrrd": (check_nrrd, "NRRD0004\ndimension: 3\nspacings: 1 1 1\n", "space: left-posterior-superior\n"),
    "mha": (
        check_meta,
        "NDims = 3\nElementSpacing = 1 1 1\nDimSize = 9 9 9\n",
        "TransformMatrix = 1 0 0 0 1 0 0 0 1\n",
    ),
}


@pytest.mark.parametrize(("check", "header", "orientation"), TEXT_HEADERS.values(), ids=TEXT_HEADERS)
def test_text_headers_without_orientation_are_told(
    check: Callable, header: str, orientation: str, tmp_path: Path
) -> None:
    """ITK takes them for LPS in silence, and left may be right."""
    path = tmp_path / "header"
    path.write_text(header)
    (warning,) = check(path)
    assert "left and right may be swapped" in warning
    path.write_text(header + orientation)
    assert check(path) == []


def test_numbers_are_looked_at_in_every_piece_of_a_large_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nifti_header, "_PIECE", 4096)
    path = BAD_INPUTS["NaN in the last voxel"](tmp_path)
    with pytest.raises(InputError, match="1 of the voxels are NaN"):
        nifti_header.check_nifti(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_without_read_permission_is_refused(tmp_path: Path) -> None:
    path = small_ct().write(tmp_path / "secret.nii.gz")
    path.chmod(0)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\)"):
        read_ct(path)


def test_several_series_name_files_that_choose_one(tmp_path: Path) -> None:
    first, second = small_ct(), Stored(small_ct().array[::-1])
    folder = write_dicom(tmp_path / "both", first, uid="1.2.826.0.1.3680043.8.498.1")
    write_dicom(folder, second, uid="1.2.826.0.1.3680043.8.498.2", first_number=100)
    with pytest.raises(InputError, match=r"slice0000\.dcm \(36 slices.*slice0100\.dcm \(36 slices"):
        read_ct(folder)
    assert np.array_equal(read_ct(folder / "slice0000.dcm").voxels, first.array)
    assert np.array_equal(read_ct(folder / "slice0120.dcm").voxels, second.array)


def test_other_files_in_a_dicom_folder_do_not_matter(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "series", small_ct())
    (folder / "notes.txt").write_text("from the archive\n")
    small_ct().write(folder / "export.nii.gz")
    assert np.array_equal(read_ct(folder).voxels, small_ct().array)


def test_slices_with_rounded_positions_are_even_enough(tmp_path: Path) -> None:
    """Some scanners round positions to 0.1 mm: at 0.75 mm the distances are 0.7 and 0.8 mm."""
    stored = Stored(chest((48, 40, 48)), spacing=(2.0, 2.0, 0.75), origin=(0.0, 0.0, 0.0))
    shifts = {z: (0.0, 0.0, round(0.75 * z, 1) - 0.75 * z) for z in range(48)}
    folder = write_dicom(tmp_path / "rounded", stored, shifts=shifts)
    assert read_ct(folder).grid.spacing == pytest.approx((2, 2, 0.75), rel=0.01)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"spacing": (2.5, 2.5, 2.0)}, "2 different pixel spacings within the series"),
        ({"array": small_ct().array[:40]}, "slices of different sizes within the series"),
    ],
)
def test_a_series_of_two_fields_of_view_is_refused(change: dict, reason: str, tmp_path: Path) -> None:
    """GDCM would take the first slice's for all."""
    stored = small_ct()
    half, end = stored.array.shape[2] // 2, stored.array.shape[2]
    folder = write_dicom(tmp_path / "mixed", stored, skip=range(half, end))
    write_dicom(folder, replace(stored, **change), skip=range(half))
    with pytest.raises(InputError, match=reason):
        read_ct(folder)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_case_id_is_the_file_name_without_extensions(extension: str, tmp_path: Path) -> None:
    path = small_ct().write(tmp_path / f"RibFrac1.2 köln(b){extension}")
    assert case_id_of(path) == read_ct(path).case_id == "RibFrac1.2_köln_b_"


def test_case_id_of_dicom_depends_on_the_series_alone(tmp_path: Path) -> None:
    folder = write_dicom(tmp_path / "Doe^John", small_ct(), uid="1.2.3.4")
    copied = Path(shutil.copytree(folder, tmp_path / "elsewhere"))
    other = write_dicom(tmp_path / "other", small_ct(), uid="1.2.3.5")
    case_id = case_id_of(folder)
    assert case_id.startswith("dicom-")
    assert len(case_id) == len("dicom-") + 12
    assert case_id == case_id_of(copied) == case_id_of(folder / "slice0003.dcm") == read_ct(copied).case_id
    assert case_id != case_id_of(other)


def test_case_ids_are_the_same_however_a_system_spells_letters_and_count_bytes() -> None:
    """macOS gives ö as o with a mark."""
    composed, apart = (unicodedata.normalize(form, "köln.nii.gz") for form in ("NFC", "NFD"))
    assert case_id_from_name(Path(composed)) == case_id_from_name(Path(apart)) == "köln"
    assert checked_case_id("x" * 150) == "x" * 150
    with pytest.raises(InputError, match="152 bytes long, at most 150"):
        checked_case_id("ö" * 76)


@pytest.mark.parametrize("case_id", ["", "../up", "a/b", ".hidden", "-option", "a b", "x" * 151])
def test_case_id_unfit_for_file_names_is_refused(case_id: str, tmp_path: Path) -> None:
    path = small_ct().write(tmp_path / "ct.nii.gz")
    with pytest.raises(InputError, match="choose a"):
        read_ct(path, case_id)


def test_values_are_clipped_and_cut_off_toward_zero(tmp_path: Path) -> None:
    array = small_ct().array.astype(np.float32)
    array[0, 0, :6] = [-1.9, 1.9, -40000.0, 40000.0, -0.5, 1024.999]
    path = Stored(array).write(tmp_path / "float.nrrd")
    voxels = read_ct(path).voxels
    assert voxels.dtype == np.int16
    assert voxels[0, 0, :6].tolist() == [-1, 1, -32768, 32767, 0, 1024]


@pytest.mark.parametrize("name", ["golden_S", "golden_D"])
def test_golden_volumes_are_accepted(name: str, reference: Path) -> None:
    paths = sorted((reference / name).glob("*_image.nii.gz"))
    assert paths
    for path in paths:
        ct = read_ct(path)
        assert ct.voxels.shape == ct.grid.size


def test_real_chest_scans_are_taken_without_a_word() -> None:
    folder = shared_data_folder() / "ct"
    if not folder.is_dir():
        pytest.skip(f"no real CT in {folder}; see RIBFRAC_SHARED_DATA")
    paths = sorted(folder.glob("*.nii.gz"))
    assert paths
    for path in paths:
        assert read_ct(path).warnings == ()
