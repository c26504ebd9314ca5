"""What the engine tells while it works, and how it is told to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ..case.errors import RibFracError


class CancelledError(RibFracError):
    """The caller asked to stop; nothing was written."""

    exit_status = 130


class Reporter(Protocol):
    """Receives progress; every method returns at once."""

    def stage(self, name: str) -> None:
        """A stage of work begins (read, resample, network, post-process, write)."""

    def tile(self, done: int, total: int) -> None:
        """`done` of `total` windows of this case are finished."""

    def note(self, text: str) -> None:
        """Something the user should know: a warning, a fall-back."""

    def cancelled(self) -> bool:
        """Asked between windows: is the work unwanted by now?"""


class SilentReporter:
    """Says nothing and never cancels."""

    def stage(self, name: str) -> None:
        """Ignore it."""

    def tile(self, done: int, total: int) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

    def cancelled(self) -> bool:
        """Go on."""
        return False


class StageClock:
    """Seconds spent in each stage, summed by name; announces each stage to a reporter."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as part of `name`.

        Raises:
            CancelledError: if the reporter asks to stop before the stage begins.
        """
        if self.reporter.cancelled():
            raise CancelledError("cancelled: nothing was written for this case")
        self.reporter.stage(name)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begin
