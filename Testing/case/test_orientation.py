"""The same scan stored along any axes reads to the same LPS volume, and masks land on the file's own grid."""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.bad_inputs import small_ct
from ribfrac_testing.volumes import EXTENSIONS, ORIENTATIONS, Stored, chest, rotation, write_dicom
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid, reindex
from RibFracDetectorLib.case.masks import read_mask, write_mask
from RibFracDetectorLib.case.reading import read_ct

# Different sizes and spacings on every axis, so that no two axes can be mistaken for each other.
SIZE, SPACING = (40, 36, 34), (1.0, 1.25, 1.5)
EIGHT = ("LPS", "RAS", "LPI", "LAS", "PIR", "SLP", "ASL", "IRA")
OBLIQUE = rotation((6, -9, 14))


def scan(direction: np.ndarray | None = None) -> Stored:
    return Stored(chest(SIZE, SPACING), SPACING, direction=np.eye(3) if direction is None else direction)


def header_ras(path: Path, index: tuple[int, int, int]) -> np.ndarray:
    """RAS mm of a voxel of a NIfTI-1 file, by the sform in its bytes."""
    with gzip.open(path) as file:
        srow = np.frombuffer(file.read(348)[280:328], "<f4").reshape(3, 4).astype(float)
    return srow @ [*index, 1]


@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("orientation", EIGHT)
def test_any_orientation_reads_to_the_same_volume(
    orientation: str, direction: np.ndarray, tmp_path: Path
) -> None:
    lps = scan(direction)
    path = lps.turned(orientation).write(tmp_path / "ct.nii.gz")
    ct = read_ct(path)
    assert np.array_equal(ct.voxels, lps.array)
    assert ct.grid.spacing == pytest.approx(SPACING, abs=1e-6)
    assert np.allclose(ct.grid.direction_matrix, direction, atol=1e-6)


