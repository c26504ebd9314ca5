"""One reader at a time: the lock of a case, honoured by desktop and browser.

The operating system holds it on `{case}_review.lock` and lets go when the process ends, however it ends, so a
lock of a dead process on this machine is simply taken over. Systems that share a folder do not always share
its locks; the file therefore names who holds it, and a lock that another machine left is refused by name.
"""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO

from .errors import InputError
from .file_lock import NoLocksError, lock_file, unlock_file
from .whole_files import writing_to


@dataclass(frozen=True)
class Holder:
    """Who works on a case."""

    host: str
    process: int
    program: str
    reader: str
    since: str

    def __str__(self) -> str:
        return f"{self.reader} ({self.program}, process {self.process} on {self.host}, since {self.since})"


class CaseLock:
    """The lock of one case, from `acquire` to `release`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file: BinaryIO | None = file

    @classmethod
    def acquire(cls, path: Path, reader: str, program: str) -> CaseLock:
        """Take the lock.

        Args:
            path: `CaseFiles.review_lock`.
            reader: the reader's id.
            program: "desktop", "browser" or another name that tells a person where to look.

        Raises:
            InputError: someone else has it (the message names who).
            NoLocksError: the folder gives no locks; nothing is left there.
        """
        path = Path(path)
        with writing_to(path):
            file = _locked(path)
        if file is None:
            holder = _holder_in(path)
            raise InputError(
                f"{path}: the case is open elsewhere, by {holder or 'another program'}; close it there first"
            )
        lock = cls(path, file)
        try:
            lock._refuse_other_host()
            lock._sign(Holder(platform.node(), os.getpid(), program, reader, _now()))
        except BaseException:
            lock._close()
            raise
        return lock

    def release(self) -> None:
        """Give the lock back; again does nothing."""
        if self._file is None:
            return
        unlock_file(self._path, self._file)
        self._file = None

    def _refuse_other_host(self) -> None:
        left = _holder_in(self._path)
        if left is not None and left.host != platform.node():
            raise InputError(
                f"{self._path}: the case is open on another machine, by {left}; close it there, or delete "
                "this file if that program has ended"
            )

    def _sign(self, holder: Holder) -> None:
        assert self._file is not None
        with writing_to(self._path):
            self._file.seek(0)
            self._file.truncate()
            self._file.write(json.dumps(asdict(holder), ensure_ascii=False).encode("utf-8"))
            self._file.flush()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _locked(path: Path) -> BinaryIO | None:
    try:
        return lock_file(path)
    except NoLocksError as error:
        raise NoLocksError(f"{error}; copy the case to a local folder") from None


def _holder_in(path: Path) -> Holder | None:
    """Who signed the file; None where nobody has, or not readably."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
