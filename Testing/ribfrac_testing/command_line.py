"""Running `ribfrac` as users and programs do: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .reference import REPOSITORY

# Small windows, the scan's own voxels, and nothing to compile: seconds instead of minutes.
SMALL = (
    *("--set", "roi_size=[32,32,32]"),
    *("--set", "overlap=0"),
    *("--set", "target_spacings=null"),
    *("--precision", "fp32"),
    *("--engine", "torch"),
)


def command(*arguments: str | Path) -> list[str]:
    """The command line of `ribfrac` under this interpreter."""
    return [sys.executable, "-m", "RibFracDetectorLib", *map(str, arguments)]


def environment() -> dict[str, str]:
    """The environment in which the checkout's library is found.

    One thread: the windows of tests are small, and two threads that wait for each other on a busy machine
    take a hundred times as long.
    """
    folders = [str(REPOSITORY / "RibFracDetector"), str(REPOSITORY / "RibFracTraining")]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(folders),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "OMP_NUM_THREADS": "1",
    }


def ribfrac(*arguments: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `ribfrac` to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        encoding="utf-8",
        env=environment(),
        timeout=300,
        check=False,
        stdin=subprocess.DEVNULL,
        **options,
    )


def heed_ctrl_c() -> None:
    """For `preexec_fn`: a shell that starts the tests in the background has its children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def events(output: str) -> list[dict[str, Any]]:
    """The JSON lines of a run with `--progress jsonl`."""
    return [json.loads(line) for line in output.splitlines()]


def files_of(folder: Path) -> Sequence[str]:
    """Names of everything in a folder, hidden files too; empty if it does not exist."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []
