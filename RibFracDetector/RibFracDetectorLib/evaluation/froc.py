"""The free-response ROC curve: sensitivity over false positives a scan (Bunch et al. 1978; spec 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .matching import Pool

SEED_POINTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 50.0, 1000.0)
"""False positives a scan at which the original reads its curve; its mean runs over all nine (spec 6)."""

CHALLENGE_POINTS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""The five points of the RibFrac Challenge."""

LUNA_POINTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""The seven points of LUNA16, which nnDetection uses too."""


@dataclass(frozen=True)
class FrocCurve:
    """Points of a curve, false positives ascending.

    Attributes:
        fp_per_scan, sensitivity: (P,) coordinates; sensitivity is NaN without lesions.
        scores: (P,) the score down to which detections are counted at each point.
    """

    fp_per_scan: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    scores: NDArray[np.float64]


def froc_curve(pool: Pool, weights: NDArray[np.float64] | None = None) -> FrocCurve:
    """The curve with one point a detection, as the original draws it.

    Args:
        pool: the matched scans.
        weights: (n_cases,) how often each scan counts (bootstrap); once each by default.
    """
    weight = np.ones(pool.n_cases) if weights is None else weights
    of_detection = weight[pool.case_index]
    hits = np.cumsum(of_detection * pool.new_hits)
    misses = np.cumsum(of_detection * ~pool.true)
    lesions, scans = weight[pool.lesion_case].sum(), weight.sum()
    sensitivity = hits / lesions if lesions else np.full(len(hits), np.nan)
    return FrocCurve(misses / scans if scans else misses, sensitivity, pool.scores)


def distinct_thresholds(curve: FrocCurve) -> FrocCurve:
    """The same curve from (0, 0) on with one point a distinct score, which no order of ties can change."""
    last = np.flatnonzero(np.append(np.diff(curve.scores) != 0, True)) if len(curve.scores) else []
    start = np.nan if np.isnan(curve.sensitivity).any() else 0.0
    return FrocCurve(
        np.append(0.0, curve.fp_per_scan[last]),
        np.append(start, curve.sensitivity[last]),
        np.append(np.inf, curve.scores[last]),
    )


def sensitivity_at(curve: FrocCurve, points: Sequence[float], n_lesions: int) -> NDArray[np.float64]:
    """Sensitivity at false positives a scan: linear between the points of the curve, constant outside.

    NaN without lesions, 0 without detections.
    """
    if not n_lesions:
        return np.full(len(points), np.nan)
    if not len(curve.scores):
        return np.zeros(len(points))
    return np.interp(points, curve.fp_per_scan, curve.sensitivity)


def operating_score(pool: Pool, fp_per_scan: float) -> float:
    """The lowest score whose detections and all better ones stay within `fp_per_scan`; inf if none does."""
    curve = distinct_thresholds(froc_curve(pool))
    return float(curve.scores[np.searchsorted(curve.fp_per_scan, fp_per_scan, side="right") - 1])
