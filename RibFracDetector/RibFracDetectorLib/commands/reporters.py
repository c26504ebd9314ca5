"""How a run tells its progress: a bar for people, JSON lines for programs, or notes alone.

A batch calls them from two threads: what is told of a written case may come while the next is detected in.

The table of findings goes to standard output, everything else for people to standard error. With JSON
lines, standard output holds one JSON object a line, the first of them the handshake (`case.handshake`).
"""

from __future__ import annotations

import json
import math
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..case.errors import RibFracError
from ..case.findings import CaseFindings
from ..case.handshake import hello_event
from .batch.outcomes import Outcome
from .batch.summary import counts_of, print_summary
from .evaluate import print_evaluation
from .findings_table import print_findings

_SPEED_PERIOD_S = 600.0
"""Time left is told by the speed of the last ten minutes: single windows vary too much."""


class NotesReporter:
    """Prints notes and, at the end of a case, the table of its findings."""

    def accepted(self, case_id: str) -> None:
        """A command that stands by has been told its scan; from another thread."""

    def ready(self) -> None:
        """A command that stands by has loaded everything."""
        self.note("ready: everything is loaded")

    def begin_case(self, case_id: str) -> None:
        """A case begins; its stages follow."""

    def end_case(self) -> None:
        """The case is over, well or badly."""

    def stage(self, name: str) -> None:
        """See `Reporter.stage`."""

    def tile(self, done: int, total: int) -> None:
        """See `Reporter.tile`."""

    def note(self, text: str) -> None:
        """See `Reporter.note`."""
        print(f"ribfrac: {text}", file=sys.stderr, flush=True)

    def cancelled(self) -> bool:
        """Interrupts arrive as KeyboardInterrupt."""
        return False

    def result(self, case: CaseFindings, folder: Path) -> None:
        """The case's files are in place."""
        print_findings(case)
        self.note(f"{case.case_id}: files and picture in {folder}")

    def failure(self, case_id: str, error: RibFracError) -> None:
        """The case failed; the error itself is printed by whoever ends the command."""

    def batch(self, done: int, total: int) -> None:
        """`done` of the `total` scans of a batch are through."""

    def batch_result(self, case: CaseFindings, folder: Path) -> None:  # noqa: ARG002
        """The files of one case of a batch are in place."""
        scores = [finding.score for finding in case.above_threshold]
        count = len(scores)
        best = f", best score {max(scores):.2f}" if scores else ""
        self.note(f"{case.case_id}: {count or 'no'} finding{'' if count == 1 else 's'}{best}")

    def batch_failure(self, case_id: str, error: RibFracError) -> None:  # noqa: ARG002
        """One case of a batch failed; the others go on."""
        self.note(str(error))

    def summary(self, outcomes: Sequence[Outcome]) -> None:
        """The batch is through."""
        print_summary(outcomes)

    def evaluated(self, headlines: Mapping[str, float], notes: Sequence[str], report: Path) -> None:
        """The results have been evaluated."""
        print_evaluation(headlines, notes, report)


