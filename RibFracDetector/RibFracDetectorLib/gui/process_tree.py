"""Ending a process together with everything it started.

The application's Python is a launcher, which starts the real one and does not pass its own death on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

PATIENCE_S = 30


def kill_tree(root: int) -> None:
    """End a process and its descendants at once; those that have ended already are no error."""
    if os.name == "nt":
        _said_by("taskkill", "/PID", str(root), "/T", "/F")
        return
    for number in [*descendants(root), root]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """Process ids of everything below `root`, the youngest generation first (not on Windows)."""
    children = defaultdict(list)
    for number, parent in _processes():
        children[parent].append(number)
    found, wanted = [], [root]
    while wanted:
        generation = [child for parent in wanted for child in children[parent]]
        found = generation + found
        wanted = generation
    return found


def _processes() -> Iterator[tuple[int, int]]:
    """Every process, and its parent.

    On Linux not from `ps`: small containers have none, and elsewhere it would be started with the
    application's libraries in place of the system's.
    """
    if sys.platform != "linux":
        for line in _said_by("ps", "-A", "-o", "pid=,ppid=").splitlines():
            number, parent = map(int, line.split())
            yield number, parent
        return
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # The name, in parentheses, may hold anything.
            _state, parent = (folder / "stat").read_bytes().rpartition(b")")[2].split()[:2]
            yield int(folder.name), int(parent)


def _said_by(*command: str) -> str:
    """What a program of the system prints; nothing where it cannot be used."""
    window = {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {}
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_S, **window)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")
