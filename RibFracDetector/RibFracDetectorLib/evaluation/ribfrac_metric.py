"""`--metric ribfrac`: the scores of the RibFrac Challenge for a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..case.errors import InputError
from .ground_truth import GroundTruth
from .instance_masks import result_mask, truth_mask
from .official_ribfrac import ScoredCase, official_scores, score_case
from .predictions import Predictions


@dataclass(frozen=True)
class RibFracResult:
    """What is written to `ribfrac.json`, under the official keys alone, and what must be said beside it."""

    values: Mapping[str, Any]
    notes: list[str]


def evaluate_ribfrac(truth: GroundTruth, predictions: Predictions, missing: str) -> RibFracResult:
    """Score every scan of the ground truth.

    Args:
        truth: with instance masks.
        predictions: a submission, or results with masks.
        missing: `count` scores a scan without a result as one without findings, `skip` leaves it out. (The
            official code refuses such a folder.)

    Raises:
        InputError: a mask is missing or does not fit, or a predicted label has no row.
    """
    scored: dict[str, ScoredCase] = {}
    notes: list[str] = []
    for case_id in truth.cases:
        if missing == "skip" and case_id not in predictions.cases:
            continue
        scored[case_id], found = _score(truth, predictions, case_id)
        notes += found
    if not scored:
        raise InputError("no scan of the ground truth has a result; use --missing count or add results")
    return RibFracResult(official_scores(scored), notes)


def _score(truth: GroundTruth, predictions: Predictions, case_id: str) -> tuple[ScoredCase, list[str]]:
    true = truth_mask(truth, case_id)
    predicted = result_mask(predictions, case_id, true.grid)
    try:
        scored = score_case(true.labels, predicted.labels, true.rows, predicted.rows)
    except InputError as error:
        raise InputError(f"case {case_id}: {error}") from error
    notes = []
    findings = predictions.cases[case_id].findings if case_id in predictions.cases else None
    if findings is not None and len(findings.findings) > len(predicted.rows):
        unmasked = len(findings.findings) - len(predicted.rows)
        notes.append(f"{case_id}: {unmasked} findings without a region have no mask and are not scored")
    if predicted.grid != true.grid:
        notes.append(
            f"{case_id}: the headers of both masks differ; compared voxel by voxel as the challenge does"
        )
    return scored, notes