class BarReporter(NotesReporter):
    """A progress bar with the stage, windows done and time left."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.fields[case]}"),
            TextColumn("[cyan]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            speed_estimate_period=_SPEED_PERIOD_S,
        )
        self._batch = self._progress.add_task("scans", total=None, case="", visible=False)
        self._task = self._progress.add_task("", total=None, case="", visible=False)
        self._done = 0

    def begin_case(self, case_id: str) -> None:
        """See `NotesReporter.begin_case`."""
        self._progress.reset(self._task, total=None, case=case_id, visible=True)
        self._progress.start()

    def end_case(self) -> None:
        """See `NotesReporter.end_case`."""
        self._progress.stop()

    def stage(self, name: str) -> None:
        """See `Reporter.stage`."""
        self._progress.update(self._task, description=name)

    def tile(self, done: int, total: int) -> None:
        """See `Reporter.tile`; a part of the windows is the same part of the scan."""
        self._progress.update(self._task, completed=done, total=total)
        self._progress.update(self._batch, completed=self._done + done / total)

    def batch(self, done: int, total: int) -> None:
        """See `NotesReporter.batch`."""
        self._done = done
        self._progress.update(self._batch, completed=done, total=total, visible=True)

    def note(self, text: str) -> None:
        """See `Reporter.note`; above the bar."""
        self._progress.console.print(f"ribfrac: {text}", markup=False, highlight=False, soft_wrap=True)


class JsonLinesReporter(NotesReporter):
    """One JSON object a line on standard output."""

    def __init__(self) -> None:
        self._case: str | None = None
        self._first_tile = 0.0
        self._batch_start = time.monotonic()
        self._at_start: int | None = None
        self._lock = threading.Lock()
        self._emit(hello_event())

    def accepted(self, case_id: str) -> None:
        """See `NotesReporter.accepted`."""
        self._emit({"event": "accepted", "case": case_id})

    def ready(self) -> None:
        """See `NotesReporter.ready`."""
        self._emit({"event": "ready"})

    def begin_case(self, case_id: str) -> None:
        """See `NotesReporter.begin_case`; later events carry the case."""
        self._case = case_id
        self._emit({"event": "case", "case": case_id})

    def stage(self, name: str) -> None:
        """See `Reporter.stage`."""
        self._emit({"event": "stage", "case": self._case, "stage": name})

    def tile(self, done: int, total: int) -> None:
        """See `Reporter.tile`; from the second window on with an estimate of the seconds left."""
        now = time.monotonic()
        event: dict[str, Any] = {"event": "tile", "case": self._case, "done": done, "total": total}
        if done == 1:
            self._first_tile = now
        else:
            event["seconds_left"] = round((now - self._first_tile) / (done - 1) * (total - done), 1)
        self._emit(event)

    def note(self, text: str) -> None:
        """See `Reporter.note`."""
        self._emit({"event": "note", "case": self._case, "text": text})

    def result(self, case: CaseFindings, folder: Path) -> None:
        """See `NotesReporter.result`."""
        count = len(case.above_threshold)
        self._emit({"event": "result", "case": case.case_id, "findings": count, "folder": str(folder)})

    def failure(self, case_id: str, error: RibFracError) -> None:
        """See `NotesReporter.failure`."""
        event = {"event": "error", "case": case_id, "text": str(error), "exit_status": error.exit_status}
        self._emit(event)

    batch_result = result
    batch_failure = failure

    def batch(self, done: int, total: int) -> None:
        """See `NotesReporter.batch`; with an estimate of the seconds left once a scan is through."""
        event: dict[str, Any] = {"event": "batch", "done": done, "total": total}
        if self._at_start is None:
            self._at_start, self._batch_start = done, time.monotonic()
        else:
            pace = (time.monotonic() - self._batch_start) / (done - self._at_start)
            event["seconds_left"] = round(pace * (total - done), 1)
        self._emit(event)

    def summary(self, outcomes: Sequence[Outcome]) -> None:
        """See `NotesReporter.summary`."""
        self._emit({"event": "summary", **counts_of(outcomes)})

    def evaluated(self, headlines: Mapping[str, float], notes: Sequence[str], report: Path) -> None:
        """See `NotesReporter.evaluated`; an undefined value is null."""
        values = {name: None if math.isnan(value) else value for name, value in headlines.items()}
        self._emit({"event": "evaluated", "values": values, "notes": list(notes), "report": str(report)})

    def _emit(self, event: dict[str, Any]) -> None:
        with self._lock:
            print(json.dumps(event), flush=True)


def make_reporter(style: str) -> NotesReporter:
    """The reporter for --progress; "auto" draws a bar where standard error is a terminal."""
    if style == "jsonl":
        return JsonLinesReporter()
    if style == "bar" or (style == "auto" and sys.stderr.isatty()):
        return BarReporter()
    return NotesReporter()
