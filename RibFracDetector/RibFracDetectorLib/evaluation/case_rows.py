"""What each scan counts, by the original's rule for single scans (spec 6): one row a scan and list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..case.errors import InputError
from .ground_truth import GroundTruth
from .matching import case_counts, match_centers
from .options import EvaluationOptions
from .pairing import paired_list
from .predictions import Predictions
from .segmentation import foreground_dice

CaseRows = Mapping[str, Mapping[str, Any]]


def case_rows(
    truth: GroundTruth, predictions: Predictions, name: str, options: EvaluationOptions
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Recall, precision, fp, fn, tp and, where both masks exist, dice by case id; and notes on masks.

    Raises:
        InputError: see `pairing.paired_list`.
    """
    paired = paired_list(truth, predictions, name, options.case_classes, options.missing)
    dice, notes = _dice(truth, predictions, name, options)
    rows = {}
    for case_id, lesions, detections in zip(paired.case_ids, paired.lesions, paired.detections, strict=True):
        rows[case_id] = asdict(case_counts(match_centers(lesions, detections)))
        if case_id in dice:
            rows[case_id]["dice"] = dice[case_id]
    return rows, notes


def _dice(
    truth: GroundTruth, predictions: Predictions, name: str, options: EvaluationOptions
) -> tuple[dict[str, float], list[str]]:
    """Dice by scan where both masks exist; detections alone have no mask."""
    values: dict[str, float] = {}
    notes: list[str] = []
    if name == "det" or not options.use_masks:
        return values, notes
    for case_id in truth.cases.keys() & predictions.cases.keys():
        try:
            dice = foreground_dice(
                truth.cases[case_id].of_classes(options.case_classes), predictions.cases[case_id]
            )
        except InputError as error:
            notes.append(f"{case_id}: {error}")
            continue
        if dice is not None:
            values[case_id] = dice
    return values, sorted(notes)
