"""Files that are written whole or not at all.

A file is written under a temporary name beside its target, brought to the disk, then renamed. A killed run
leaves the old file or the new one, never half of either.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import InputError

HELD_WAITS_S = (0.05, 0.2, 0.5, 1.0, 2.0)
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# On Windows: access denied, which is also said of a target that is open, and a sharing violation.
_HELD = {5, 32}


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A temporary path to write to; renamed to `path` at the end, removed if anything fails.

    The temporary name ends like `path`, because image writers choose the format by it.

    Raises:
        InputError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{os.getpid()}-{_plain(path.name)}")
    try:
        with writing_to(path):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            put_in_place(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def put_in_place(source: Path, target: Path) -> None:
    """Rename a file or folder, also over an old one.

    On Windows whoever reads a file keeps it from being renamed or replaced, and scanners read whatever is
    new.

    Raises:
        OSError: it cannot be renamed, or on Windows somebody holds one of both for seconds.
    """
    for wait in HELD_WAITS_S if os.name == "nt" else ():
        try:
            source.replace(target)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    source.replace(target)


def _plain(name: str) -> str:
    """A name in ASCII with the same ending, for ITK on Windows (see `utf8_paths.itk_path`)."""
    if name.isascii():
        return name
    return f"{zlib.crc32(os.fsencode(name)):08x}" + "".join(filter(str.isascii, name))


@contextlib.contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write `path` into an InputError of one line."""
    try:
        yield
    except OSError as error:
        raise InputError(_refusal(path, error)) from None


def write_json(path: Path, content: Any) -> None:
    """Write `content` as one line of JSON with Python's separators, keys in the given order (spec 5.6).

    Raises:
        InputError: see `written_whole`.
        ValueError: a number is NaN or infinite, which JSON cannot hold.
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _refusal(path: Path, error: OSError) -> str:
    if error.errno in _NO_SPACE:
        return f"{path}: cannot be written, the disk or quota is full ({error.strerror}); free some space"
    if error.errno is None:  # numpy counts what it has written, and does not ask the system why
        return f"{path}: cannot be written whole ({error}); check that the disk is not full"
    advice = "choose another output folder"
    if getattr(error, "winerror", None) in _HELD:
        advice = f"close it in other programs, or {advice}"
    return f"{path}: cannot be written ({error.strerror or error}); {advice}"
