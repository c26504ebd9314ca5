"""Exceptions that nobody catches: in a slot, in a VTK observer, in an overridden C++ function.

The application prints them and goes on, so a test would pass over a broken slot. The host prints them too
and keeps them here; the fixture `no_slot_errors` asserts that there were none.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

_errors: list[BaseException] = []


def _record(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print an exception and keep it; PySide6 and VTK call this through `sys.excepthook`."""
    _errors.append(error)
    traceback.print_exception(kind, error, trace)


def report(error: BaseException) -> None:
    """Print an exception raised by a slot and keep it."""
    _record(type(error), error, error.__traceback__)


def take() -> list[BaseException]:
    """The exceptions since the last call, oldest first."""
    taken = list(_errors)
    _errors.clear()
    return taken


def install() -> None:
    """From now on keep every exception that reaches the interpreter's last handler."""
    sys.excepthook = _record
