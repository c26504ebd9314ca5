"""Matching by both rules, against rules written out at length and against MONAI."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from RibFracDetectorLib.evaluation.boxes import box_centers, box_iou
from RibFracDetectorLib.evaluation.cases import Detections, Lesions
from RibFracDetectorLib.evaluation.matching import (
    NEVER,
    CaseMatch,
    case_counts,
    match_centers,
    match_iou,
    pool,
)


def boxes_of(corners: np.ndarray) -> np.ndarray:
    """Boxes from (n, 2, 3) corners in any order."""
    return np.concatenate([corners.min(axis=1), corners.max(axis=1) + 1], axis=1).astype(float)


def lesions_of(boxes: np.ndarray) -> Lesions:
    boxes = np.asarray(boxes, dtype=float).reshape(-1, 6)
    numbers = np.arange(1, len(boxes) + 1)
    return Lesions(boxes, box_centers(boxes), np.ones(len(boxes), dtype=int), numbers)


def detections_of(boxes: np.ndarray, scores: np.ndarray) -> Detections:
    boxes = np.asarray(boxes, dtype=float).reshape(-1, 6)
    return Detections(
        boxes, box_centers(boxes), np.asarray(scores, dtype=float), np.zeros(len(boxes), dtype=int)
    )


@st.composite
def scans(draw: st.DrawFn) -> tuple[Lesions, Detections]:
    corners = arrays.arrays(
        int, st.tuples(st.integers(0, 6), st.just(2), st.just(3)), elements=st.integers(0, 9)
    )
    lesions, detections = boxes_of(draw(corners)), boxes_of(draw(corners))
    scores = draw(st.lists(st.integers(0, 10), min_size=len(detections), max_size=len(detections)))
    return lesions_of(lesions), detections_of(detections, np.array(scores, dtype=float) / 10)


def inside(point: np.ndarray, box: np.ndarray) -> bool:
    return all(box[axis] <= point[axis] <= box[axis + 3] for axis in range(3))


@given(scans())
def test_centre_rule_written_out(scan: tuple[Lesions, Detections]) -> None:
    lesions, detections = scan
    order = sorted(range(len(detections)), key=lambda index: -detections.scores[index])
    hit: dict[int, float] = {}
    true, new_hits = [], []
    for index in order:
        touched = [
            lesion
            for lesion in range(len(lesions))
            if inside(detections.centers[index], lesions.boxes[lesion])
            or inside(lesions.centers[lesion], detections.boxes[index])
        ]
        fresh = [lesion for lesion in touched if lesion not in hit]
        hit.update(dict.fromkeys(fresh, detections.scores[index]))
        true.append(bool(touched))
        new_hits.append(len(fresh))
    match = match_centers(lesions, detections)
    assert match.scores.tolist() == [detections.scores[index] for index in order]
    assert match.true.tolist() == true
    assert match.new_hits.tolist() == new_hits
    assert match.hit_scores.tolist() == [hit.get(lesion, NEVER) for lesion in range(len(lesions))]


def test_a_centre_on_the_border_is_inside() -> None:
    lesion = lesions_of([[0, 0, 0, 4, 4, 4]])
    touching = detections_of([[3, 0, 0, 5, 4, 4]], [0.5])  # its centre is at x = 4
    beyond = detections_of([[3.1, 0, 0, 5.1, 4, 4]], [0.5])
    assert match_centers(lesion, touching).true.all()
    assert not match_centers(lesion, beyond).true.any()


@given(scans(), st.sampled_from([0.1, 0.3, 0.5]))
def test_iou_rule_is_monais(scan: tuple[Lesions, Detections], threshold: float) -> None:
    matching = pytest.importorskip("monai.apps.detection.metrics.matching")
    lesions, detections = scan
    (by_class,) = matching.matching_batch(
        box_iou,
        [threshold],
        [detections.boxes],
        [np.zeros(len(detections), dtype=int)],
        [detections.scores],
        [lesions.boxes],
        [np.zeros(len(lesions), dtype=int)],
    )
    match = match_iou(lesions, detections, threshold)
    if by_class:
        expected = by_class[0]
        assert match.true.tolist() == expected["dtMatches"][0].astype(bool).tolist()
        assert (match.hit_scores > NEVER).tolist() == expected["gtMatches"][0].astype(bool).tolist()
    assert match.new_hits.tolist() == match.true.astype(int).tolist()


@given(scans())
def test_counts_add_up(scan: tuple[Lesions, Detections]) -> None:
    lesions, detections = scan
    counts = case_counts(match_centers(lesions, detections))
    assert counts.tp + counts.fn == len(lesions)
    assert counts.tp + counts.fp == len(detections)
    if len(lesions) and len(detections):
        assert counts.recall == counts.tp / len(lesions)
        assert counts.precision == counts.tp / len(detections)


@pytest.mark.parametrize(
    ("lesions", "detections", "expected"),
    [
        (0, 0, (0.0, np.nan, 0, 0, 0)),
        (0, 2, (np.nan, 0.0, 2, 0, 0)),
        (2, 0, (0.0, np.nan, 0, 2, 0)),
    ],
)
def test_counts_of_empty_sides(lesions: int, detections: int, expected: tuple[float, ...]) -> None:
    box = [[0, 0, 0, 4, 4, 4]]
    match = match_centers(lesions_of(box * lesions), detections_of(box * detections, [0.5] * detections))
    np.testing.assert_equal(tuple(vars(case_counts(match)).values()), expected)


@given(st.lists(scans(), max_size=4))
def test_pool_keeps_every_detection_and_lesion(drawn: list[tuple[Lesions, Detections]]) -> None:
    matches = [match_centers(*scan) for scan in drawn]
    joined = pool(matches)
    assert joined.n_cases == len(drawn)
    assert (np.diff(joined.scores) <= 0).all()
    for index, match in enumerate(matches):
        of_case = joined.case_index == index
        back = CaseMatch(
            joined.scores[of_case],
            joined.true[of_case],
            joined.new_hits[of_case],
            joined.hit_scores[joined.lesion_case == index],
        )
        for name, values in vars(match).items():
            np.testing.assert_array_equal(getattr(back, name), values)
