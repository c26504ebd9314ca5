"""Reliability of the scores: how often a detection of a given score is right (Guo et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .matching import Pool

BINS = 10


def reliability_curve(pool: Pool) -> dict[str, Any]:
    """Share of correct detections in ten score bins of equal width, and the expected calibration error.

    A detection is correct if it touches a lesion. A bin includes its lower border, the last one both.

    Returns:
        `{"bins": [{"low", "high", "detections", "mean_score", "correct"}, ...],
        "expected_calibration_error": float or NaN without detections}`; mean_score and correct are NaN in an
        empty bin.
    """
    place = np.minimum((pool.scores * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    score_sums = np.bincount(place, weights=pool.scores, minlength=BINS)
    correct_sums = np.bincount(place, weights=pool.true, minlength=BINS)
    with np.errstate(invalid="ignore"):
        mean_scores, correct = score_sums / counts, correct_sums / counts
    gap = np.abs(score_sums - correct_sums).sum()
    return {
        "bins": [
            {
                "low": index / BINS,
                "high": (index + 1) / BINS,
                "detections": int(counts[index]),
                "mean_score": float(mean_scores[index]),
                "correct": float(correct[index]),
            }
            for index in range(BINS)
        ],
        "expected_calibration_error": float(gap / counts.sum()) if counts.sum() else np.nan,
    }
