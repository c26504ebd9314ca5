"""Where a program keeps what belongs to a user and is no result (XDG Base Directory Specification)."""

from __future__ import annotations

import os
from pathlib import Path


def user_folder(variable: str, below_home: str) -> Path:
    """This program's folder of one kind; it need not exist.

    Users of clusters and containers may have no home. Theirs is a place below no folder, where reading and
    writing fail as in any folder that is closed; a shared one would let others plant files.

    Args:
        variable: the environment variable that names the base folder of this kind.
        below_home: the base folder where that is not set.
    """
    base = os.environ.get(variable)
    if base:
        return Path(base) / "ribfrac"
    try:
        return Path.home() / below_home / "ribfrac"
    except RuntimeError:
        return Path(os.devnull) / "ribfrac"