@pytest.mark.parametrize("direction", [np.eye(3), OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("orientation", EIGHT)
def test_ras_agrees_with_the_files_own_header(
    orientation: str, direction: np.ndarray, tmp_path: Path
) -> None:
    turned = scan(direction).turned(orientation)
    marked = turned.array.copy()
    index = (7, 11, 5)
    marked[index] = 3000
    path = Stored(marked, turned.spacing, turned.origin, turned.direction).write(tmp_path / "ct.nii.gz")
    ct = read_ct(path)
    ((x, y, z),) = np.argwhere(ct.voxels == 3000)
    assert np.allclose(ct.grid.index_to_ras((x, y, z)), header_ras(path, index), rtol=0, atol=1e-3)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_every_format_reads_to_the_same_volume(extension: str, tmp_path: Path) -> None:
    lps = scan(OBLIQUE)
    ct = read_ct(lps.turned("PIR").write(tmp_path / f"ct{extension}"))
    assert np.array_equal(ct.voxels, lps.array)
    assert np.allclose(ct.grid.index_to_lps((3, 4, 5)), lps.point((3, 4, 5)), rtol=0, atol=1e-3)


@pytest.mark.parametrize("orientation", ["LPS", "PIL", "LSP"])
def test_dicom_reads_to_the_same_volume(orientation: str, tmp_path: Path) -> None:
    """DICOM stacks are right-handed: their slices follow the cross product of rows and columns."""
    lps = scan(OBLIQUE)
    turned = lps.turned(orientation)
    if np.linalg.det(turned.direction) < 0:
        turned = lps.turned(orientation[:2] + {"S": "I", "P": "A", "L": "R"}[orientation[2]])
    ct = read_ct(write_dicom(tmp_path / "series", turned))
    assert np.array_equal(ct.voxels, lps.array)
    assert np.allclose(ct.grid.index_to_lps((3, 4, 5)), lps.point((3, 4, 5)), rtol=0, atol=1e-3)
    assert ct.series_uid


angles = st.tuples(*[st.floats(-40, 40)] * 3)


@settings(max_examples=100, deadline=None)
@given(
    orientation=st.sampled_from(ORIENTATIONS), degrees=st.just((0, 0, 0)) | angles, seed=st.integers(0, 99)
)
def test_masks_land_bit_exactly_on_the_files_grid(
    orientation: str, degrees: tuple[float, float, float], seed: int
) -> None:
    stored = scan(rotation(degrees)).turned(orientation)
    generator = np.random.default_rng(seed)
    in_file = generator.integers(0, 60000, stored.array.shape).astype(np.uint16)
    with TemporaryDirectory() as folder:
        path = stored.write(Path(folder) / "ct.nii.gz")
        ct = read_ct(path)
        mask = reindex(in_file, ct.stored_grid, ct.grid)
        # Each voxel of the mask lies where the voxel of the CT with the same index in the file lies.
        assert np.array_equal(ct.voxels, reindex(stored.array, ct.stored_grid, ct.grid))
        written = Path(folder) / "mask.nii.gz"
        write_mask(written, mask, ct)
        back = sitk.ReadImage(str(written))
        original = sitk.ReadImage(str(path))
        assert np.array_equal(sitk.GetArrayFromImage(back).T, in_file)
        assert back.GetSize() == original.GetSize()
        assert back.GetSpacing() == pytest.approx(original.GetSpacing(), abs=1e-6)
        assert back.GetOrigin() == pytest.approx(original.GetOrigin(), abs=1e-4)
        assert back.GetDirection() == pytest.approx(original.GetDirection(), abs=1e-6)
        array, grid = read_mask(written)
        assert array.dtype == np.uint16
        assert np.array_equal(array, mask)
        assert grid.size == ct.grid.size


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_reindexing_follows_the_points_and_returns(orientation: str) -> None:
    lps, turned = scan(OBLIQUE), scan(OBLIQUE).turned(orientation)
    grids = [
        Grid(s.array.shape, s.spacing, s.origin, tuple(s.direction.ravel().tolist())) for s in (lps, turned)
    ]
    assert np.array_equal(reindex(lps.array, *grids), turned.array)
    assert np.array_equal(reindex(turned.array, *reversed(grids)), lps.array)


def test_reindexing_between_unrelated_grids_is_refused() -> None:
    array = np.zeros((4, 5, 6))
    with pytest.raises(ValueError, match="no reindexing"):
        reindex(array, Grid((4, 5, 6), (1, 1, 1)), Grid((5, 5, 6), (1, 1, 1)))


@pytest.mark.parametrize("kind", [bool, np.uint8, np.uint16])
def test_mask_types(kind: type, tmp_path: Path) -> None:
    ct = read_ct(small_ct().write(tmp_path / "ct.nii.gz"))
    mask = (ct.voxels > 200).astype(kind)
    write_mask(tmp_path / "mask.nii.gz", mask, ct)
    array, _ = read_mask(tmp_path / "mask.nii.gz")
    assert array.dtype == (np.uint8 if kind is bool else kind)
    assert np.array_equal(array, mask)


@pytest.mark.parametrize(("shape", "kind"), [((3, 4, 5), np.uint8), (None, np.float32), (None, np.int16)])
def test_mask_that_does_not_fit_is_refused(shape: tuple | None, kind: type, tmp_path: Path) -> None:
    ct = read_ct(small_ct().write(tmp_path / "ct.nii.gz"))
    with pytest.raises(ValueError, match="mask of bool, uint8 or uint16"):
        write_mask(tmp_path / "mask.nii.gz", np.zeros(shape or ct.grid.size, kind), ct)


def test_mask_of_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_mask(tmp_path / "missing.nii.gz")


grids = st.builds(
    lambda spacing, origin, degrees: Grid((30, 40, 50), spacing, origin, tuple(rotation(degrees).ravel())),
    st.tuples(*[st.floats(0.2, 10)] * 3),
    st.tuples(*[st.floats(-1000, 1000)] * 3),
    st.tuples(*[st.floats(-180, 180)] * 3),
)
points = st.tuples(*[st.floats(-10, 600)] * 3)


@given(grid=grids, point=points)
def test_points_go_to_patient_space_and_back(grid: Grid, point: tuple[float, float, float]) -> None:
    assert np.allclose(grid.lps_to_index(grid.index_to_lps(point)), point, atol=1e-6)
    assert np.allclose(grid.ras_to_index(grid.index_to_ras(point)), point, atol=1e-6)
    assert np.allclose(grid.index_to_ras(point), grid.index_to_lps(point) * [-1, -1, 1])


@given(grid=grids, low=points, size=st.tuples(*[st.floats(0, 50)] * 3))
def test_box_corners_agree_with_the_points(
    grid: Grid, low: tuple[float, float, float], size: tuple[float, float, float]
) -> None:
    high = np.add(low, size)
    box = grid.box_to_ras((*low, *high))
    axes = np.asarray(box.axes)
    for signs in np.ndindex(2, 2, 2):
        corner = np.where(signs, high, low)
        from_center = (np.asarray(signs) - 0.5) * box.size
        assert np.allclose(box.center + from_center @ axes, grid.index_to_ras(corner), atol=1e-6)


def test_voxels_have_x_fastest(tmp_path: Path) -> None:
    ct = read_ct(small_ct().turned("PIR").write(tmp_path / "ct.nii.gz"))
    assert isinstance(ct, CtVolume)
    assert ct.voxels.flags.f_contiguous
