"""What a reader accepted, added, rejected and edited is a ground truth for `ribfrac evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.review_cases import StoredCase, store_case
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.evaluation.cases import UNKNOWN_CLASS
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.options import EvaluationOptions
from RibFracDetectorLib.evaluation.run_evaluation import Request, run_evaluation
from RibFracDetectorLib.review.session import ReviewSession


def reviewed(folder: Path, case_id: str, complete: bool = True) -> StoredCase:
    """A case of four findings: two accepted, two rejected, and one that the model has missed."""
    stored = store_case(folder, case_id=case_id)
    with ReviewSession.open(stored.files, "R1") as session:
        session.decide(1, "accepted")
        session.classify(1, "buckle")
        session.decide(2, "accepted")
        session.edit_mask(2, MaskPatch.of(np.ones((4, 3, 2)), (40, 8, 20)))
        session.decide(3, "rejected")
        session.decide(4, "rejected")
        session.add((30.0, 30.0, 30.0, 35.5, 36.0, 37.25))
        if complete:
            session.complete()
    return stored


def test_lesions_are_what_the_reader_called_a_fracture(tmp_path: Path) -> None:
    stored = reviewed(tmp_path, "a")
    reviewed(tmp_path, "b", complete=False)
    truth = read_ground_truth(stored.files.folder)
    assert (truth.layout, list(truth.cases)) == ("reviewed", ["a"])
    assert truth.notes == ("b: the review is still open; not counted until its reader completes it",)
    lesions = truth.cases["a"]
    assert lesions.classes.tolist() == [3, UNKNOWN_CLASS, UNKNOWN_CLASS]
    assert truth.class_names[3] == "buckle"
    assert lesions.spacing == stored.ct.grid.spacing
    inside = np.argwhere(stored.instances == 1)
    assert lesions.boxes[0].tolist() == [*inside.min(axis=0), *(inside.max(axis=0) + 1)]
    assert lesions.boxes[1].tolist() == [40, 8, 20, 44, 11, 22]
    assert lesions.boxes[2].tolist() == [31, 31, 31, 36, 36, 38]


def test_a_box_thinner_than_a_voxel_is_the_voxel_in_which_it_lies(tmp_path: Path) -> None:
    stored = store_case(tmp_path, findings=())
    with ReviewSession.open(stored.files, "R1") as session:
        session.add((30.2, 30.6, 29.7, 30.4, 30.8, 33.0))
        session.complete()
    lesions = read_ground_truth(stored.files.folder).cases["case"]
    assert lesions.boxes.tolist() == [[30, 31, 30, 31, 32, 33]]


def test_results_are_scored_against_the_reader(tmp_path: Path) -> None:
    folder = reviewed(tmp_path, "a").files.folder
    run_evaluation(Request(folder, folder, tmp_path / "eval", ("center",), EvaluationOptions(replicates=0)))
    result = json.loads((tmp_path / "eval" / "center.json").read_text())["findings"]
    # Two of the three fractures were found, above the two findings that were none.
    assert (result["scans"], result["lesions"], result["detections"]) == (1, 3, 4)
    assert result["froc"]["0.5"] == pytest.approx(2 / 3)


def test_open_reviews_alone_are_no_ground_truth(tmp_path: Path) -> None:
    folder = reviewed(tmp_path, "a", complete=False).files.folder
    with pytest.raises(InputError, match="no review is complete"):
        read_ground_truth(folder)
