"""Bootstrap over scans (Efron 1979): how far the numbers would move with other patients.

Whole scans are drawn with replacement, because the detections of one patient are not independent. Scans are
not copied: each replicate gives every scan a weight, and the curve is formed with these weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .froc import froc_curve, sensitivity_at
from .matching import Pool

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Replicates:
    """Sensitivity at `points` in every replicate, (n, len(points)); NaN where a draw has no lesion."""

    points: tuple[float, ...]
    values: NDArray[np.float64]

    def band(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper border of the 95 % percentile interval at each point."""
        return percentile_interval(self.values)

    def columns(self, part: slice) -> Replicates:
        """The replicates of some of the points."""
        return Replicates(self.points[part], self.values[:, part])

    def mean_interval(self) -> list[float]:
        """95 % percentile interval of the mean over the points."""
        low, high = percentile_interval(self.values.mean(axis=1))
        return [float(low), float(high)]


def scan_weights(n_cases: int, replicates: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each scan is drawn, (n_cases,), for every replicate; the same for the same arguments."""
    generator = np.random.default_rng(seed)
    for _ in range(replicates):
        drawn = generator.integers(n_cases, size=n_cases)
        yield np.bincount(drawn, minlength=n_cases).astype(np.float64)


def bootstrap_sensitivity(pool: Pool, points: Sequence[float], replicates: int, seed: int) -> Replicates:
    """Sensitivity at false positives a scan in each of `replicates` draws of scans."""
    values = [_weighted(pool, points, weights) for weights in scan_weights(pool.n_cases, replicates, seed)]
    return Replicates(tuple(points), np.array(values).reshape(-1, len(points)))


def paired_comparison(
    first: Pool, second: Pool, points: Sequence[float], replicates: int, seed: int
) -> dict[str, Any]:
    """Difference of the mean sensitivity (second - first) of two runs on the same scans, drawn together.

    The p value is two-sided: twice the share of replicates on the other side of zero, one added to both
    counts so that it is never zero (Davison and Hinkley 1997, 4.2.1). Without lesions all values are NaN.

    Raises:
        ValueError: the pools do not hold the same scans and lesions.
    """
    if not np.array_equal(first.lesion_case, second.lesion_case) or first.n_cases != second.n_cases:
        raise ValueError("a paired comparison needs two runs on the same scans and lesions")
    one = bootstrap_sensitivity(first, points, replicates, seed).values.mean(axis=1)
    two = bootstrap_sensitivity(second, points, replicates, seed).values.mean(axis=1)
    differences = (two - one)[~np.isnan(two - one)]
    low, high = percentile_interval(differences)
    below, above = np.count_nonzero(differences <= 0), np.count_nonzero(differences >= 0)
    everyone = np.ones(first.n_cases)
    observed = _weighted(second, points, everyone).mean() - _weighted(first, points, everyone).mean()
    return {
        "difference": float(observed),
        "interval": [float(low), float(high)],
        "p_value": min(1.0, 2 * (min(below, above) + 1) / (len(differences) + 1))
        if len(differences)
        else np.nan,
        "replicates": len(differences),
    }


def _weighted(pool: Pool, points: Sequence[float], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    lesions = int(weights[pool.lesion_case].sum())
    return sensitivity_at(froc_curve(pool, weights), points, lesions)


def percentile_interval(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval along the first axis, draws without a lesion left out; NaN without draws."""
    kept = values[~np.isnan(values).any(axis=tuple(range(1, values.ndim)))]
    if not len(kept):
        nothing = np.full(values.shape[1:], np.nan)
        return nothing, nothing
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(kept, [tail, 1 - tail], axis=0)
    return low, high
