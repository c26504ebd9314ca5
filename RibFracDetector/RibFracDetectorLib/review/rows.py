"""The table of findings, as plain values that any table widget or file can show."""

from __future__ import annotations

from dataclasses import dataclass

from ..case.geometry import BoxRas
from ..case.review_replay import ReviewedFinding
from .boxes import center
from .filtering import shown_ids
from .open_case import OpenCase


@dataclass(frozen=True)
class FindingRow:
    """One row.

    Attributes:
        id: of the finding.
        own: whether the reader added it.
        status: undecided, accepted, rejected or unsure.
        score: None for the reader's own.
        side, region: left or right; anterior, lateral or posterior. Empty if the CT is not at hand.
        slice: index of the axial slice through the middle, counted from 0 at the feet.
        center_ras: middle in mm.
        size_mm: edges along the volume's axes x, y, z.
        volume_mm3: of the present mask, None without one.
        fracture_class: stated by the reader, or empty.
        flags: the model's remarks, and "edited" where the reader changed box or mask.
        comment: the reader's.
        reader, time: who did the last thing and when; empty if nobody has.
    """

    id: int
    own: bool
    status: str
    score: float | None
    side: str
    region: str
    slice: int
    center_ras: tuple[float, float, float]
    size_mm: tuple[float, float, float]
    volume_mm3: float | None
    fracture_class: str
    flags: tuple[str, ...]
    comment: str
    reader: str
    time: str


def rows(session: OpenCase) -> tuple[FindingRow, ...]:
    """The findings that are shown, in their order."""
    return tuple(row(session, number) for number in session.shown())


def all_rows(session: OpenCase) -> tuple[FindingRow, ...]:
    """All findings in the same order, those below the threshold too.

    Raises:
        InputError: the model's findings must not be seen yet.
    """
    return tuple(row(session, number) for number in shown_ids(session.state, 0.0))


def row(session: OpenCase, finding_id: int) -> FindingRow:
    """One finding, shown or not.

    Raises:
        InputError: there is none of this id, or it must not be seen yet.
    """
    finding = session.finding(finding_id)
    location = session.location(finding_id)
    mask = session.mask(finding_id)
    box: BoxRas = finding.box_ras
    return FindingRow(
        id=finding.id,
        own=finding.model is None,
        status=finding.status,
        score=finding.score,
        side=location.side if location else "",
        region=location.region if location else "",
        slice=round(center(finding.box_voxels)[2]),
        center_ras=box.center,
        size_mm=box.size,
        volume_mm3=mask.count * session.grid.voxel_volume if mask else None,
        fracture_class=finding.fracture_class or "",
        flags=_flags(finding),
        comment=finding.comment,
        reader=finding.reader or "",
        time=finding.time or "",
    )


def _flags(finding: ReviewedFinding) -> tuple[str, ...]:
    remarks = () if finding.model is None else finding.model.flags
    edited = finding.box_edited or finding.mask is not None
    return (*remarks, "edited") if edited and finding.model is not None else remarks
