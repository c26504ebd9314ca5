"""The sample case that comes with the software is whole, small, labelled as simulated and as listed."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.masks import read_mask
from RibFracDetectorLib.case.reading import read_ct

FOLDER = REPOSITORY / "Resources" / "SampleData"


def test_the_list_names_files_that_are_there_and_unchanged() -> None:
    for sample in json.loads((FOLDER / "samples.json").read_text())["samples"]:
        assert hashlib.sha256((FOLDER / sample["file"]).read_bytes()).hexdigest() == sample["sha256"]
        assert (FOLDER / sample["thumbnail"]).read_bytes().startswith(b"\x89PNG")
        assert "simulated" in sample["name"].lower()
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 6e6


def test_the_scan_is_a_ct_with_its_fractures() -> None:
    ct = read_ct(FOLDER / "simulated_chest_image.nii.gz")
    masks, grid = read_mask(FOLDER / "simulated_chest_instance.nii.gz")
    assert grid.size == ct.grid.size
    lesions = json.loads((FOLDER / "simulated_chest_ins2cls.json").read_text())
    assert [lesion["instance"] for lesion in lesions] == np.unique(masks)[1:].tolist()
    assert {lesion["class"] for lesion in lesions} <= {1, 2, 3, 4}
