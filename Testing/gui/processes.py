"""Looking at processes from outside."""

from __future__ import annotations

from pathlib import Path


def alive(number: int) -> bool:
    """Whether a process computes; a dead one that nobody has waited for does not."""
    state = Path(f"/proc/{number}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
