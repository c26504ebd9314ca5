"""Paths as they are given on a command line."""

from __future__ import annotations

from pathlib import Path

from ..case.errors import InputError


def given_path(text: str) -> Path:
    """The path that `text` means.

    Raises:
        InputError: the system cannot look for it, as its name is too long; or it is empty. A shell variable
            that is not set leaves that, and `Path` would take it for the current directory.
    """
    if not text:
        raise InputError("an empty path, a file or folder is expected; is a variable of the shell not set?")
    path = Path(text)
    try:
        path.exists()
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be looked at ({reason}); check the path and its rights") from None
    return path
