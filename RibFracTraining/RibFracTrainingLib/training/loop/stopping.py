"""SIGTERM, SIGINT (Ctrl-C) and SIGUSR1 (SLURM's warning) ask a run to save and end between two steps.

A second signal ends it at once. Lightning installs handlers of its own when the fit begins, which broadcast
over the network from inside the handler; `Stopper.install` is called again then, and replaces them.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from RibFracDetectorLib.case.errors import RibFracError

INTERRUPTED = 130
_NAMES = ("SIGTERM", "SIGINT", "SIGUSR1", "SIGBREAK")
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""Those of the names that this system has."""


class TrainingInterruptedError(RibFracError):
    """The run was asked to stop; what it had learnt is saved."""

    exit_status = INTERRUPTED


class Stopper:
    """Remembers that somebody wants the run to end."""

    def __init__(self) -> None:
        self.requested = False
        self._tell_children: Callable[[int], None] | None = None
        self._previous: dict[int, Any] = {}

    def install(self, tell_children: Callable[[int], None] | None = None) -> None:
        """Handle the signals from now on.

        Args:
            tell_children: passes a signal on to processes that this one started.
        """
        self._tell_children = tell_children
        if threading.current_thread() is not threading.main_thread():
            return
        for number in SIGNALS:
            before = signal.signal(number, self._handle)
            self._previous.setdefault(number, before)

    def uninstall(self) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    @contextlib.contextmanager
    def installed(self) -> Iterator[Stopper]:
        """Handle the signals inside a block."""
        self.install()
        try:
            yield self
        finally:
            self.uninstall()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise TrainingInterruptedError("stopped at once; --resume auto goes on from the last checkpoint")
        self.requested = True
        # A terminal sends Ctrl-C to all processes itself.
        if self._tell_children is not None and number != signal.SIGINT:
            self._tell_children(number)
