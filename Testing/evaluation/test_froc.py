"""The curve, its readings, its weights, and what is derived from the pool of all scans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from RibFracDetectorLib.evaluation.bootstrap import (
    bootstrap_sensitivity,
    paired_comparison,
    percentile_interval,
    scan_weights,
)
from RibFracDetectorLib.evaluation.breakdown import class_groups, sensitivity_by_group, size_groups
from RibFracDetectorLib.evaluation.cases import UNKNOWN_CLASS, Lesions
from RibFracDetectorLib.evaluation.froc import (
    LUNA_POINTS,
    SEED_POINTS,
    distinct_thresholds,
    froc_curve,
    operating_score,
    sensitivity_at,
)
from RibFracDetectorLib.evaluation.matching import NEVER, CaseMatch, Pool, pool
from RibFracDetectorLib.evaluation.reliability import reliability_curve
from RibFracDetectorLib.evaluation.threshold_table import THRESHOLDS, threshold_rows


@st.composite
def matches(draw: st.DrawFn) -> CaseMatch:
    """One scan in which each detection hits at most one lesion."""
    hundredths = st.integers(0, 100).map(lambda value: value / 100)
    hits = draw(st.lists(hundredths, max_size=4))
    misses = draw(st.lists(hundredths, max_size=4))
    missed = draw(st.integers(0, 3))
    rows = sorted([(-score, True) for score in hits] + [(-score, False) for score in misses])
    true = np.array([right for _, right in rows], dtype=bool)
    return CaseMatch(
        scores=np.array([-score for score, _ in rows], dtype=float),
        true=true,
        new_hits=true.astype(int),
        hit_scores=np.array([*hits, *[NEVER] * missed], dtype=float),
    )


POOLS = st.lists(matches(), min_size=1, max_size=6).map(pool)


def example_pool(scans: int, skill: float, seed: int = 0) -> Pool:
    """Scans with three lesions each, hit with probability `skill`, and two false positives each."""
    generator = np.random.default_rng(seed)
    cases = []
    for _ in range(scans):
        hit = generator.random(3) < skill
        scores = np.concatenate([generator.beta(5, 2, hit.sum()), generator.beta(2, 5, 2)])
        true = np.arange(len(scores)) < hit.sum()
        order = np.argsort(-scores)
        hit_scores = np.full(3, NEVER)
        hit_scores[: hit.sum()] = scores[: hit.sum()]
        cases.append(CaseMatch(scores[order], true[order], true[order].astype(int), hit_scores))
    return pool(cases)


@given(POOLS, st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_weights_mean_repeated_scans(drawn: Pool, counts: list[int]) -> None:
    weights = np.array(counts[: drawn.n_cases], dtype=float)
    repeated = pool(
        [match_of(drawn, index) for index in np.repeat(np.arange(drawn.n_cases), weights.astype(int))]
    )
    weighted = distinct_thresholds(froc_curve(drawn, weights))
    copied = distinct_thresholds(froc_curve(repeated))
    if repeated.n_cases and repeated.n_lesions and len(repeated.scores):
        lesions = repeated.n_lesions
        np.testing.assert_allclose(
            sensitivity_at(weighted, SEED_POINTS, lesions), sensitivity_at(copied, SEED_POINTS, lesions)
        )


def match_of(drawn: Pool, index: int) -> CaseMatch:
    own = drawn.case_index == index
    return CaseMatch(
        drawn.scores[own], drawn.true[own], drawn.new_hits[own], drawn.hit_scores[drawn.lesion_case == index]
    )


@given(POOLS)
def test_curve_is_that_of_monai(drawn: Pool) -> None:
    froc = pytest.importorskip("monai.metrics.froc")
    # MONAI leaves out the lowest score of all; a score below zero takes that place.
    right, wrong = drawn.scores[drawn.true], np.append(drawn.scores[~drawn.true], -1.0)
    if not drawn.n_lesions or not len(drawn.scores):
        return
    fp, sensitivity = froc.compute_froc_curve_data(wrong, right, drawn.n_lesions, drawn.n_cases)
    expected = froc.compute_froc_score(fp, sensitivity, LUNA_POINTS)
    curve = distinct_thresholds(froc_curve(drawn))
    found = sensitivity_at(curve, LUNA_POINTS, drawn.n_lesions).mean()
    assert found == pytest.approx(expected)


@given(POOLS, st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_operating_score_keeps_its_promise(drawn: Pool, allowed: float) -> None:
    score = operating_score(drawn, allowed)
    kept = drawn.scores >= score
    assert np.count_nonzero(~drawn.true[kept]) <= allowed * drawn.n_cases
    lower = drawn.scores[~kept]
    if len(lower):
        more = drawn.scores >= lower.max()
        assert np.count_nonzero(~drawn.true[more]) > allowed * drawn.n_cases


def test_without_lesions_sensitivity_is_undefined() -> None:
    drawn = pool([CaseMatch(np.array([0.5]), np.array([False]), np.array([0]), np.empty(0))])
    assert np.isnan(sensitivity_at(froc_curve(drawn), SEED_POINTS, 0)).all()
    assert np.isnan(bootstrap_sensitivity(drawn, SEED_POINTS, 5, 0).band()).all()


def test_without_lesions_no_difference_is_defined() -> None:
    drawn = pool([CaseMatch(np.array([0.5]), np.array([False]), np.array([0]), np.empty(0))] * 3)
    values = paired_comparison(drawn, drawn, SEED_POINTS, 5, 0)
    assert values.pop("replicates") == 0
    assert all(np.isnan(value).all() for value in values.values())


def test_without_detections_sensitivity_is_zero() -> None:
    drawn = pool([CaseMatch(np.empty(0), np.empty(0, bool), np.empty(0, int), np.array([NEVER]))])
    assert (sensitivity_at(froc_curve(drawn), SEED_POINTS, 1) == 0).all()
    assert operating_score(drawn, 1.0) == np.inf


@given(POOLS)
def test_threshold_table_counts(drawn: Pool) -> None:
    for row in threshold_rows(drawn)[::7]:
        shown = drawn.scores >= row["threshold"]
        hit = drawn.hit_scores >= row["threshold"]
        false = np.count_nonzero(shown & ~drawn.true)
        assert row["fp_per_scan"] == false / drawn.n_cases
        assert row["findings_per_scan"] == np.count_nonzero(shown) / drawn.n_cases
        np.testing.assert_equal(row["sensitivity"], hit.mean() if len(hit) else np.nan)
        expected = drawn.true[shown].mean() if shown.any() else np.nan
        np.testing.assert_equal(row["precision"], expected)
    assert [row["threshold"] for row in threshold_rows(drawn)] == list(THRESHOLDS)


@given(POOLS)
def test_reliability_bins_hold_every_detection(drawn: Pool) -> None:
    curve = reliability_curve(drawn)
    assert sum(row["detections"] for row in curve["bins"]) == len(drawn.scores)
    for row in curve["bins"]:
        last = row["high"] == 1.0
        own = (drawn.scores >= row["low"]) & ((drawn.scores < row["high"]) | last)
        if row["detections"]:
            assert row["correct"] == pytest.approx(drawn.true[own].mean())
            assert row["mean_score"] == pytest.approx(drawn.scores[own].mean())


def test_calibration_error_of_known_scores() -> None:
    scores, true = np.array([0.95, 0.95, 0.15, 0.15]), np.array([True, True, True, False])
    drawn = pool([CaseMatch(scores, true, true.astype(int), scores[true])])
    assert reliability_curve(drawn)["expected_calibration_error"] == pytest.approx(0.5 * 0.05 + 0.5 * 0.35)


def test_groups_add_up_to_all() -> None:
    drawn = example_pool(30, 0.7)
    groups = ["even" if index % 2 else "odd" for index in range(drawn.n_lesions)]
    split = sensitivity_by_group(drawn, groups, [0.5, 2.0])
    whole = sensitivity_by_group(drawn, ["all"] * drawn.n_lesions, [0.5, 2.0])["all"]
    for point in ("0.5", "2.0"):
        parts = [group["sensitivity"][point] * group["lesions"] for group in split.values()]
        assert sum(parts) == pytest.approx(whole["sensitivity"][point] * whole["lesions"])


def test_a_lesion_hit_at_the_operating_score_counts() -> None:
    scores, true = np.array([0.9, 0.8, 0.7]), np.array([False, True, False])
    drawn = pool([CaseMatch(scores, true, true.astype(int), np.array([0.8, NEVER]))])
    (group,) = sensitivity_by_group(drawn, ["all", "all"], [0.5, 1.0]).values()
    assert group == {"lesions": 2, "sensitivity": {"0.5": 0.0, "1.0": 0.5}}


def test_lesions_are_grouped_by_their_longest_edge_and_by_the_name_of_their_class() -> None:
    edges = np.array([[1, 1, 9.9], [10, 1, 1], [1, 20, 1], [40, 40, 40]])
    boxes = np.hstack([np.zeros((4, 3)), edges])
    lesions = Lesions(boxes, edges / 2, np.array([3, 1, 9, UNKNOWN_CLASS]), np.arange(4) + 1)
    assert size_groups([lesions]) == (
        ["0-10 voxels", "10-20 voxels", "20-40 voxels", ">=40 voxels"],
        "voxels",
    )
    assert class_groups([lesions], {1: "Displaced", 3: "Buckle"}) == [
        "3 Buckle",
        "1 Displaced",
        "9",
        "unknown",
    ]


def test_every_draw_has_as_many_scans_as_the_data() -> None:
    drawn = np.array(list(scan_weights(50, 200, 0)))
    assert (drawn.sum(axis=1) == 50).all()
    # Drawn with replacement, a scan is absent from a share of 1/e of the draws.
    assert np.mean(drawn == 0) == pytest.approx(np.exp(-1), abs=0.02)


def test_bootstrap_repeats_itself_and_surrounds_the_value() -> None:
    drawn = example_pool(40, 0.7)
    low, high = bootstrap_sensitivity(drawn, SEED_POINTS, 200, 1).band()
    again = bootstrap_sensitivity(drawn, SEED_POINTS, 200, 1).band()
    np.testing.assert_array_equal([low, high], again)
    values = sensitivity_at(froc_curve(drawn), SEED_POINTS, drawn.n_lesions)
    assert (low <= values).all()
    assert (values <= high).all()
    assert (high - low > 0).all()


def test_an_interval_of_95_percent_leaves_a_fortieth_out_on_either_side() -> None:
    values = np.append(np.arange(1001.0), np.nan)  # a draw without a lesion counts for nothing
    assert percentile_interval(values) == pytest.approx((25, 975))


def test_more_scans_narrow_the_band() -> None:
    few, many = (bootstrap_sensitivity(example_pool(n, 0.7), [1.0], 200, 0).band() for n in (20, 500))
    assert many[1] - many[0] < few[1] - few[0]


def test_comparison_of_runs() -> None:
    good, poor = example_pool(60, 0.9), example_pool(60, 0.3, seed=1)
    same = paired_comparison(good, good, SEED_POINTS, 200, 0)
    assert (same["difference"], same["interval"], same["p_value"]) == (0.0, [0.0, 0.0], 1.0)
    worse = paired_comparison(good, poor, SEED_POINTS, 200, 0)
    assert worse["difference"] < -0.3
    assert worse["interval"][1] < 0
    assert worse["p_value"] == pytest.approx(2 / 201)
    with pytest.raises(ValueError, match="same scans"):
        paired_comparison(good, example_pool(59, 0.9), SEED_POINTS, 10, 0)
