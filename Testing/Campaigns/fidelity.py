"""What the fast path changes: the findings of two runs over the same scans, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.evaluation.boxes import box_iou
from RibFracDetectorLib.evaluation.cases import Detections
from RibFracDetectorLib.evaluation.predictions import read_predictions

LIST = "findings"
SAME = 0.5
"""IoU from which two findings are one."""


def compare_runs(first: Path, second: Path, threshold: float) -> dict[str, Any]:
    """How far two result folders are apart.

    Args:
        first, second: results of the same scans by `ribfrac detect`, down to scores below the threshold.
        threshold: a finding counts that reaches it in either run; its partner in the other may be lower.

    Returns:
        Number of scans and of findings that count, those without a partner, and of all others the largest
        differences of a box's side, in voxels, and of a score.
    """
    one, other = read_predictions(first).cases, read_predictions(second).cases
    if one.keys() != other.keys():
        raise SystemExit(f"{first} and {second} hold results of different scans; empty both and start again")
    alone, sides, scores = 0, [0.0], [0.0]
    for case in one:
        pair = one[case].lists[LIST], other[case].lists[LIST]
        partners = _partners(*pair)
        counted = [found.scores >= threshold for found in pair]
        alone += int(counted[0][partners < 0].sum())
        alone += int(np.delete(counted[1], partners[partners >= 0]).sum())
        for index, partner in enumerate(partners):
            if partner >= 0 and (counted[0][index] or counted[1][partner]):
                sides.append(float(np.abs(pair[0].boxes[index] - pair[1].boxes[partner]).max()))
                scores.append(float(abs(pair[0].scores[index] - pair[1].scores[partner])))
    return {
        "scans": len(one),
        "findings": alone + len(sides) - 1,
        "without_partner": alone,
        "largest_box_difference_voxels": max(sides),
        "largest_score_difference": max(scores),
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
