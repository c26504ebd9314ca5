"""Where the engine keeps what only saves time: anything in there may be deleted at any moment."""

from __future__ import annotations

from pathlib import Path

from ..case.user_folder import user_folder


def cache_folder(name: str) -> Path:
    """The folder `name` of this program's cache; it need not exist."""
    return user_folder("XDG_CACHE_HOME", ".cache") / name
