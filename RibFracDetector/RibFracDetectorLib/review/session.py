"""The work of one reader on one case, from opening it to closing it.

Every change is first an event in the log, on the disk, and then the state after that event; so the state in
memory is at any moment what a replay of the file gives.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime, timezone
from typing import Any

from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..case.findings_file import read_findings
from ..case.geometry import BoxRas
from ..case.mask_patches import MaskPatch
from ..case.review_events import FRACTURE_CLASSES, STATUSES
from ..case.review_log import ReviewEvent
from . import boxes
from .boxes import Box
from .open_case import Change, Clock, OpenCase


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(timezone.utc)


class ReviewSession(OpenCase):
    """What a user interface holds; made by `open`."""

    @classmethod
    def open(
        cls,
        files: CaseFiles,
        reader: str,
        program: str = "desktop",
        *,
        unaided: bool = False,
        clock: Clock = utc_now,
    ) -> ReviewSession:
        """Open a case that has been detected, whether or not it has been reviewed.

        Args:
            files: of the case.
            reader: id of the reader, from the settings.
            program: "desktop" or "browser", for those who find the case locked.
            unaided: keep the model's findings hidden until a first read is recorded; without effect on a
                case that was begun before.
            clock: the present moment, UTC.

        Raises:
            InputError: no reader id, a file is missing or damaged or belongs to other findings, or someone
                else has the case open.
        """
        if not reader.strip() or any(unicodedata.category(sign) == "Cc" for sign in reader):
            raise InputError(
                f"the reader id {reader!r} is empty or has line breaks; enter another in the settings"
            )
        session = cls(files, read_findings(files.findings), reader, program, clock)
        if unaided and session.state.sequence == 0:
            try:
                session._record("unaided_read_started", {})
            except BaseException:
                session.close()
                raise
        return session

    def decide(self, finding_id: int, status: str) -> None:
        """Accept, reject, mark as unsure, or as undecided again."""
        if status not in STATUSES:
            raise InputError(f"the status {status!r} is unknown, one of {', '.join(STATUSES)} is expected")
        if self.finding(finding_id).status != status:
            self._change("decided", finding_id, {"status": status})

    def classify(self, finding_id: int, fracture_class: str | None) -> None:
        """State the class of a fracture, or None to leave it open."""
        if fracture_class is not None and fracture_class not in FRACTURE_CLASSES:
            expected = ", ".join(FRACTURE_CLASSES)
            raise InputError(f"the class {fracture_class!r} is unknown, one of {expected} is expected")
        if self.finding(finding_id).fracture_class != fracture_class:
            self._change("classified", finding_id, {"class": fracture_class})

    def comment(self, finding_id: int, text: str) -> None:
        """Replace the comment."""
        if self.finding(finding_id).comment != text:
            self._change("commented", finding_id, {"text": text})

    def edit_box(self, finding_id: int, box: Box) -> None:
        """Replace the box, given as (x1, y1, z1, x2, y2, z2) in voxels; it is cut at the volume's border."""
        cut = boxes.inside(box, self.grid)
        if self.finding(finding_id).box_voxels != cut:
            self._change("box_edited", finding_id, boxes.payload(cut, self.grid))

    def edit_box_ras(self, finding_id: int, box: BoxRas) -> None:
        """Replace the box, given in patient space; its axes must be those of the CT."""
        self.edit_box(finding_id, boxes.from_ras(box, self.grid))

    def edit_mask(self, finding_id: int, mask: MaskPatch) -> None:
        """Replace the mask; one without a voxel means that the finding has none."""
        if not mask.within(self.grid.size):
            raise InputError(f"the mask of finding {finding_id} reaches out of the volume; draw it inside")
        if mask != (self.mask(finding_id) or MaskPatch.empty()):
            self._change("mask_edited", finding_id, {"mask": mask.to_json()})

    def add(self, box: Box) -> int:
        """Add a finding of the reader's own, as accepted; returns its id."""
        number = self.state.next_id
        self._change("added", number, boxes.payload(boxes.inside(box, self.grid), self.grid))
        return number

    def add_at(self, point: tuple[float, float, float]) -> int:
        """Add one with a box of a usual size around a place in voxels; returns its id."""
        return self.add(boxes.around(point, self.grid))

    def delete(self, finding_id: int) -> None:
        """Take a finding of the reader's own away; those of the model are rejected instead."""
        if self.finding(finding_id).model is not None:
            raise InputError(
                f"finding {finding_id} is the model's and stays in the record; reject it instead"
            )
        self._change("deleted", finding_id, {})

    def undo(self) -> int | None:
        """Take the last change back; returns the finding that it was about, None if there was nothing."""
        return self._step_history("undone", self.state.done) if self.can_undo else None

    def redo(self) -> int | None:
        """Put back what undo took; returns the finding that it is about, None if there was nothing."""
        return self._step_history("redone", self.state.undone) if self.can_redo else None

    def why_not_complete(self) -> str | None:
        """What keeps the case from being completed, in one sentence; None if nothing does."""
        if self.state.complete:
            return "the case is complete already"
        if self.findings_hidden:
            return "the first read is not recorded yet"
        shown = self.shown()
        undecided = sum(not self.state.findings[number].is_decided for number in shown)
        return f"{undecided} of {len(shown)} findings are undecided" if undecided else None

    def complete(self) -> None:
        """Close the case; also one without any finding."""
        reason = self.why_not_complete()
        if reason:
            raise InputError(f"the case cannot be completed: {reason}")
        total = len(self.shown())
        counts = {"threshold": self.threshold, "reviewed": total, "total": total}
        self._record("completed", counts | self._effort.take(None))
        self._tell(Change("case"))
        self.save()

    def reopen(self) -> None:
        """Work on a complete case again."""
        if not self.state.complete:
            raise InputError("the case is open already")
        self._record("reopened", {})
        self._tell(Change("case"))

    def record_first_read(self) -> None:
        """The unaided reader is done with the first read: the model's findings may be seen from now on."""
        if not self.findings_hidden:
            raise InputError("the findings are visible already; a first read is recorded before that")
        self._record("first_read_recorded", {})
        self._tell(Change("case", frozenset(self.state.findings)))

    def activate(self, finding_id: int | None) -> None:
        """Turn to a finding, or to none."""
        if finding_id is not None:
            self.finding(finding_id)
        if finding_id != self.active:
            before, self.active = self.active, finding_id
            self._effort.activate(finding_id)
            self._tell(Change("active", frozenset({before, finding_id} - {None})))

    def set_threshold(self, threshold: float) -> None:
        """Filter by score; logged together with the next event, so that a moving slider writes nothing."""
        if not 0 <= threshold <= 1:
            raise InputError(f"the threshold is {threshold:g}, 0 to 1 is expected")
        if threshold != self.threshold:
            self.threshold = threshold
            if self.active is not None and self.active not in self.shown():
                self.activate(None)  # else a key would decide what nobody sees
            self._tell(Change("threshold"))

    def count_key(self) -> None:
        """The reader pressed a key of the review."""
        self._effort.count_key()

    def _change(self, kind: str, finding_id: int, payload: dict[str, Any]) -> None:
        if self.state.complete:
            raise InputError("the case is complete; reopen it to change something")
        before = self.state.findings
        self._record(kind, {"finding": finding_id, **payload, **self._effort.take(finding_id)})
        self._follow(finding_id, before)

    def _step_history(self, kind: str, stack: tuple[ReviewEvent, ...]) -> int:
        finding_id, before = stack[-1].payload["finding"], self.state.findings
        self._record(kind, {"event": stack[-1].sequence})
        self._follow(finding_id, before)
        return finding_id

    def _follow(self, finding_id: int, before: Any) -> None:
        old, new = before.get(finding_id), self.state.findings.get(finding_id)
        if (old and old.mask) != (new and new.mask):
            self._masks_stale = True
        if new is None and self.active == finding_id:
            self.activate(None)
        self._tell(Change("findings", frozenset([finding_id])))
