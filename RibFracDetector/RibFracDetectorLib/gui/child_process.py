"""A process whose output arrives line by line while the application stays alive.

The two channels are kept apart, because one carries messages for us and the other text for people. Standard
input stays open: the child takes its end for the end of the application.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import qt

from .process_tree import kill_tree


@dataclass(frozen=True)
class Command:
    """What to start, and in which environment (complete, nothing is inherited)."""

    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Attributes:
        status: its exit status; None if it was ended from outside, or never began.
        started: whether it ran at all.
    """

    status: int | None
    started: bool = True


class ChildProcess:
    """One process; the callbacks come from the event loop, `on_end` last and once.

    Args:
        on_output: gets each line of standard output, without its end.
        on_error: gets each line of standard error.
        on_end: gets the `Ending`.
    """

    def __init__(
        self,
        on_output: Callable[[str], None],
        on_error: Callable[[str], None],
        on_end: Callable[[Ending], None],
    ) -> None:
        self._lines = {"output": _Lines(on_output), "error": _Lines(on_error)}
        self._on_end = on_end
        self._process = qt.QProcess()
        self._process.setProcessChannelMode(qt.QProcess.SeparateChannels)
        self._process.connect("readyReadStandardOutput()", self._read_output)
        self._process.connect("readyReadStandardError()", self._read_error)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._finished)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        self._ended = False

    def start(self, command: Command) -> None:
        """Start it; a program that cannot be started is told through `on_end`."""
        environment = qt.QProcessEnvironment()
        for name, value in command.environment.items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.start(command.program, list(command.arguments))

    @property
    def is_running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._process.state() != qt.QProcess.NotRunning

    @property
    def number(self) -> int:
        """Its process id, 0 if it does not run."""
        return int(self._process.processId())

    def write(self, data: bytes) -> None:
        """Give it something on standard input; one that has ended does not get it."""
        self._process.write(data)

    def close_input(self) -> None:
        """Let go of the lifeline: ask the child to end."""
        self._process.closeWriteChannel()

    def kill(self) -> None:
        """End it now, with everything it started; `on_end` follows."""
        if self.number:
            kill_tree(self.number)
        self._process.kill()

    def abandon(self) -> None:
        """End it now and wait until it is gone; no callback follows. For when the panel goes away."""
        self._ended = True
        if self.is_running:
            self.kill()
            self._process.waitForFinished(5000)

    def _read_output(self) -> None:
        if not self._ended:
            self._lines["output"].feed(bytes(self._process.readAllStandardOutput().data()))

    def _read_error(self) -> None:
        if not self._ended:
            self._lines["error"].feed(bytes(self._process.readAllStandardError().data()))

    def _finished(self, code: int, status: object) -> None:
        # Whatever the child wrote last has to be told before its end, also a line without a line end.
        self._read_output()
        self._read_error()
        for lines in self._lines.values():
            lines.flush()
        self._end(Ending(code if status == qt.QProcess.NormalExit else None))

    def _failed(self, error: object) -> None:
        if error == qt.QProcess.FailedToStart:
            self._end(Ending(None, started=False))

    def _end(self, ending: Ending) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(ending)


class _Lines:
    """Cuts bytes, as they come, into lines."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._on_line(line.decode("utf-8", errors="replace").rstrip("\r"))

    def flush(self) -> None:
        if self._rest:
            self.feed(b"\n")
