"""Writes a session's events, and keeps the state that they add up to.

An event is on the disk before it counts. The log begins with the first thing that the reader does, so opening
a case to look at it leaves it unreviewed; the event that says when it was opened is written then, with its
time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from .. import __version__
from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..case.findings import CaseFindings
from ..case.review_lock import CaseLock
from ..case.review_log import LogWriter, ReviewEvent
from ..case.review_replay import ReviewState, after
from ..case.reviewed_case import file_sha256, replay_over


class Recorder:
    """The log of one case in the hands of one reader; whoever makes it must `close` it.

    Attributes:
        state: after all events so far.

    Raises:
        InputError: someone else has the case open, or its log is damaged or belongs to other findings.
    """

    def __init__(
        self,
        files: CaseFiles,
        case: CaseFindings,
        reader: str,
        program: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._case_id = case.case_id
        self._reader = reader
        self._clock = clock
        self._opened: datetime | None = clock()
        self._opening = {
            "program": program,
            "version": __version__,
            "findings_sha256": file_sha256(files.findings),
        }
        self._lock: CaseLock | None = CaseLock.acquire(files.review_lock, reader, program)
        try:
            self._log = LogWriter(files.review_log)
            self.state: ReviewState = replay_over(files, case, self._log.events)
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether events can be recorded."""
        return self._lock is not None

    @property
    def events(self) -> tuple[ReviewEvent, ...]:
        """The log so far."""
        return self._log.events

    def record(self, kind: str, payload: dict[str, Any]) -> None:
        """Write one event.

        Raises:
            InputError: the case has been closed, or the log cannot be written; the state is as before.
        """
        if not self.is_open:
            raise InputError(f"the case {self._case_id} has been closed; open it again")
        if self._opened is not None:
            self._append(self._opened, "opened", self._opening)
            self._opened = None
        self._append(self._clock(), kind, payload)

    def close(self) -> None:
        """Give the case back; again does nothing."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _append(self, time: datetime, kind: str, payload: dict[str, Any]) -> None:
        self.state = after(self.state, self._log.append(time, self._reader, kind, payload))
