"""The sample case: small, whole, true to its description, and made anew voxel for voxel."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType

import numpy as np
import pytest
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth

FOLDER = REPOSITORY / "Resources" / "SampleData"
NAME = "simulated_chest"
MOST_BYTES = 6 * 1000 * 1000


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_sample_case", REPOSITORY / "tools" / "make_sample_case.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_sample_is_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_BYTES


def test_truth_and_scan_fit() -> None:
    ct = read_ct(FOLDER / f"{NAME}_image.nii.gz")
    mask, grid = read_mask(FOLDER / f"{NAME}_instance.nii.gz")
    assert grid == ct.grid
    lesions = read_ground_truth(FOLDER).cases[NAME]
    assert len(lesions.boxes) == 6
    assert set(np.unique(mask).tolist()) == set(range(7))
    record = json.loads((FOLDER / f"{NAME}_simulation.json").read_text())
    assert {fracture["label"] for fracture in record["fractures"].values()} == {1, 2, 4}


@pytest.mark.slow
def test_the_sample_is_what_the_script_makes(script: ModuleType, tmp_path) -> None:
    script.main(tmp_path)
    for name in (f"{NAME}_image.nii.gz", f"{NAME}_instance.nii.gz"):
        assert np.array_equal(read_mask(tmp_path / name)[0], read_mask(FOLDER / name)[0]), name
    for name in (f"{NAME}_ins2cls.json", f"{NAME}_simulation.json"):
        assert (tmp_path / name).read_text() == (FOLDER / name).read_text(), name
