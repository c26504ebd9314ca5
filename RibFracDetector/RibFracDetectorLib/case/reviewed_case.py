"""A reviewed case as a ground truth: what its reader called a fracture.

These are the accepted findings, the model's and the reader's own, with their boxes and masks as edited. What
was rejected or left unsure or undecided is no fracture here; whether the case is complete tells if the reader
has looked at everything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .case_files import CaseFiles
from .errors import InputError
from .finding_masks import read_model_masks
from .findings import CaseFindings
from .findings_file import read_findings
from .geometry import Grid
from .mask_patches import MaskPatch
from .review_log import ReviewEvent, read_log
from .review_replay import ReviewState, replay


@dataclass(frozen=True)
class ReviewedLesion:
    """One fracture.

    Attributes:
        id: the finding's.
        box_voxels: (x1, y1, z1, x2, y2, z2), continuous voxel indices of the LPS-oriented CT.
        fracture_class: one of `review_events.FRACTURE_CLASSES`, None if not stated.
        mask: None if it has no voxel.
    """

    id: int
    box_voxels: tuple[float, float, float, float, float, float]
    fracture_class: str | None
    mask: MaskPatch | None


@dataclass(frozen=True)
class ReviewedCase:
    """The fractures of one scan by its reader.

    Attributes:
        case_id: of the case.
        complete: whether the reader has closed the case.
        readers: ids of those who worked on it, in the order in which they began.
        grid: of the LPS-oriented CT; `box_voxels` and masks are on it.
        lesions: ascending by id.
    """

    case_id: str
    complete: bool
    readers: tuple[str, ...]
    grid: Grid
    lesions: tuple[ReviewedLesion, ...]


def read_reviewed_case(files: CaseFiles) -> ReviewedCase:
    """The ground truth of a reviewed case.

    Raises:
        InputError: no findings or no review log, or one that does not fit them.
    """
    events = read_log(files.review_log)
    if not events:
        raise InputError(f"{files.review_log}: no review of the case {files.case_id}; review it first")
    case = read_findings(files.findings)
    state = replay_over(files, case, events)
    masks, _ = read_model_masks(files, case)
    lesions = [
        ReviewedLesion(
            finding.id, finding.box_voxels, finding.fracture_class, mask_of(state, masks, finding.id)
        )
        for finding in state.findings.values()
        if finding.status == "accepted"
    ]
    return ReviewedCase(
        case_id=case.case_id,
        complete=state.complete,
        readers=tuple(dict.fromkeys(event.reader for event in events)),
        grid=case.ct.grid,
        lesions=tuple(sorted(lesions, key=lambda lesion: lesion.id)),
    )


def replay_over(files: CaseFiles, case: CaseFindings, events: tuple[ReviewEvent, ...]) -> ReviewState:
    """The state of a case after `events`, which must belong to its findings.

    Raises:
        InputError: the log was made on another findings file, or an event does not fit.
    """
    expected = file_sha256(files.findings)
    for event in events:
        if event.kind == "opened" and event.payload["findings_sha256"] != expected:
            raise InputError(
                f"{files.review_log}: made on other findings than {files.findings.name}; put the findings "
                "back that were reviewed, or move the log away"
            )
    try:
        return replay(case.findings, events)
    except InputError as error:
        raise InputError(f"{files.review_log}: {error}") from None


def mask_of(state: ReviewState, model_masks: dict[int, MaskPatch], finding_id: int) -> MaskPatch | None:
    """The present mask of a finding: the reader's, else the model's; None without a voxel."""
    edited = state.findings[finding_id].mask
    mask = model_masks.get(finding_id) if edited is None else edited
    return mask if mask is not None and mask.count else None


def file_sha256(path: Path) -> str:
    """SHA-256 of a small file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
