"""Walking through folders of scans."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def folders_below(top: Path, without: Path) -> Iterator[Path]:
    """A folder and all below it, sorted, links followed, none twice; without hidden ones and `without`."""
    seen = {os.path.realpath(without)} - {os.path.realpath(top)}
    for folder, below, _ in os.walk(top, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield Path(folder)
