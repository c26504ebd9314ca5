"""The engine that stands by: started after one detection, so that the next need not wait for it to load.

It is for one detection, like every engine, and is lost without harm: whoever finds none starts another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from .engine_command import DetectionOptions, ribfrac_command, standby_arguments
from .engine_process import EngineEnding, EngineProcess, Listener
from .preferences import Preferences


class Standby:
    """At most one engine that waits for a scan; it ends by itself when none comes.

    Args:
        on_log: gets lines for people.
    """

    def __init__(self, on_log: Callable[[str], None]) -> None:
        self._on_log = on_log
        self._engine: EngineProcess | None = None
        self._identity: tuple[object, ...] = ()

    def prepare(self, options: DetectionOptions) -> None:
        """Start an engine for a detection that may follow."""
        self.abandon()
        self._identity = _identity(options)
        self._engine = EngineProcess(Listener(self._take, self._on_log, self._ended))
        clean = slicer.util.startupEnvironment()
        self._engine.start(ribfrac_command(standby_arguments(options), Preferences.engine_python, clean))

    def hand_over(self, options: DetectionOptions) -> EngineProcess | None:
        """The engine, for the caller to use, if it runs and was started with the same options.

        One with other options is ended. Folders may differ, as the engine is told where to write.
        """
        if self._engine is None or not self._engine.is_running or self._identity != _identity(options):
            self.abandon()
            return None
        engine, self._engine = self._engine, None
        return engine

    def abandon(self) -> None:
        """End the engine, if there is one."""
        if self._engine is not None:
            self._engine.abandon()
            self._engine = None

    def _take(self, event: dict[str, Any]) -> None:
        if event["event"] in ("note", "error"):
            self._on_log(str(event.get("text")))

    def _ended(self, ending: EngineEnding) -> None:
        if ending.error is not None:
            self._on_log(_("The engine that was kept ready has ended: {reason}").format(reason=ending.error))


def _identity(options: DetectionOptions) -> tuple[object, ...]:
    """What an engine has in memory: a file of weights may be replaced while it stands by."""
    weights = Path(options.weights)
    written = weights.stat().st_mtime_ns if weights.is_file() else None
    return replace(options, folder=Path()), Preferences.engine_python, written
