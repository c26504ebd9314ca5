"""Temporary copies of a CT, made by the application for the engine to read.

A copy shows a patient, so it must not outlive its use. Each lies in a folder of its own, whose name tells
who made it. Whoever made it removes it; so does the engine that read it, for the case that its maker was
killed; and the next start removes what is left where both were.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from .errors import InputError
from .processes import is_alive, this_host

_NAME = re.compile(r"ribfrac-ct-(?P<host>[0-9a-f]{8})-(?P<maker>\d+)-\w+")


def new_folder(base: Path | None = None) -> Path:
    """A new folder that only this user can look into.

    Args:
        base: where; None is the system's folder for temporary files.

    Raises:
        InputError: it cannot be written to.
    """
    parent = Path(base or tempfile.gettempdir())
    try:
        return Path(tempfile.mkdtemp(prefix=f"ribfrac-ct-{this_host()}-{os.getpid()}-", dir=parent))
    except OSError as error:
        raise InputError(
            f"{parent}: no temporary copy of the CT can be made there ({error.strerror}); free some space or "
            "name another folder in the environment variable TMPDIR"
        ) from None


def remove_folder(folder: Path) -> None:
    """Remove a folder made by `new_folder`, if it is still there.

    Raises:
        ValueError: its name is none of ours.
    """
    if not _NAME.fullmatch(folder.name):
        raise ValueError(f"{folder} was not made by new_folder")
    shutil.rmtree(folder, ignore_errors=True)


def remove_left_behind(base: Path | None = None) -> list[Path]:
    """Remove the folders of dead processes of this machine from `base`, and return them."""
    removed = []
    for folder in Path(base or tempfile.gettempdir()).glob("ribfrac-ct-*"):
        match = _NAME.fullmatch(folder.name)
        if match and match["host"] == this_host() and not is_alive(int(match["maker"])):
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(folder)
    return removed


def folder_of(source: Path) -> Path:
    """The temporary folder in which `source` lies.

    Raises:
        InputError: it lies in another kind of folder, which is not ours to remove.
    """
    folder = Path(source).absolute().parent
    if not _NAME.fullmatch(folder.name):
        raise InputError(
            f"{source}: --temporary-input removes the file at the end, so only a copy that the application "
            "made is taken; leave the option out"
        )
    return folder
