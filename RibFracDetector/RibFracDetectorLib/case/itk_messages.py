"""Calls into ITK that keep its voice down.

ITK reports through C++ exceptions of many lines, through warnings on standard error, and some of its
readers only print a complaint and hand back a damaged image. Here the exceptions become one-line errors,
and whatever the libraries print goes to the log (level DEBUG) and to the caller, who may look for words
that mean damage.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from .errors import InputError

_log = logging.getLogger(__name__)
_descriptor_lock = threading.RLock()

# Printed, not raised, by ITK's MetaIO when the compressed voxels do not unpack.
_SILENT_DAMAGE = ("Uncompress failed",)


@contextlib.contextmanager
def quiet_itk() -> Iterator[list[str]]:
    """Keep what C++ libraries print on standard error away from the user.

    Yields a list that holds the printed lines once the block has ended. The process has one standard error,
    so another thread's output during the block ends in the log, too.
    """
    printed: list[str] = []
    with _descriptor_lock, tempfile.TemporaryFile() as sink:
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            saved = os.dup(2)
        except OSError:  # no standard error at all: nothing to keep quiet
            yield printed
            return
        os.dup2(sink.fileno(), 2)
        try:
            yield printed
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            sink.seek(0)
            printed.extend(sink.read().decode(errors="replace").splitlines())
            for line in printed:
                _log.debug("ITK: %s", line)


@contextlib.contextmanager
def stderr_of_its_own() -> Iterator[None]:
    """In the block, Python's standard error is a descriptor of its own, which `quiet_itk` leaves alone.

    For a program that goes on talking to its user while another thread reads or writes images.
    """
    before = sys.stderr
    try:
        apart = before.fileno() != 2
    except (AttributeError, OSError):  # none, or not a file
        apart = True
    if apart:
        yield
        return
    before.flush()
    with os.fdopen(os.dup(2), "w", 1, before.encoding, before.errors) as own:
        sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = before


@contextlib.contextmanager
def itk_reading(path: Path) -> Iterator[None]:
    """Turn ITK's failures to read `path` into an InputError of one line.

    Raises:
        InputError: ITK raised, or printed that the data are damaged.
    """
    try:
        with quiet_itk() as printed:
            yield
    except (RuntimeError, MemoryError) as error:
        _log.debug("ITK could not read %s", path, exc_info=True)
        raise InputError(
            f"{path}: cannot be read as an image ({itk_reason(error, printed)}); it may be damaged, cut "
            "short or of another format: copy or export it again"
        ) from None
    if any(word in line for line in printed for word in _SILENT_DAMAGE):
        raise InputError(f"{path}: its compressed voxels are damaged; copy or export the file again")


def itk_reason(error: BaseException, printed: list[str]) -> str:
    """The last meaningful line of an ITK exception, without addresses and source positions.

    Where the exception only repeats the system's last error ("Reason: ..."), which may be about something
    else, the first line that the library printed tells more.
    """
    lines = [re.sub(r"\s*\(0x[0-9a-fA-F]+\)", "", line).strip() for line in str(error).splitlines()]
    lines = [line for line in lines if line and "Exception thrown in SimpleITK" not in line]
    reason = lines[-1] if lines else type(error).__name__
    if reason.startswith("Reason:") and printed:
        reason = printed[0].strip()
    return re.sub(r"^(ITK ERROR|sitk::ERROR): *", "", reason).rstrip(".:")
