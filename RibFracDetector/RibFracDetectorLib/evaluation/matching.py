"""Which detections of a scan hit which lesions, by the two rules in use, and the pool of all scans.

The centre rule is the original's (spec 6). The IoU rule is COCO's greedy assignment, as nnDetection uses it.
Both fill the same `CaseMatch`, which is all that the curves, tables and bootstrap read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .boxes import box_iou, centers_meet
from .cases import Detections, Lesions

NEVER = -np.inf
"""Score at which a lesion is hit that no detection hits."""


@dataclass(frozen=True)
class CaseMatch:
    """The matching of one scan, detections by descending score (ties in the order of the file).

    Attributes:
        scores: (p,) score of each detection.
        true: (p,) whether it counts as correct; the others are the false positives.
        new_hits: (p,) number of lesions that it is the first to hit.
        hit_scores: (g,) the highest score at which each lesion is hit, `NEVER` if at none.
    """

    scores: NDArray[np.float64]
    true: NDArray[np.bool_]
    new_hits: NDArray[np.int64]
    hit_scores: NDArray[np.float64]


@dataclass(frozen=True)
class CaseCounts:
    """Recall, precision and counts of one scan, by the original's rule for its table (spec 6)."""

    recall: float
    precision: float
    fp: int
    fn: int
    tp: int


@dataclass(frozen=True)
class Pool:
    """The matchings of all scans, detections by descending score (ties by scan, then by file order).

    Attributes:
        scores, true, new_hits: (P,) as in `CaseMatch`.
        case_index: (P,) scan of each detection.
        hit_scores: (G,) as in `CaseMatch`.
        lesion_case: (G,) scan of each lesion.
        n_cases: number of scans, empty ones included.
    """

    scores: NDArray[np.float64]
    true: NDArray[np.bool_]
    new_hits: NDArray[np.int64]
    case_index: NDArray[np.int64]
    hit_scores: NDArray[np.float64]
    lesion_case: NDArray[np.int64]
    n_cases: int

    @property
    def n_lesions(self) -> int:
        """Number of lesions of all scans."""
        return len(self.hit_scores)


def match_centers(lesions: Lesions, detections: Detections) -> CaseMatch:
    """The centre rule: the detection's centre in the lesion's box, or the other way round, borders included.

    One detection may hit several lesions; a detection that touches a lesion already hit is correct but
    brings no new hit.
    """
    order = _by_score(detections.scores)
    touches = centers_meet(detections.centers[order], detections.boxes[order], lesions.centers, lesions.boxes)
    first = np.argmax(touches, axis=0) if len(order) else np.zeros(len(lesions), dtype=np.int64)
    return _case_match(detections.scores[order], touches.any(axis=1), first, touches.any(axis=0))


def match_iou(lesions: Lesions, detections: Detections, iou_threshold: float) -> CaseMatch:
    """COCO's rule: by descending score, each detection takes the free lesion of the highest IoU >= threshold.

    A detection that finds no free lesion is a false positive, also when it repeats a hit.
    """
    order = _by_score(detections.scores)
    iou = box_iou(detections.boxes[order], lesions.boxes)
    first = np.zeros(len(lesions), dtype=np.int64)
    taken = np.zeros(len(lesions), dtype=bool)
    true = np.zeros(len(order), dtype=bool)
    for row in np.flatnonzero((iou >= iou_threshold).any(axis=1)):
        free = np.where(taken, -1.0, iou[row])
        # COCO keeps the last of equally good lesions.
        best = len(free) - 1 - int(np.argmax(free[::-1]))
        if free[best] >= iou_threshold:
            taken[best], first[best], true[row] = True, row, True
    return _case_match(detections.scores[order], true, first, taken)


def _case_match(
    scores: NDArray[np.float64], true: NDArray[np.bool_], first: NDArray[np.int64], hit: NDArray[np.bool_]
) -> CaseMatch:
    """`first` (g,) is the row of the detection that hits a lesion first, meaningful where `hit`."""
    new_hits = np.bincount(first[hit], minlength=len(scores)).astype(np.int64)
    hit_scores = np.full(len(hit), NEVER)
    hit_scores[hit] = scores[first[hit]]
    return CaseMatch(scores, true, new_hits, hit_scores)


def _by_score(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")


def case_counts(match: CaseMatch) -> CaseCounts:
    """One row of the original's table: fp = detections - lesions hit, which may be negative (spec 6).

    Recall is NaN without lesions, precision NaN without detections, and 0 for detections without lesions.
    """
    n_lesions, n_detections = len(match.hit_scores), len(match.scores)
    tp = int(np.count_nonzero(match.hit_scores > NEVER))
    recall = tp / n_lesions if n_lesions else np.nan
    if n_detections == 0:
        return CaseCounts(0.0, np.nan, 0, n_lesions, 0)
    return CaseCounts(recall, tp / n_detections, n_detections - tp, n_lesions - tp, tp)


def pool(matches: Sequence[CaseMatch]) -> Pool:
    """Join the scans of an evaluation."""
    scores = _joined([match.scores for match in matches])
    order = _by_score(scores)
    sizes = [len(match.scores) for match in matches]
    lesions = [len(match.hit_scores) for match in matches]
    cases = np.arange(len(matches))
    return Pool(
        scores=scores[order],
        true=_joined([match.true for match in matches]).astype(bool)[order],
        new_hits=_joined([match.new_hits for match in matches]).astype(np.int64)[order],
        case_index=np.repeat(cases, sizes)[order],
        hit_scores=_joined([match.hit_scores for match in matches]),
        lesion_case=np.repeat(cases, lesions),
        n_cases=len(matches),
    )


def _joined(arrays: list[NDArray]) -> NDArray:
    return np.concatenate(arrays) if arrays else np.empty(0)
