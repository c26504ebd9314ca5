"""`--metric center`: the original's rule and curve, and what a comparison of detectors needs besides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..case.errors import InputError
from .bootstrap import bootstrap_sensitivity, paired_comparison
from .breakdown import class_groups, sensitivity_by_group, size_groups
from .case_rows import case_rows
from .froc import CHALLENGE_POINTS, SEED_POINTS, FrocCurve, froc_curve, sensitivity_at
from .ground_truth import GroundTruth
from .matching import Pool, match_centers, pool
from .options import EvaluationOptions
from .pairing import PairedList, paired_list
from .predictions import Predictions
from .reliability import reliability_curve

POINT_SETS: Mapping[str, tuple[float, ...]] = {
    "mean": SEED_POINTS,
    "mean_of_challenge_points": CHALLENGE_POINTS,
}
"""The means of a curve by the name of their value."""

BAND_POINTS = tuple(float(point) for point in np.geomspace(0.125, 8, 49))


@dataclass(frozen=True)
class Band:
    """A 95 % bootstrap band over `BAND_POINTS`."""

    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class CenterList:
    """One evaluated list of a run: what is written, and what is drawn.

    Attributes:
        values: of `center.json`.
        paired, pool, curve: the scans, their matching and the curve, by the classes of the curve.
        band: None without bootstrap.
        notes: problems with single masks.
    """

    values: dict[str, Any]
    paired: PairedList
    pool: Pool
    curve: FrocCurve
    band: Band | None
    notes: list[str] = field(default_factory=list)


def evaluate_list(
    truth: GroundTruth, predictions: Predictions, name: str, options: EvaluationOptions
) -> CenterList:
    """Evaluate the list `name` of a run.

    Raises:
        InputError: see `pairing.paired_list`.
    """
    paired = paired_list(truth, predictions, name, options.froc_classes, options.missing)
    matched = pool_by_center(paired)
    curve = froc_curve(matched)
    sizes, unit = size_groups(paired.lesions)
    per_case, notes = case_rows(truth, predictions, name, options)
    intervals, band = _bootstrap(matched, options)
    values = {
        "scans": matched.n_cases,
        "lesions": matched.n_lesions,
        "detections": len(matched.scores),
        "scans_without_file": paired.missing,
        "froc": froc_values(matched),
        "mean_of_challenge_points": _mean(matched, CHALLENGE_POINTS),
        "intervals_95": intervals,
        "per_class": sensitivity_by_group(
            matched, class_groups(paired.lesions, truth.class_names), CHALLENGE_POINTS
        ),
        "per_size": sensitivity_by_group(matched, sizes, CHALLENGE_POINTS),
        "size_unit": unit,
        "reliability": reliability_curve(matched),
        "per_case": per_case,
        "curve": {"fp_per_scan": curve.fp_per_scan, "sensitivity": curve.sensitivity, "score": curve.scores},
    }
    return CenterList(values, paired, matched, curve, band, notes)


def pool_by_center(paired: PairedList) -> Pool:
    """Match every scan by the centre rule."""
    return pool([match_centers(*scan) for scan in zip(paired.lesions, paired.detections, strict=True)])


def froc_values(matched: Pool) -> dict[str, float]:
    """The original's result: sensitivity at its nine points under their names, and `mean` (spec 6)."""
    values = sensitivity_at(froc_curve(matched), SEED_POINTS, matched.n_lesions)
    return {**dict(zip(map(str, SEED_POINTS), values.tolist(), strict=True)), "mean": float(values.mean())}


def _mean(matched: Pool, points: tuple[float, ...]) -> float:
    return float(sensitivity_at(froc_curve(matched), points, matched.n_lesions).mean())


def _bootstrap(matched: Pool, options: EvaluationOptions) -> tuple[dict[str, Any], Band | None]:
    """Intervals by the names of `froc_values` and `POINT_SETS`, and the band of the curve."""
    if not options.replicates:
        return {}, None
    points = (*SEED_POINTS, *CHALLENGE_POINTS, *BAND_POINTS)
    drawn = bootstrap_sensitivity(matched, points, options.replicates, options.seed)
    n_seed, n_challenge = len(SEED_POINTS), len(CHALLENGE_POINTS)
    low, high = drawn.band()
    intervals = {
        str(point): [float(low[place]), float(high[place])] for place, point in enumerate(SEED_POINTS)
    }
    intervals["mean"] = drawn.columns(slice(n_seed)).mean_interval()
    challenge = slice(n_seed, n_seed + n_challenge)
    intervals["mean_of_challenge_points"] = drawn.columns(challenge).mean_interval()
    return intervals, Band(low[challenge.stop :], high[challenge.stop :])


def compare(first: CenterList, second: CenterList, options: EvaluationOptions) -> dict[str, Any]:
    """Differences (second - first) of both means with paired bootstrap, on the scans that both runs have.

    Raises:
        InputError: they have no scan in common.
    """
    common = set(first.paired.case_ids) & set(second.paired.case_ids)
    if not common:
        raise InputError("the runs to compare have no scan in common; compare runs on the same ground truth")
    one, two = (pool_by_center(_restricted(run.paired, common)) for run in (first, second))
    return {
        "scans": len(common),
        **{
            name: paired_comparison(one, two, points, options.replicates, options.seed)
            for name, points in POINT_SETS.items()
        },
    }


def _restricted(paired: PairedList, ids: set[str]) -> PairedList:
    keep = [place for place, case_id in enumerate(paired.case_ids) if case_id in ids]
    return PairedList(
        [paired.case_ids[place] for place in keep],
        [paired.lesions[place] for place in keep],
        [paired.detections[place] for place in keep],
        [case_id for case_id in paired.missing if case_id in ids],
    )
