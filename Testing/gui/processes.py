"""Looking at processes from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

Wait = Callable[[Callable[[], object]], None]
"""The type of the fixture `wait`."""

PATIENCE_S = 240.0  # a busy machine must not fail a test


def alive(number: int) -> bool:
    """Whether a process computes; a dead one that nobody has waited for does not."""
    state = Path(f"/proc/{number}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def wait_until(condition: Callable[[], object], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Sleep until a condition holds; `meanwhile` is called again and again."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        meanwhile()
        time.sleep(0.005)
