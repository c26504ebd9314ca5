"""Ending a process together with everything it started.

The application's Python is a launcher, which starts the real one and does not pass its own death on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections import defaultdict


def kill_tree(root: int) -> None:
    """End a process and its descendants at once; those that have ended already are no error."""
    if os.name == "nt":
        subprocess.run(
            ["taskkill", "/PID", str(root), "/T", "/F"], capture_output=True, check=False, timeout=30
        )
        return
    for number in [*descendants(root), root]:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(number, signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """Process ids of everything below `root`, the youngest generation first (not on Windows)."""
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False, timeout=30
    )
    children = defaultdict(list)
    for line in listing.stdout.splitlines():
        number, parent = map(int, line.split())
        children[parent].append(number)
    found, wanted = [], [root]
    while wanted:
        generation = [child for parent in wanted for child in children[parent]]
        found = generation + found
        wanted = generation
    return found
