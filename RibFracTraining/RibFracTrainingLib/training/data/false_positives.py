"""Where a trained model was wrong in a training scan: the best places to learn from next.

Mining of hard negatives as in Sung and Poggio (1998, "Example-based learning for view-based human face
detection"): detect in the training scans, and draw part of the negative crops around what was found in vain.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.findings import CaseFindings
from RibFracDetectorLib.case.findings_file import read_findings
from RibFracDetectorLib.evaluation.boxes import points_in_boxes

from .prepared import PreparedCase

SUFFIX = "_findings.json"


def false_positives(folder: Path, case: PreparedCase) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Findings that belong to no lesion by the centre rule.

    Args:
        folder: results of `ribfrac detect`.
        case: lesions of every class count, also those that the detector need not find.

    Returns:
        Centres (n, 3) in voxels of the prepared case, and scores (n,); empty where the folder has no result
        for the case.

    Raises:
        InputError: the case's findings file is damaged.
    """
    found = _read(folder / f"{case.case_id}{SUFFIX}")
    if found is None or not found.findings:
        return np.zeros((0, 3)), np.zeros(0)
    boxes = np.array([case.grid.box_from_ras(finding.box_ras) for finding in found.findings])
    scores = np.array([finding.score for finding in found.findings])
    centers = (boxes[:, :3] + boxes[:, 3:]) / 2
    lesions = np.array([lesion.box for lesion in case.lesions], dtype=np.float64).reshape(-1, 6)
    middles = (lesions[:, :3] + lesions[:, 3:]) / 2
    right = points_in_boxes(centers, lesions).any(axis=1) | points_in_boxes(middles, boxes).any(axis=0)
    return centers[~right], scores[~right]


@cache
def _read(path: Path) -> CaseFindings | None:
    return read_findings(path) if path.is_file() else None
