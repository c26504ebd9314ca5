"""What a living process has begun is nobody else's to tidy up."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import pytest
from RibFracDetectorLib.case import processes
from RibFracDetectorLib.case.processes import is_alive

STILL_ACTIVE, ACCESS_DENIED, NO_SUCH = 259, 5, 87


class Function:
    """A function of kernel32, whose type of result can be told."""

    def __init__(self, call: Any) -> None:
        self.call = call

    def __call__(self, *arguments: Any) -> Any:
        return self.call(*arguments)


class Kernel32:
    """Windows: one process of ours that runs, one that has ended, and one of another user."""

    RUNNING, ENDED, OTHERS, NONE = 11, 12, 13, 14

    def __init__(self) -> None:
        self.error = 0
        self.opened: set[int] = set()
        self.OpenProcess = Function(self.open)  # the names of kernel32
        self.GetExitCodeProcess = Function(self.status)
        self.CloseHandle = Function(lambda handle: self.opened.remove(handle.value))

    def open(self, _rights: int, _inherit: bool, number: int) -> int | None:
        """A handle, or none and why."""
        if number in (self.OTHERS, self.NONE):
            self.error = ACCESS_DENIED if number == self.OTHERS else NO_SUCH
            return None
        self.opened.add(number)
        return number

    def status(self, handle: Any, found: Any) -> None:
        """The exit status of an open process."""
        found._obj.value = STILL_ACTIVE if handle.value == self.RUNNING else 1


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Kernel32:
    """Windows, as far as processes are concerned."""
    kernel32 = Kernel32()
    monkeypatch.setattr(ctypes, "WinDLL", lambda *_name, **_options: kernel32, raising=False)
    monkeypatch.setattr(ctypes, "get_last_error", lambda: kernel32.error, raising=False)
    monkeypatch.setattr(processes.os, "name", "nt")
    return kernel32


def test_a_process_of_another_user_of_windows_is_alive(windows: Kernel32) -> None:
    numbers = (Kernel32.RUNNING, Kernel32.ENDED, Kernel32.OTHERS, Kernel32.NONE)
    assert [is_alive(number) for number in numbers] == [True, False, True, False]
    assert not windows.opened


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_this_process_is_alive() -> None:
    assert is_alive(os.getpid())
