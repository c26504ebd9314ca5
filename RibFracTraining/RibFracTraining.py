"""The headless module RibFracTraining: starts, watches and stops a training in a process of its own.

A thin door: nothing here trains, and neither torch nor RibFracTrainingLib is loaded when the application
starts. The process is `PythonSlicer -m RibFracDetectorLib train ... --progress jsonl --lifeline`; it saves
and stops when the application ends, because its standard input ends then.

    logic = RibFracTrainingLogic()
    logic.start("ribfrac_s", ["data.folder=/data/prepared"], output="/runs/first")
    logic.poll()  # what has happened since, see RibFracTrainingLib.training.loop.reporting
    logic.stop()  # save, and end
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

try:
    from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleLogic
except ImportError:  # outside the application, where the logic works as well
    ScriptedLoadableModule = ScriptedLoadableModuleLogic = object

KEPT_LINES = 200
DETECTOR_LIBRARY = "RibFracDetectorLib"


class RibFracTraining(ScriptedLoadableModule):
    """What the application shows of the module."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        parent.title = "RibFrac Training"
        parent.categories = ["Segmentation"]
        parent.dependencies = []
        parent.contributors = ["The RibFrac contributors"]
        parent.helpText = "Trains rib-fracture detectors, in a process of its own. For research use only."
        parent.acknowledgementText = (
            "Re-implements the training of the system mmdet4med, on PyTorch and Lightning."
        )
        parent.hidden = True  # there is no panel


class RibFracTrainingLogic(ScriptedLoadableModuleLogic):
    """One training at a time.

    Attributes:
        exit_status: None while it runs, then 0 done, 1 failure, 2 wrong input, 130 stopped and saved.
    """

    def __init__(self) -> None:
        super().__init__()
        self._process: subprocess.Popen | None = None
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._messages: deque[str] = deque(maxlen=KEPT_LINES)
        self._readers: list[threading.Thread] = []

    @property
    def exit_status(self) -> int | None:
        """See the class; None also before `start`."""
        return None if self._process is None else self._process.poll()

    @property
    def is_running(self) -> bool:
        """Whether a training is under way."""
        return self._process is not None and self._process.poll() is None

    @property
    def messages(self) -> list[str]:
        """The last lines on standard error; after a failure the last one tells why."""
        return list(self._messages)

    def start(
        self,
        configuration: str,
        overrides: Sequence[str] = (),
        output: str | None = None,
        resume: str | None = None,
    ) -> None:
        """Start a training.

        Args:
            configuration: shipped name or YAML file.
            overrides: `key=value`.
            output: run folder.
            resume: "auto" or a checkpoint.

        Raises:
            RuntimeError: one is running already, or RibFracDetector is not installed.
        """
        if self.is_running:
            raise RuntimeError("a training is running already; stop it first")
        command = [sys.executable, "-m", DETECTOR_LIBRARY, "train", configuration, *overrides]
        command += ["--progress", "jsonl", "--lifeline"]
        command += ["--output", output] if output else []
        command += ["--resume", resume] if resume else []
        self._messages.clear()
        self._process = subprocess.Popen(
            command,
            env=child_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            **_without_console(),
        )
        self._readers = [
            threading.Thread(target=read, args=(self._process,), daemon=True)
            for read in (self._read_events, self._read_messages)
        ]
        for reader in self._readers:
            reader.start()

    def poll(self) -> list[dict[str, Any]]:
        """The events since the last call; never waits."""
        found = []
        while not self._events.empty():
            found.append(self._events.get())
        return found

    def stop(self) -> None:
        """Ask the training to save and end; `exit_status` tells when it has."""
        self._let_go()

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and return the exit status.

        Raises:
            subprocess.TimeoutExpired: it takes longer than `timeout` seconds.
        """
        status = self._process.wait(timeout)
        for reader in self._readers:
            reader.join()
        return status

    def cleanup(self) -> None:
        """The module goes away: the training saves and ends."""
        self._let_go()

    def _let_go(self) -> None:
        """Close the lifeline.

        A signal would not do: the application's Python is a launcher, which keeps it to itself, and on
        Windows only a process that shares a console with us could be sent one.
        """
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def _read_events(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            try:
                self._events.put(json.loads(line))
            except ValueError:
                self._messages.append(line.rstrip())

    def _read_messages(self, process: subprocess.Popen) -> None:
        for line in process.stderr:
            self._messages.append(line.rstrip())


def child_environment() -> dict[str, str]:
    """Environment of a process that uses the libraries of this installation, and no older copy of them.

    Raises:
        RuntimeError: RibFracDetector is not installed.
    """
    import importlib.util

    found = importlib.util.find_spec(DETECTOR_LIBRARY)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("RibFracTraining needs the module RibFracDetector of the same extension")
    detector = Path(next(iter(found.submodule_search_locations))).parent
    folders = dict.fromkeys([str(detector), str(Path(__file__).resolve().parent)])
    existing = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    ours = {
        "PYTHONPATH": os.pathsep.join([*folders, *existing]),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return {**os.environ, **ours}


def _without_console() -> dict[str, Any]:
    """On Windows a program of the console would open a window."""
    return {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {}
