"""`ribfrac train` as a script: for the application's `--python-script`, for torchrun, or alone.

    Slicer --no-main-window --python-script train.py ribfrac_s data.folder=DIR --output RUN
    torchrun --nproc_per_node 4 train.py ribfrac_s data.folder=DIR --output RUN
    python train.py ribfrac_s data.folder=DIR --output RUN

Inside the application nothing is trained: a process of its own does it, whose output appears here, which
saves and ends when a signal comes here, and whose exit status becomes the application's. Outside this is the
command.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

FAILURE = 1
MODULES = ("RibFracDetector", "RibFracTraining")
SIGNALS = ("SIGTERM", "SIGINT", "SIGUSR1", "SIGBREAK")
"""Those that stop a training, as far as the system has them."""
LOOK_EVERY_S = 0.5


def library_folders() -> list[Path]:
    """Where the libraries lie beside this file: in a checkout, and in the installed extension."""
    here = Path(__file__).resolve().parent
    candidates = [here.parent, *(here.parents[1] / module for module in MODULES)]
    return [folder for folder in candidates if any((folder / f"{name}Lib").is_dir() for name in MODULES)]


def application() -> Any | None:
    """The running application, if this file runs inside it."""
    slicer = sys.modules.get("slicer")
    return slicer if getattr(slicer, "app", None) is not None else None


def run_in_child(arguments: Sequence[str]) -> int:
    """Train in a process of its own, and return its exit status.

    Its output goes through Python's streams, because the application shows those where there is no console.
    """
    folders = [str(folder) for folder in library_folders()]
    existing = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*folders, *existing])}
    environment |= {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "RibFracDetectorLib", "train", *arguments, "--lifeline"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        **_apart(),
    )
    previous = _let_go_on_signals(process)
    try:
        pipes = ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
        readers = [threading.Thread(target=_copy, args=pipe, daemon=True) for pipe in pipes]
        for reader in readers:
            reader.start()
        status = _wait_for(process)
        for reader in readers:
            reader.join()
        return status
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _apart() -> dict[str, Any]:
    """Ctrl-C reaches a whole group of processes; the training hears of it from here, once. No window."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _let_go_on_signals(process: subprocess.Popen) -> dict[int, Any]:
    """Close the lifeline when this process is sent a signal; returns the handlers that were there.

    The signal itself is not sent on: the application's Python is a launcher, which keeps it to itself, and
    Windows has no signals that another process can be sent.
    """

    def let_go(_number: int, _frame: FrameType | None) -> None:
        process.stdin.close()

    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    return {number: signal.signal(number, let_go) for number in numbers}


def _wait_for(process: subprocess.Popen) -> int:
    """The exit status; in short waits, because on Windows a signal is answered between two alone."""
    while True:
        try:
            return process.wait(LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            continue


def _copy(source: TextIO, target: TextIO) -> None:
    for line in source:
        target.write(line)
        target.flush()


def main(arguments: Sequence[str]) -> int:
    """Train here or in a process of its own; the exit status of `ribfrac train`."""
    arguments = arguments[1:] if arguments[:1] == ["--"] else arguments  # ends the application's own
    if application() is not None:
        return run_in_child(arguments)
    sys.path[:0] = [str(folder) for folder in library_folders()]
    try:
        from RibFracDetectorLib.cli import main as ribfrac
    except ImportError as error:
        print(f"train.py: {error}; RibFracDetector is not beside RibFracTraining", file=sys.stderr)
        return FAILURE
    return ribfrac(["train", *arguments])


if __name__ == "__main__":
    inside = application()
    try:
        exit_status = main(sys.argv[1:])
    except Exception as error:
        # The application would print the error and wait for ever.
        print(f"train.py: {type(error).__name__}: {error}", file=sys.stderr)
        exit_status = FAILURE
    if inside is None:
        sys.exit(exit_status)
    inside.util.exit(exit_status)
