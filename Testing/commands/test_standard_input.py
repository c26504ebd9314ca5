"""Waiting for standard input keeps nothing else waiting, on Windows either (numpy issue 24290)."""

from __future__ import annotations

import ctypes
import os
import select
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from RibFracDetectorLib.commands import standard_input

if os.name == "nt":
    pytest.skip("stands in for Windows", allow_module_level=True)

import fcntl
import termios

BUFFER = 1024


class Pipe:
    """A pipe as Windows shows it, which fails whoever reads it while nothing has arrived."""

    def __init__(self) -> None:
        self.end, self.starter = os.pipe()

    def arrived(self) -> int:
        """Bytes that wait."""
        count = fcntl.ioctl(self.end, termios.FIONREAD, b"\0" * 4)
        return int.from_bytes(count, sys.byteorder)

    def ended(self) -> bool:
        """Whether the starter has let go and everything is read."""
        poll = select.poll()
        poll.register(self.end, select.POLLIN)
        return any(event & select.POLLHUP for _, event in poll.poll(0)) and not self.arrived()

    def PeekNamedPipe(self, handle: Any, _to: None, _size: int, _read: None, found: Any, _left: None) -> int:  # noqa: N802
        """The function of kernel32."""
        assert handle.value == self.end
        found._obj.value = self.arrived()
        return int(not self.ended())

    def read(self, descriptor: int, count: int) -> bytes:
        """`os.read`, as far as it returns at once."""
        assert descriptor == 0
        assert self.arrived() or self.ended(), "a read waits, and whoever asks about the pipe with it"
        return os.read(self.end, count)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    """Standard input of a process on Windows."""
    made = Pipe()
    monkeypatch.setattr(standard_input, "os", SimpleNamespace(name="nt", read=made.read))
    monkeypatch.setattr(ctypes, "WinDLL", lambda _name: made, raising=False)
    monkeypatch.setitem(sys.modules, "msvcrt", SimpleNamespace(get_osfhandle=lambda _number: made.end))
    monkeypatch.setattr(standard_input, "LOOK_EVERY_S", 0.01)
    yield made
    os.close(made.end)


def test_on_windows_no_read_waits(pipe: Pipe) -> None:
    def talk() -> None:
        os.write(pipe.starter, b"12345")
        os.close(pipe.starter)

    later = threading.Timer(0.1, talk)
    later.start()
    assert standard_input.read_input(3) == b"123"
    later.join()
    assert standard_input.read_input(BUFFER) == b"45"
    assert standard_input.read_input(BUFFER) == b""


def test_on_windows_a_starter_that_is_gone_is_the_end(pipe: Pipe) -> None:
    threading.Timer(0.1, os.close, (pipe.starter,)).start()
    assert standard_input.read_input(BUFFER) == b""


def test_nobody_else_reads_standard_input() -> None:
    """One that does brings the waiting back."""
    package = Path(standard_input.__file__).parent
    readers = [path.name for path in package.rglob("*.py") if "os.read(" in path.read_text(encoding="utf-8")]
    assert readers == ["standard_input.py"]
