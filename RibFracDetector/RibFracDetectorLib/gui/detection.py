"""One detection: from a volume of the scene to the files of a case.

The scene is only read, and only at the beginning. The engine works on a temporary copy, so the volume may be
changed, removed or the scene closed meanwhile; the copy is removed at the end, whatever the end is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..case import temporary_ct
from ..case.case_files import CaseFiles
from ..case.ct_writing import write_ct
from ..case.naming import file_key
from ..scene.ct import check_placeable
from .engine_command import DetectionOptions, detect_arguments, ribfrac_command
from .engine_process import EngineEnding, EngineProcess, Listener
from .pace import remember_pace
from .preferences import Preferences
from .preflight import duration
from .standby import Standby
from .volumes import ct_in


@dataclass(frozen=True)
class Progress:
    """Where a detection is.

    Attributes:
        stage: for people.
        done, total: windows of the network; 0 of 0 where nothing is known.
        seconds_left: None where nothing is known.
    """

    stage: str
    done: int = 0
    total: int = 0
    seconds_left: float | None = None

    def in_stage(self, stage: str) -> Progress:
        """At the beginning of another stage; between two passes over the scan, the windows still count."""
        between = 0 < self.done < self.total
        return replace(self, stage=stage) if between else Progress(stage)


@dataclass(frozen=True)
class DetectionEnding:
    """How a detection ended.

    Attributes:
        files: of the finished case; None after failure and cancelling.
        error: one line for the user; None after success and cancelling.
    """

    files: CaseFiles | None = None
    error: str | None = None


class Detection:
    """Runs the engine on one volume.

    Args:
        on_progress: gets `Progress`.
        on_log: gets lines for people.
        on_end: gets `DetectionEnding`, once.
    """

    def __init__(
        self,
        on_progress: Callable[[Progress], None],
        on_log: Callable[[str], None],
        on_end: Callable[[DetectionEnding], None],
    ) -> None:
        self._on_progress, self._on_log, self._on_end = on_progress, on_log, on_end
        self._fresh = EngineProcess(Listener(self._take, on_log, self._ended))
        # Kept even when the other one is at work: a process must not be deleted while it tells its end.
        self._ready: EngineProcess | None = None
        self._engine = self._fresh
        self._accepted = False
        self._copy: Path | None = None
        self._progress = Progress(_("Starting"))

    def start(self, ct_node: Any, options: DetectionOptions, standby: Standby) -> None:
        """Copy the volume and give it to the engine that stands by, else start one.

        Raises:
            InputError: the volume cannot be used, or its copy cannot be written.
        """
        check_placeable(ct_node)
        ct = ct_in(ct_node)
        self._files = CaseFiles(options.folder, free_case_id(options.folder, ct.case_id))
        self._options = options
        self._megavoxels = ct.voxels.size / 1e6
        self._copy = temporary_ct.new_folder()
        try:
            write_ct(self._copy / "ct.nrrd", ct)
            arguments = detect_arguments(self._copy / "ct.nrrd", self._files.case_id, options)
            clean = slicer.util.startupEnvironment()
            self._command = ribfrac_command(arguments, Preferences.engine_python, clean)
        except BaseException:
            self._remove_copy()
            raise
        self._began = time.monotonic()
        self._ready = standby.hand_over(options)
        if self._ready is None:
            self._engine.start(self._command)
        else:
            self._use_ready(self._ready)
        self._on_progress(self._progress)

    @property
    def is_running(self) -> bool:
        """Whether the engine is at work."""
        return self._engine.is_running

    def cancel(self) -> None:
        """Ask the engine to end; `on_end` follows."""
        self._engine.cancel()

    def abandon(self) -> None:
        """End it now, without a word: the panel goes away."""
        self._engine.abandon()
        self._remove_copy()

    def _use_ready(self, engine: EngineProcess) -> None:
        self._engine = engine
        engine.listener = Listener(self._take, self._on_log, self._ready_ended)
        files = self._files
        engine.send(
            {"input": str(self._copy / "ct.nrrd"), "case": files.case_id, "output": str(files.folder)}
        )

    def _ready_ended(self, ending: EngineEnding) -> None:
        if self._accepted or ending.cancelled:
            self._ended(ending)
        else:  # it was gone, or about to go, when it was asked: nothing has been touched
            self._engine = self._fresh
            self._engine.start(self._command)

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "stage":
            self._show(self._progress.in_stage(stage_title(str(event.get("stage")))))
        elif kind == "tile":
            done, total, left = int(event["done"]), int(event["total"]), event.get("seconds_left")
            self._show(Progress(self._progress.stage, done, total, left))
        elif kind == "accepted":
            self._accepted = True
        elif kind in ("note", "error"):
            self._on_log(str(event.get("text")))

    def _show(self, progress: Progress) -> None:
        self._progress = progress
        self._on_progress(progress)

    def _ended(self, ending: EngineEnding) -> None:
        self._remove_copy()
        finished = self._files.is_finished
        if ending.succeeded and not finished:
            error = _("The engine ended well, but {file} is missing; look in the log.")
            self._on_end(DetectionEnding(error=error.format(file=self._files.findings)))
        elif ending.succeeded:
            remember_pace(self._options, (time.monotonic() - self._began) / self._megavoxels)
            self._on_end(DetectionEnding(self._files))
        elif ending.cancelled and finished:  # too late: the files are there
            self._on_end(DetectionEnding(self._files))
        else:
            self._on_end(DetectionEnding(error=ending.error))

    def _remove_copy(self) -> None:
        if self._copy is not None:
            temporary_ct.remove_folder(self._copy)
            self._copy = None


def free_case_id(folder: Path, case_id: str) -> str:
    """`case_id`, or the first of case_id-2, case_id-3 … of which no file is in the folder.

    So nothing that was detected or reviewed before is ever overwritten from the panel.
    """
    taken = [file_key(path.name) for path in folder.glob("*")]
    number, candidate = 1, case_id
    while any(name.startswith(file_key(f"{candidate}_")) for name in taken):
        number += 1
        candidate = f"{case_id}-{number}"
    return candidate


def progress_line(progress: Progress) -> str:
    """Stage, windows and time left, as far as they are known."""
    text = progress.stage
    if progress.total:
        text += " – " + _("window {done} of {total}").format(done=progress.done, total=progress.total)
    if progress.seconds_left is not None:
        text += " – " + _("{time} left").format(time=duration(progress.seconds_left))
    return text


def stage_title(stage: str) -> str:
    """The name of a stage of the engine for people; an unknown one as it is."""
    titles = {
        "read": _("Reading"),
        "self-check": _("Checking precision"),
        "resample": _("Resampling"),
        "network": _("Searching"),
        "merge": _("Merging"),
        "post-process": _("Putting findings together"),
        "write": _("Writing files"),
    }
    return titles.get(stage, stage)
