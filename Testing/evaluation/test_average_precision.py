"""Average precision: limits, and agreement of independent rules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.evaluation_data import write_ins2cls, write_rois
from RibFracDetectorLib.evaluation.average_precision import coco_metrics, seed_average_precision
from RibFracDetectorLib.evaluation.boxes import box_centers, box_iou, mask_boxes
from RibFracDetectorLib.evaluation.cases import Detections, Lesions, no_detections
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.map_metric import evaluate_map
from RibFracDetectorLib.evaluation.options import EvaluationOptions
from RibFracDetectorLib.evaluation.predictions import read_predictions

BOXES = np.array([[0, 0, 0, 4, 4, 4], [10, 10, 10, 16, 16, 16]], dtype=float)


def lesions(boxes: np.ndarray) -> Lesions:
    return Lesions(boxes, box_centers(boxes), np.ones(len(boxes), int), np.arange(len(boxes)) + 1)


def detections(boxes: np.ndarray, scores: list[float]) -> Detections:
    return Detections(boxes, box_centers(boxes), np.array(scores, float), np.zeros(len(boxes), int))


def test_perfect_detections() -> None:
    scan = [lesions(BOXES)], [detections(BOXES, [0.9, 0.8])]
    assert seed_average_precision(*scan, 0.3) == 1.0
    values = coco_metrics(*scan)
    assert values["AP_IoU_0.10_MaxDet_100"] == pytest.approx(1.0)
    assert values["mAP_IoU_0.10_0.50_0.05_MaxDet_100"] == pytest.approx(1.0)


def test_a_false_positive_above_halves_the_precision() -> None:
    boxes = np.vstack([BOXES + 50, BOXES[:1]])[[0, 2]]
    scan = [lesions(BOXES[:1])], [detections(boxes, [0.9, 0.8])]
    assert seed_average_precision(*scan, 0.3) == pytest.approx(0.5)
    assert coco_metrics(*scan)["AP_IoU_0.30_MaxDet_100"] == pytest.approx(0.5)


def test_the_original_does_not_fall_back_to_a_second_lesion() -> None:
    # Both detections overlap the first lesion most; COCO gives the second detection the second lesion.
    near = np.array([[0, 0, 0, 4, 4, 4], [0, 0, 2, 4, 4, 6]], dtype=float)
    found = np.array([[0, 0, 0, 4, 4, 4], [0, 0, 0.9, 4, 4, 4.9]], dtype=float)
    assert box_iou(found, near).argmax(axis=1).tolist() == [0, 0]
    scan = [lesions(near)], [detections(found, [0.9, 0.8])]
    assert seed_average_precision(*scan, 0.3) == pytest.approx(0.5)
    assert coco_metrics(*scan)["AP_IoU_0.30_MaxDet_100"] == pytest.approx(1.0)


@pytest.mark.parametrize(("with_lesions", "expected"), [(False, np.nan), (True, 0.0)])
def test_empty_sides(with_lesions: bool, expected: float) -> None:
    scan = [lesions(BOXES if with_lesions else BOXES[:0])], [no_detections()]
    np.testing.assert_equal(seed_average_precision(*scan, 0.2), expected)
    np.testing.assert_equal(coco_metrics(*scan)["AP_IoU_0.10_MaxDet_100"], expected)


@given(st.integers(0, 2**32 - 1))
def test_boxes_of_a_mask_hold_their_voxels(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.choice([0, 0, 0, 0, 0, 0, 1, 3, 300], size=(6, 5, 4)).astype(np.uint16)
    values, boxes = mask_boxes(labels)
    assert values.tolist() == sorted(set(labels.ravel().tolist()) - {0})
    for value, box in zip(values, boxes, strict=True):
        voxels = np.argwhere(labels == value)
        assert box.tolist() == [*voxels.min(axis=0), *(voxels.max(axis=0) + 1)]


def test_scans_of_which_coco_looks_at_a_part_are_counted(tmp_path: Path) -> None:
    box = (0, 0, 0, 4, 4, 4)
    for case_id, count in (("a", 101), ("b", 100)):
        write_ins2cls(tmp_path / "truth", case_id, [box])
        write_rois(tmp_path / "run", case_id, [(box, 0.5)] * count)
    truth, predictions = read_ground_truth(tmp_path / "truth"), read_predictions(tmp_path / "run")
    values = evaluate_map(truth, predictions, "det", EvaluationOptions())
    assert values["scans_with_more_than_100_detections"] == 1
