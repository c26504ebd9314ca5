"""What the fast path changes: the findings of two runs over the same scans, side by side."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.evaluation.boxes import box_iou
from RibFracDetectorLib.evaluation.cases import Detections
from RibFracDetectorLib.evaluation.predictions import CaseResult, read_predictions

LIST = "findings"
SAME = 0.5
"""IoU from which two findings are one."""


@dataclass(frozen=True)
class Differences:
    """Of two runs' findings in one scan: those without a partner; of each pair the box's sides and the score.

    Attributes:
        alone: number of findings that only one run has.
        shown_by_one: number of pairs of which one reaches the threshold and its partner does not.
        sides: (n,), voxels of the CT, the largest of a box's six.
        scores: (n,).
    """

    alone: int
    shown_by_one: int
    sides: NDArray[np.float64]
    scores: NDArray[np.float64]


def compare_runs(first: Path, second: Path) -> dict[str, Any]:
    """How far two result folders are apart, in what a reader is shown.

    A finding counts that reaches the model's threshold in either run; its partner may be lower.

    Args:
        first, second: results of the same scans by `ribfrac detect`, down to scores below the threshold.

    Returns:
        Number of scans and of findings that count, those without a partner, those whose partner is below
        the threshold, and of all pairs the largest differences of a box's side, in voxels, and of a score;
        what each run took.
    """
    one, other = read_predictions(first).cases, read_predictions(second).cases
    if one.keys() != other.keys():
        raise SystemExit(f"{first} and {second} hold results of different scans; empty both and start again")
    found = [differences(one[case], other[case]) for case in one]
    alone = sum(scan.alone for scan in found)
    return {
        "scans": len(one),
        "findings": alone + sum(len(scan.sides) for scan in found),
        "without_partner": alone,
        "partner_below_threshold": sum(scan.shown_by_one for scan in found),
        "largest_box_difference_voxels": max(float(scan.sides.max(initial=0)) for scan in found),
        "largest_score_difference": max(float(scan.scores.max(initial=0)) for scan in found),
        "first": _taken(one.values()),
        "second": _taken(other.values()),
    }


def differences(first: CaseResult, second: CaseResult) -> Differences:
    """The findings of one scan by two runs; those below the threshold of the first in both do not count."""
    here, there = first.lists[LIST], second.lists[LIST]
    partners = _partners(here, there)
    counted = [found.scores >= first.findings.threshold for found in (here, there)]
    alone = counted[0][partners < 0].sum() + np.delete(counted[1], partners[partners >= 0]).sum()
    (index,) = np.nonzero(partners >= 0)
    index = index[counted[0][index] | counted[1][partners[index]]]
    partner = partners[index]
    return Differences(
        alone=int(alone),
        shown_by_one=int((counted[0][index] != counted[1][partner]).sum()),
        sides=np.abs(here.boxes[index] - there.boxes[partner]).max(axis=1, initial=0),
        scores=np.abs(here.scores[index] - there.scores[partner]),
    )


def _taken(cases: Collection[CaseResult]) -> dict[str, Any]:
    """What computed the scans of a run, and in how many windows."""
    runs = [case.findings.provenance for case in cases]
    return {
        "computed_by": sorted({f"{run.precision} on {run.device} by {run.engine}" for run in runs}),
        "windows": sum(run.windows for run in runs),
    }


def _partners(first: Detections, second: Detections) -> NDArray[np.int64]:
    """For each finding of the first the one of the second that is the same, each given once; -1 for none."""
    partners = np.full(len(first.boxes), -1)
    if not len(first.boxes) or not len(second.boxes):
        return partners
    overlap = box_iou(first.boxes, second.boxes)
    for index in np.argsort(-first.scores, kind="stable"):
        best = int(overlap[index].argmax())
        if overlap[index, best] >= SAME:
            partners[index] = best
            overlap[:, best] = 0
    return partners
