"""Masks of other than whole labels, files that lack their counterpart, and centres beside the middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.evaluation_data import (
    RESULT_COLUMNS,
    TRUTH_COLUMNS,
    labels_of_boxes,
    write_ins2cls,
    write_rows,
    write_volume,
)
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.result_entries import detections_of

SHAPE, BOX, OTHER = (30, 24, 20), (2, 3, 4, 8, 9, 9), (15, 12, 6, 25, 20, 15)


def test_a_mask_of_whole_floats_is_one_of_labels(tmp_path: Path) -> None:
    write_volume(tmp_path / "a_instance.nii.gz", labels_of_boxes(SHAPE, [BOX, OTHER]).astype(np.float32))
    assert read_ground_truth(tmp_path).cases["a"].instances.tolist() == [1, 2]


@pytest.mark.parametrize(("value", "kind"), [(-1, np.int16), (0.5, np.float32)])
def test_a_mask_of_other_numbers_is_refused(value: float, kind: type, tmp_path: Path) -> None:
    labels = labels_of_boxes(SHAPE, [BOX]).astype(kind)
    labels[20, 20, 15] = value
    write_volume(tmp_path / "a_instance.nii.gz", labels)
    with pytest.raises(InputError, match="holds whole numbers from 0; this one holds others"):
        read_ground_truth(tmp_path)


def test_masks_without_entries_and_rows_without_a_mask_are_told(tmp_path: Path) -> None:
    seed, challenge = tmp_path / "seed", tmp_path / "challenge"
    write_ins2cls(seed, "a", [BOX])
    write_volume(seed / "b_instance.nii.gz", labels_of_boxes(SHAPE, [BOX]))
    assert read_ground_truth(seed).notes == ("b: b_instance.nii.gz has no _ins2cls.json; not used",)
    write_volume(challenge / "RibFrac1-label.nii.gz", labels_of_boxes(SHAPE, [BOX]))
    rows = [[name, label, label] for name in ("RibFrac1", "RibFrac2") for label in (0, 1)]
    write_rows(challenge / "info.csv", TRUTH_COLUMNS, rows)
    truth = read_ground_truth(challenge)
    assert list(truth.cases) == ["RibFrac1"]
    assert truth.notes == ("RibFrac2: rows but no mask; not counted",)


def test_a_submitted_label_without_a_row_is_refused(tmp_path: Path) -> None:
    write_volume(tmp_path / "RibFrac1.nii.gz", labels_of_boxes(SHAPE, [BOX, OTHER]))
    write_rows(tmp_path / "pred.csv", RESULT_COLUMNS, [["RibFrac1", 1, 0.9, 1]])
    with pytest.raises(InputError, match=r"labels \[2\] have no row in the table"):
        read_predictions(tmp_path)


def test_the_stated_centre_counts_else_the_middle_of_the_box(tmp_path: Path) -> None:
    """A region's centroid need not be the middle of its box."""
    entries = [{"bbox": [0, 0, 0, 4, 6, 8], "prob": 0.5}, {"bbox": [0, 0, 0, 4, 6, 8], "prob": 0.5}]
    entries[0]["center"] = [1, 1, 7]
    assert detections_of(entries, tmp_path).centers.tolist() == [[1, 1, 7], [2, 3, 4]]
