"""`ribfrac prepare --spacing-range`: cases at the voxel size that detection will run them at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.command_line import ribfrac
from ribfrac_testing.training_data import Scan, some_scans, write_ribfrac, write_seed
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.layout import case_folder
from RibFracTrainingLib.training.data.prepare.respacing import respace_mask, respaced_grid
from RibFracTrainingLib.training.data.prepared import read_case

# Of scans of 2 mm: x becomes 1.6 mm, y stays, z becomes 2.4 mm.
RANGE = "[[1.2, 1.6], [1.9, 2.1], [2.4, 3]]"
SPACING = (1.6, 2.0, 2.4)


def by_itk(stored: sitk.Image, case_grid: Grid, interpolator: int) -> np.ndarray:
    """The file resampled to a case's grid by ITK, [x, y, z]."""
    grid = sitk.Image(case_grid.size, sitk.sitkUInt8)
    grid.SetSpacing(case_grid.spacing)
    grid.SetOrigin(case_grid.origin)
    grid.SetDirection(case_grid.direction)
    stored = sitk.Cast(stored, sitk.sitkFloat32)
    resampling = sitk.ResampleImageFilter()
    resampling.SetReferenceImage(grid)
    resampling.SetInterpolator(interpolator)
    resampling.SetUseNearestNeighborExtrapolator(True)
    return sitk.GetArrayFromImage(resampling.Execute(stored)).transpose(2, 1, 0)


def test_scans_and_masks_are_those_that_itk_makes(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--spacing-range", RANGE)
    assert done.returncode == 0, done.stderr
    for name, scan in scans.items():
        case = read_case(case_folder(tmp_path / "out", name))
        assert case.grid.spacing == pytest.approx(SPACING)
        (image,) = source.glob(f"images-*/{name}-image.nii.gz")
        expected = by_itk(sitk.ReadImage(str(image)), case.grid, sitk.sitkLinear)
        inside = np.s_[
            ..., :-1
        ]  # the last slice is 0.6 voxels beyond the scan, where ITK does not interpolate
        assert np.abs(case.image() - expected)[inside].max() <= 0.51, "whole HU"
        (mask,) = source.glob(f"labels-*/{name}-label.nii.gz")
        marked = by_itk(sitk.ReadImage(str(mask)), case.grid, sitk.sitkNearestNeighbor)
        assert np.array_equal(case.instance_map(ClassMap()), marked)
        assert {lesion.instance: lesion.label for lesion in case.lesions} == dict(scan.classes)


def test_the_files_beside_the_cache_lie_on_the_same_grid(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--spacing-range", RANGE)
    assert done.returncode == 0, done.stderr
    assert not read_ground_truth(tmp_path / "out").notes, "JSON and mask must agree"
    for name in some_scans():
        case = read_case(case_folder(tmp_path / "out", name))
        stored = read_ct(tmp_path / "out" / f"{name}_image.nii.gz")
        assert stored.grid.size == case.grid.size
        assert stored.grid.spacing == pytest.approx(case.grid.spacing)
        assert np.array_equal(stored.voxels, case.image())


def test_cases_within_the_range_stay_as_they_are(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    wide = "[[1, 3], [1, 3], [2, 2]]"
    assert ribfrac("prepare", source, "--output", tmp_path / "plain").returncode == 0
    assert ribfrac("prepare", source, "--output", tmp_path / "out", "--spacing-range", wide).returncode == 0
    for name in scans:
        plain, case = (read_case(case_folder(tmp_path / folder, name)) for folder in ("plain", "out"))
        assert case.grid == plain.grid
        assert np.array_equal(case.image(), plain.image())
        assert case.lesions == plain.lesions


@pytest.mark.slow
def test_another_range_prepares_again(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())

    def run(*options: str) -> str:
        done = ribfrac("prepare", source, "--output", tmp_path / "out", *options)
        assert done.returncode == 0, done.stderr
        return done.stderr

    run("--spacing-range", RANGE)
    assert run("--spacing-range", RANGE).count("was finished") == len(some_scans())
    assert "was finished" not in run()
    assert read_case(case_folder(tmp_path / "out", "RibFrac1")).grid.spacing == (2, 2, 2)


def test_the_source_itself_is_not_resampled(tmp_path: Path) -> None:
    source = write_seed(tmp_path / "source", {"a": Scan({1: (6, 8, 10, 12, 15, 18)}, {1: 1})}, test=[])
    before = sorted((path.name, path.read_bytes()) for path in source.iterdir())
    done = ribfrac("prepare", source, "--output", source, "--spacing-range", RANGE)
    assert done.returncode == 2
    assert "choose another folder" in done.stderr
    assert sorted((path.name, path.read_bytes()) for path in source.iterdir()) == before


@pytest.mark.parametrize("value", ["[[1, 2], [1, 2]]", "[[2, 1], [1, 2], [1, 2]]", "0.8-1"])
def test_wrong_ranges(tmp_path: Path, value: str) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    done = ribfrac("prepare", source, "--output", tmp_path / "out", "--spacing-range", value)
    assert done.returncode == 2
    assert "a pair of voxel sizes in mm for each axis" in done.stderr
    assert not (tmp_path / "out").exists()


PLACES = st.sets(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=3)


@given(spacing=st.tuples(*[st.floats(0.3, 3.0)] * 3), places=PLACES)
def test_no_instance_is_lost(spacing: tuple[float, float, float], places: set[tuple[int, int, int]]) -> None:
    mask = np.zeros((18, 18, 18), np.uint8)
    for value, place in enumerate(sorted(places), start=1):
        # Three voxels apart, 0.9 mm or more: no two within one voxel of the target.
        mask[tuple(3 * np.asarray(place) + 1)] = value
    grid = Grid(mask.shape, spacing)
    target = respaced_grid(grid, ((0.8, 0.85),) * 3)
    respaced = respace_mask(mask, grid, target)
    assert respaced.shape == target.size
    assert set(np.unique(respaced).tolist()) - {0} == set(range(1, len(places) + 1))
