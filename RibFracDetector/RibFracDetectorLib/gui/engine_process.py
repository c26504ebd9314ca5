"""The engine at work: its handshake, its events, its end in words a user can act on.

Cancelling closes the lifeline, which is an interrupt for the engine; one that does not end in time is
killed with everything it started. Whatever happens, `on_end` is called once, after the last event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import qt
from slicer.i18n import tr as _

from ..case.errors import RibFracError
from ..case.handshake import check_hello
from ..case.shortening import shortened
from .child_process import ChildProcess, Command, Ending
from .process_tree import kill_tree

CANCEL_PATIENCE_MS = 5000
SHOWN_CHARACTERS = 80
# Those with which the command ends by itself, after it said why (`cli.py`).
TELLING_STATUS = (0, 1, 2, 130)


@dataclass(frozen=True)
class EngineEnding:
    """How the engine ended.

    Attributes:
        cancelled: the user asked for it.
        error: one line for the user; None after success and after cancelling.
    """

    cancelled: bool = False
    error: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether all results are written."""
        return not self.cancelled and self.error is None


@dataclass(frozen=True)
class Listener:
    """Who is told of an engine.

    Attributes:
        on_event: gets every event after the handshake, as the engine sent it.
        on_log: gets every line that is meant for people.
        on_end: gets the `EngineEnding`.
    """

    on_event: Callable[[dict[str, Any]], None]
    on_log: Callable[[str], None]
    on_end: Callable[[EngineEnding], None]


class EngineProcess:
    """One run of the engine with `--progress jsonl --lifeline`.

    Attributes:
        listener: is told of it; another one may take its place while the engine runs.
    """

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._child = ChildProcess(self._take_line, self._take_log, self._ended)
        self._engine_number = 0  # the child itself may be a launcher
        self._greeted = False
        self._cancelled = False
        self._fault: str | None = None
        self._reported: str | None = None
        self._last_log = ""
        self._patience = qt.QTimer()
        self._patience.setSingleShot(True)
        self._patience.setInterval(CANCEL_PATIENCE_MS)
        self._patience.connect("timeout()", self.kill)

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._child.is_running

    def start(self, command: Command) -> None:
        """Start the engine."""
        self._program = command.program
        self._child.start(command)

    def send(self, message: Mapping[str, Any]) -> None:
        """Tell it something, as a line of JSON; it is read when the engine comes to it."""
        self._child.write(json.dumps(message).encode() + b"\n")

    def cancel(self) -> None:
        """Ask it to end; it is killed if it does not."""
        self._cancelled = True
        self._child.close_input()
        self._patience.start()

    def kill(self) -> None:
        """End it now; nothing is left of the case it was at."""
        if self._engine_number:
            kill_tree(self._engine_number)
        self._child.kill()

    def abandon(self) -> None:
        """End it now and hear no more of it."""
        self._patience.stop()
        if self._engine_number and self.is_running:
            kill_tree(self._engine_number)
        self._child.abandon()

    def _take_line(self, line: str) -> None:
        if self._fault is not None or self._cancelled:
            return
        try:
            self._take_event(_parsed(line))
        except RibFracError as error:
            self._fault = str(error)
            self.kill()

    def _take_event(self, event: dict[str, Any]) -> None:
        if not self._greeted:
            check_hello(event)
            self._greeted = True
            self._engine_number = int(event["process"])
            return
        if event["event"] == "error":
            self._reported = str(event.get("text"))
        self.listener.on_event(event)

    def _take_log(self, line: str) -> None:
        if line.strip():
            self._last_log = line.strip()
            self.listener.on_log(line)

    def _ended(self, ending: Ending) -> None:
        self._patience.stop()
        if self._cancelled:
            self.listener.on_end(EngineEnding(cancelled=True))
        else:
            self.listener.on_end(EngineEnding(error=self._explain(ending)))

    def _explain(self, ending: Ending) -> str | None:
        """The first cause that is known, in one line; None if there was no failure."""
        if not ending.started:
            return _(
                "The engine's Python cannot be started: {program}. Choose another one in Advanced, Engine "
                "Python."
            ).format(program=self._program)
        if self._fault is not None:
            return self._fault
        if ending.status == 0 and self._greeted:
            return None
        if ending.status not in TELLING_STATUS:
            return _(
                "The engine was ended from outside, most often because memory ran out. Close other programs "
                "or choose another device, then detect again; nothing was lost."
            )
        told = self._reported or self._last_log.removeprefix("ribfrac: ")
        return told or _("The engine ended and said nothing; look in the log.")


def _parsed(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            return event
    except ValueError:
        pass
    shown = shortened(line, SHOWN_CHARACTERS)
    raise RibFracError(
        f"the engine said {shown!r}, a message was expected, so it was stopped; look in the log for a module "
        "that prints to standard output, or set Engine Python to a clean installation"
    )
