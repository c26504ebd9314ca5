"""The challenge's rule on masks made for one situation each; the golden set is in test_evaluation_parity."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.evaluation_data import RESULT_COLUMNS, labels_of_boxes, write_rows, write_volume
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.evaluation.components import connected_components, raster_voxels
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.official_ribfrac import ScoredCase, official_scores, score_case
from RibFracDetectorLib.evaluation.predictions import read_predictions
from RibFracDetectorLib.evaluation.ribfrac_files import LabelRow
from RibFracDetectorLib.evaluation.ribfrac_metric import evaluate_ribfrac
from scipy import ndimage

SHAPE = (40, 12, 10)
BOX, OTHER = (2, 2, 2, 8, 8, 8), (20, 2, 2, 26, 8, 8)


def rows(*codes: int, confidences: list[float] | None = None) -> dict[int, LabelRow]:
    """Rows of labels 1, 2, ... with these codes, and a background row."""
    given_scores = confidences or [0.5] * len(codes)
    pairs = enumerate(zip(codes, given_scores, strict=True), 1)
    return {0: LabelRow(0, 0), **{label: LabelRow(label, code, score) for label, (code, score) in pairs}}


def score(truth: list, predicted: list, truth_codes: list[int], codes: list[int], **more: list) -> ScoredCase:
    return score_case(
        labels_of_boxes(SHAPE, truth),
        labels_of_boxes(SHAPE, predicted),
        rows(*truth_codes),
        rows(*codes, **more),
    )


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 0.6))
@settings(max_examples=60)
def test_components_are_those_of_a_labelled_volume(seed: int, density: float) -> None:
    mask = np.random.default_rng(seed).random((7, 6, 5)) < density
    voxels = raster_voxels(mask)
    np.testing.assert_array_equal(voxels, np.argwhere(mask))
    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    found = connected_components(voxels, mask.shape)
    pairs = set(zip(found.tolist(), labels[mask].tolist(), strict=True))
    assert len(pairs) == count == len({component for component, _ in pairs})
    _, first = np.unique(found, return_index=True)
    assert (np.diff(first) > 0).all()


def test_perfect_prediction() -> None:
    scores = official_scores({"a": score([BOX, OTHER], [BOX, OTHER], [1, 3], [1, 3])})
    assert scores["max_recall"] == pytest.approx(1)
    assert scores["dice"] == pytest.approx(1)
    assert scores["macro_average_F1"] == pytest.approx(0.5)  # two of four classes occur
    assert scores["confusion"].sum() == 2


def test_a_touching_neighbour_lowers_the_iou() -> None:
    neighbour = (8, 2, 2, 14, 8, 8)
    alone = score([BOX], [BOX], [1], [1]).labels[0].max_iou
    touched = score([BOX], [BOX, neighbour], [1], [1, 1]).labels[0].max_iou
    assert alone == pytest.approx(1)
    assert touched == pytest.approx(0.5)


def test_the_last_of_several_pieces_counts() -> None:
    truth = labels_of_boxes(SHAPE, [(2, 2, 2, 12, 4, 4)])
    truth[2:12, 6:8, 2:4] = 1
    truth[11, 4:6, 2:4] = 1
    predicted = labels_of_boxes(SHAPE, [(2, 2, 2, 10, 4, 4)])
    predicted[4:10, 6:8, 2:4] = 1
    (label,) = score_case(truth, predicted, rows(1), rows(1)).labels
    last_piece = 6 * 2 * 2
    assert label.max_iou == pytest.approx(last_piece / np.count_nonzero((truth > 0) | (predicted > 0)))


def test_a_label_without_voxels_is_a_false_positive() -> None:
    predicted = labels_of_boxes(SHAPE, [BOX])
    predicted[predicted == 1] = 2
    case = score_case(labels_of_boxes(SHAPE, [BOX]), predicted, rows(1), rows(1, 1))
    assert [label.hit_label for label in case.labels] == [0, 1]
    assert official_scores({"a": case})["average_fp_at_max_recall"] == pytest.approx(1)


def test_a_second_hit_is_neither_right_nor_wrong() -> None:
    halves = [(2, 2, 2, 5, 8, 8), (5, 2, 2, 8, 8, 8)]
    case = score([BOX], [halves[0], (6, 2, 2, 8, 8, 8)], [1], [1, 1])
    scores = official_scores({"a": case})
    assert [label.is_hit for label in case.labels] == [True, True]
    assert scores["max_recall"] == pytest.approx(1)
    assert scores["average_fp_at_max_recall"] == pytest.approx(0, abs=1e-6)


def test_more_instances_than_eight_bits_hold() -> None:
    boxes = [
        (x, y, z, x + 1, y + 1, z + 1)
        for x in range(0, 40, 2)
        for y in range(0, 12, 2)
        for z in range(0, 10, 2)
    ]
    boxes = boxes[:300]
    assert len(boxes) == 300
    case = score(boxes, boxes, [1] * 300, [1] * 300)
    scores = official_scores({"a": case, "b": case})
    assert case.num_gt == 300
    assert scores["max_recall"] == pytest.approx(1)
    assert scores["confusion"].sum() == 600


@pytest.mark.parametrize(("truth", "predicted"), [([], []), ([], [BOX]), ([BOX], []), ([BOX], [OTHER])])
def test_empty_sides(truth: list, predicted: list) -> None:
    scores = official_scores({"a": score(truth, predicted, [1] * len(truth), [1] * len(predicted))})
    if truth:
        assert scores["max_recall"] == pytest.approx(0, abs=1e-6)
    else:
        assert math.isnan(scores["max_recall"])
        assert math.isnan(scores["average_recall"])
    assert scores["average_fp_at_max_recall"] == pytest.approx(len(predicted), abs=1e-6)
    assert scores["dice"] == 0


def test_a_fracture_of_unstated_class_is_detected_but_not_classified() -> None:
    scores = official_scores({"a": score([BOX], [BOX], [-1], [2])})
    assert scores["max_recall"] == pytest.approx(1)
    assert scores["confusion"][2].tolist() == [0, 0, 0, 0, 0, 1]
    assert scores["macro_average_F1"] == 0


def test_a_detector_without_classes_is_not_in_the_confusion_matrix() -> None:
    scores = official_scores({"a": score([BOX], [BOX], [1], [-1])})
    assert scores["max_recall"] == pytest.approx(1)
    assert scores["confusion"].sum() == 0


def test_a_predicted_label_without_a_row_is_refused() -> None:
    with pytest.raises(InputError, match="predicted labels 2 have no row"):
        score([BOX], [BOX, OTHER], [1], [1])


def test_masks_of_other_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="voxels"):
        score_case(np.zeros((3, 3, 3), int), np.zeros((3, 3, 4), int), {}, {})


def test_recall_is_read_at_confidence_not_below_the_threshold() -> None:
    case = score([BOX], [BOX], [1], [1], confidences=[0.5])
    recall = official_scores({"a": case})["curve_recall"]
    assert recall[50] == pytest.approx(1)
    assert recall[51] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(("missing", "recall"), [("count", 0.5), ("skip", 1.0)])
def test_a_scan_without_a_result_counts_as_one_without_findings(
    missing: str, recall: float, tmp_path: Path
) -> None:
    labels = labels_of_boxes(SHAPE, [BOX])
    for case_id in ("RibFrac1", "RibFrac2"):
        write_volume(tmp_path / "truth" / f"{case_id}-label.nii.gz", labels)
    write_volume(tmp_path / "run" / "RibFrac1.nii.gz", labels)
    write_rows(tmp_path / "run" / "pred.csv", RESULT_COLUMNS, [["RibFrac1", 1, 0.9, 1]])
    truth, predictions = read_ground_truth(tmp_path / "truth"), read_predictions(tmp_path / "run")
    scores = evaluate_ribfrac(truth, predictions, missing).values
    assert scores["max_recall"] == pytest.approx(recall)
    assert len(scores["per_case"]) == (2 if missing == "count" else 1)
