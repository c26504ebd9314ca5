"""Where a trained model was wrong in the training scans: the best places to learn from next.

Mining of hard negatives as in Sung and Poggio (1998, "Example-based learning for view-based human face
detection"): detect in the training scans, and draw part of the negative crops around what was found in vain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.findings_file import read_findings
from RibFracDetectorLib.evaluation.boxes import box_centers, centers_meet

from .crops import Point
from .prepared import PreparedCase

SUFFIX = "_findings.json"


class FalsePositive(NamedTuple):
    """A finding that belongs to no lesion.

    Attributes:
        case: place of its scan among the cases.
        centre: voxel of the prepared case.
        score: in (0, 1].
    """

    case: int
    centre: Point
    score: float


def false_positives(folder: Path, cases: Sequence[PreparedCase]) -> list[FalsePositive]:
    """Findings that belong to no lesion by the centre rule; lesions count whatever their class.

    Args:
        folder: results of `ribfrac detect`; cases without a result there are left out.
        cases: of the training split.

    Raises:
        InputError: the folder has no result for any of the cases, or a damaged one.
    """
    paths = {number: folder / f"{case.case_id}{SUFFIX}" for number, case in enumerate(cases)}
    present = {number: path for number, path in paths.items() if path.is_file()}
    if not present:
        raise InputError(
            f"sampling.findings: {folder} has no {cases[0].case_id}{SUFFIX} nor one of another case; "
            "run `ribfrac detect` on the training scans"
        )
    return [place for number, path in present.items() for place in _of_case(number, cases[number], path)]


def _of_case(number: int, case: PreparedCase, path: Path) -> Iterator[FalsePositive]:
    findings = read_findings(path).findings
    boxes = np.array([case.grid.box_from_ras(finding.box_ras) for finding in findings]).reshape(-1, 6)
    lesions = np.array([lesion.box for lesion in case.lesions], dtype=np.float64).reshape(-1, 6)
    centers = box_centers(boxes)
    right = centers_meet(centers, boxes, box_centers(lesions), lesions).any(axis=1)
    for finding, center, is_right in zip(findings, centers, right, strict=True):
        if finding.score > 0 and not is_right:
            x, y, z = np.clip(center.astype(int), 0, np.array(case.grid.size) - 1).tolist()
            yield FalsePositive(number, (x, y, z), finding.score)
