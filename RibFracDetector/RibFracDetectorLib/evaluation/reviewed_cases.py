"""A folder of reviewed cases as a ground truth: what their readers accepted or added.

Only complete cases count: in an open one the reader has not looked at everything yet, so what is missing
there may be a fracture. A lesion's box is that of its mask; without one, that of the voxels whose centres lie
in the box, or the nearest voxel where a thin box holds no centre.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..case.case_files import REVIEW_LOG_SUFFIX, CaseFiles
from ..case.review_events import FRACTURE_CLASSES
from ..case.reviewed_case import ReviewedCase, ReviewedLesion, read_reviewed_case
from .boxes import box_centers
from .cases import UNKNOWN_CLASS, Lesions

# RibFrac's codes: displaced 1, non-displaced 2, buckle 3, segmental 4.
CLASS_OF = {name: code for code, name in enumerate(FRACTURE_CLASSES, start=1)}


def read_reviewed_cases(folder: Path) -> tuple[dict[str, Lesions], list[str]]:
    """The lesions of every complete case by case id, ascending, and a note for every other one.

    Raises:
        InputError: a log is damaged, or does not fit the findings beside it.
    """
    names = sorted(path.name.removesuffix(REVIEW_LOG_SUFFIX) for path in folder.glob(f"*{REVIEW_LOG_SUFFIX}"))
    cases: dict[str, Lesions] = {}
    notes: list[str] = []
    for case_id in names:
        case = read_reviewed_case(CaseFiles(folder, case_id))
        if case.complete:
            cases[case_id] = _lesions_of(case)
        else:
            notes.append(f"{case_id}: the review is still open; not counted until its reader completes it")
    return cases, notes


def _lesions_of(case: ReviewedCase) -> Lesions:
    boxes = np.array([_box_of(lesion) for lesion in case.lesions], dtype=np.float64).reshape(-1, 6)
    classes = [CLASS_OF.get(lesion.fracture_class or "", UNKNOWN_CLASS) for lesion in case.lesions]
    return Lesions(
        boxes=boxes,
        centers=box_centers(boxes),
        classes=np.array(classes, dtype=np.int64),
        instances=np.array([lesion.id for lesion in case.lesions], dtype=np.int64),
        grid=case.grid,
    )


def _box_of(lesion: ReviewedLesion) -> NDArray[np.float64]:
    """Half-open, as of a mask."""
    if lesion.mask is not None:
        start = np.array(lesion.mask.start)
        return np.concatenate([start, start + lesion.mask.voxels.shape])
    low, high = np.array(lesion.box_voxels).reshape(2, 3)
    first, end = np.floor(low) + 1, np.ceil(high)
    nearest, thin = np.round((low + high) / 2), end <= first
    return np.concatenate([np.where(thin, nearest, first), np.where(thin, nearest + 1, end)])
