"""Locks that the operating system holds on files, and lets go of when their process ends, however it ends."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from .errors import InputError
from .whole_files import writing_to

RUN_LOCK = ".run.lock"
_HELD = {errno.EACCES, errno.EAGAIN, errno.EDEADLK}
# Windows keeps others from reading what is locked, so the byte that is locked lies behind the text.
_LOCKED_BYTE = 1 << 20


class NoLocksError(InputError):
    """The file system of a folder gives no locks."""


@contextlib.contextmanager
def only_run_in(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder, which is made where it is missing, and removed if it stays empty.

    Where the file system gives no locks, others are not kept out.

    Raises:
        InputError: another run is at work there, or the folder cannot be written to.
    """
    made = not folder.exists()
    with writing_to(folder / RUN_LOCK):
        folder.mkdir(parents=True, exist_ok=True)
        file = _locked_for_run(folder)
    try:
        yield
    finally:
        if file is not None:
            unlock_file(folder / RUN_LOCK, file)
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _locked_for_run(folder: Path) -> BinaryIO | None:
    try:
        file = lock_file(folder / RUN_LOCK)
    except NoLocksError:
        return None
    if file is None:
        raise InputError(f"another run is at work in {folder}; wait for its end or choose another folder")
    return file


def lock_file(path: Path) -> BinaryIO | None:
    """The opened and locked file, made where it is missing; None if someone has it.

    Raises:
        NoLocksError: the folder gives no locks; nothing is left there.
        OSError: it cannot be opened.
    """
    while True:
        file = path.open("ab+")
        try:
            if not _lock(file, path):
                file.close()
                return None
            # Its holder may have removed the file between our opening and locking it.
            if path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except NoLocksError:
            file.close()
            if not path.stat().st_size:  # made by us just now
                path.unlink()
            raise
        except BaseException:
            file.close()
            raise
        file.close()


def unlock_file(path: Path, file: BinaryIO) -> None:
    """Remove a file that `lock_file` gave, and let go of it."""
    if os.name == "nt":  # no open file is removed there, so nobody else's new one either
        file.close()
        _remove(path)
    else:  # while it is still locked, for the same reason
        _remove(path)
        file.close()


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _lock(file: Any, path: Path) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(_LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise NoLocksError(f"{path}: this folder's file system gives no locks ({error.strerror})") from None
    return True
