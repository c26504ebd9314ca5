"""A case in the hands of one reader: what there is to see.

Opening takes the case's lock and replays its log; closing writes what is left to write and gives the lock
back.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ..case.banners import banner
from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..case.finding_masks import read_model_masks, write_edited_masks
from ..case.findings import CaseFindings
from ..case.geometry import Grid
from ..case.mask_patches import MaskPatch
from ..case.review_log import ReviewEvent
from ..case.review_replay import ReviewedFinding, ReviewState
from ..case.reviewed_case import mask_of
from ..case.thorax import Location, Thorax
from . import boxes
from .effort import EffortMeter
from .filtering import hidden_below, shown_ids
from .recorder import Recorder

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Change:
    """What a subscriber is told.

    Attributes:
        kind: "findings" (status, class, comment, box, mask, added, deleted), "threshold", "active" or "case"
            (complete, reopened, first read recorded).
        findings: the ids that it is about; after "deleted" they are in the state no more.
    """

    kind: Literal["findings", "threshold", "active", "case"]
    findings: frozenset[int] = frozenset()


class OpenCase:
    """See the module; left by `close`, or as a context manager.

    Attributes:
        files: of the case.
        case: the model's findings.
        reader: id of the reader.
        model_masks: the model's masks by finding.
        stored_grid: of the CT's file, on which masks are written.
        active: id of the finding that the reader looks at, None for none.
        threshold: findings with a lower score are not shown.
        thorax: measures of the chest; set by whoever has the CT, else sides are unknown.
        banner: what must be visible all the time, None for a model trained on real scans.
    """

    def __init__(self, files: CaseFiles, case: CaseFindings, reader: str, program: str, clock: Clock) -> None:
        self.files = files
        self.case = case
        self.reader = reader
        self.model_masks, self.stored_grid = read_model_masks(files, case)
        self.banner = banner(case.provenance.weights)
        self.thorax: Thorax | None = None
        self.active: int | None = None
        self._effort = EffortMeter(clock)
        self._subscribers: list[Callable[[Change], None]] = []
        self._recorder = Recorder(files, case, reader, program, clock)
        self._masks_stale = _are_masks_stale(files, self.state)
        self.threshold = _first_threshold(case, self.state)

    def __enter__(self) -> OpenCase:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Bring everything to the disk and give the case back; again does nothing.

        Raises:
            InputError: the edited masks cannot be written; they are in the log and are written the next time.
        """
        if self._recorder.is_open:
            try:
                self.save()
            finally:
                self._recorder.close()

    def save(self) -> None:
        """Log the threshold if work has begun, and write the edited masks if they changed.

        Raises:
            InputError: something cannot be written.
        """
        if self.state.sequence and self.threshold != self.state.threshold:
            self._recorder.record("threshold_set", {"threshold": self.threshold})
        if self._masks_stale:
            edited = {
                number: finding.mask
                for number, finding in self.state.findings.items()
                if finding.mask is not None
            }
            write_edited_masks(self.files, edited, self.grid, self.stored_grid)
            self._masks_stale = False

    # What there is

    @property
    def state(self) -> ReviewState:
        """The present state."""
        return self._recorder.state

    @property
    def grid(self) -> Grid:
        """Of the LPS-oriented CT."""
        return self.case.ct.grid

    @property
    def events(self) -> tuple[ReviewEvent, ...]:
        """The log so far."""
        return self._recorder.events

    @property
    def findings_hidden(self) -> bool:
        """Whether the model's findings must not be shown yet."""
        return self.state.findings_hidden

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self.state.done) and not self.state.complete

    @property
    def can_redo(self) -> bool:
        """Whether something taken back can be put back."""
        return bool(self.state.undone) and not self.state.complete

    @property
    def hidden_below_threshold(self) -> int:
        """How many findings the threshold hides."""
        return hidden_below(self.state, self.threshold)

    def shown(self) -> tuple[int, ...]:
        """The findings to show, in the order of the table."""
        return shown_ids(self.state, self.threshold)

    def finding(self, finding_id: int) -> ReviewedFinding:
        """One finding.

        Raises:
            InputError: there is none of this id, or it must not be seen yet.
        """
        finding = self.state.findings.get(finding_id)
        if finding is None or (finding.model is not None and self.findings_hidden):
            raise InputError(f"there is no finding {finding_id} to work on; choose one of the table")
        return finding

    def mask(self, finding_id: int) -> MaskPatch | None:
        """The present mask of a finding, None if it has no voxel."""
        return mask_of(self.state, self.model_masks, self.finding(finding_id).id)

    def location(self, finding_id: int) -> Location | None:
        """Where a finding lies in the chest, None as long as `thorax` is."""
        if self.thorax is None:
            return None
        return self.thorax.locate(boxes.center(self.finding(finding_id).box_voxels))

    def subscribe(self, callback: Callable[[Change], None]) -> Callable[[], None]:
        """Have `callback` told of every change; what is returned ends it."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._subscribers.remove(callback)

        return unsubscribe

    def _record(self, kind: str, payload: dict[str, Any]) -> None:
        if self.threshold != self.state.threshold and kind != "completed":  # which says it itself
            self._recorder.record("threshold_set", {"threshold": self.threshold})
        self._recorder.record(kind, payload)

    def _tell(self, change: Change) -> None:
        for callback in tuple(self._subscribers):
            callback(change)


def _are_masks_stale(files: CaseFiles, state: ReviewState) -> bool:
    """Whether the file of edited masks is not what the log says, after a crash for example."""
    log, masks = files.review_log, files.edited_mask
    if not any(finding.mask is not None for finding in state.findings.values()):
        return masks.exists() and log.exists()
    return not masks.exists() or masks.stat().st_mtime < log.stat().st_mtime


def _first_threshold(case: CaseFindings, state: ReviewState) -> float:
    """The one of the last session, else the one that the model is meant to be read with."""
    return case.threshold if state.threshold is None else state.threshold
