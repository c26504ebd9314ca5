"""Asks the engine's Python which devices it can use, without loading torch here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from .child_process import ChildProcess, Ending
from .engine_command import ribfrac_command
from .preferences import Preferences


class DeviceQuery:
    """One run of `ribfrac info --json`.

    Args:
        on_answer: gets its object (`devices`, `warnings`, `versions` …), or None and why there is none.
    """

    def __init__(self, on_answer: Callable[[dict[str, Any] | None, str], None]) -> None:
        self._on_answer = on_answer
        self._output: list[str] = []
        self._errors: list[str] = []
        self._child = ChildProcess(self._output.append, self._errors.append, self._ended)

    def start(self) -> None:
        """Ask; the answer comes after torch has been loaded there, which takes seconds."""
        clean = slicer.util.startupEnvironment()
        self._child.start(ribfrac_command(["info", "--json"], Preferences.engine_python, clean))
        self._child.close_input()

    def abandon(self) -> None:
        """Stop asking."""
        self._child.abandon()

    def _ended(self, ending: Ending) -> None:
        if ending.status == 0:
            try:
                self._on_answer(json.loads(self._output[-1]), "")
                return
            except (ValueError, IndexError):
                pass
        reason = self._errors[-1].strip() if self._errors else _("no answer")
        self._on_answer(None, reason.removeprefix("ribfrac: "))
