"""The review log `{case}_review.jsonl`: what readers did, one event a line, only ever appended to.

An event is on the disk when `append` returns. A process killed while it writes leaves a torn last line, which
is no event: reading leaves it out, and the next writer cuts it off. Everything else that is not as this
format says is refused, for a log that is misread is worse than one that is not read.

A line is a JSON object with exactly these keys:
    schema_version  1
    sequence        1, 2, 3, ... without gaps
    time            ISO 8601, UTC, with milliseconds
    reader          the reader's id, from the settings, not the login
    kind            one of `review_events.PAYLOADS`
    payload         object, its keys and types are those of the kind
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from .errors import InputError
from .format_version import refuse_newer
from .review_events import payload_fault
from .whole_files import writing_to

SCHEMA_VERSION = 1
_KEYS = ("schema_version", "sequence", "time", "reader", "kind", "payload")


@dataclass(frozen=True)
class ReviewEvent:
    """One thing that a reader did.

    Attributes:
        sequence: 1, 2, 3, ... in the log.
        time: ISO 8601, UTC.
        reader: the reader's id.
        kind: what was done, a key of `review_events.PAYLOADS`.
        payload: how, plain JSON values.
    """

    sequence: int
    time: str
    reader: str
    kind: str
    payload: Mapping[str, Any]

    @property
    def moment(self) -> datetime:
        """`time` as a moment."""
        return datetime.fromisoformat(self.time.replace("Z", "+00:00"))

    def line(self) -> str:
        """The event as it stands in the log, without the end of the line.

        Raises:
            ValueError: the payload holds NaN or infinity.
        """
        values = (SCHEMA_VERSION, self.sequence, self.time, self.reader, self.kind, dict(self.payload))
        return json.dumps(dict(zip(_KEYS, values, strict=True)), ensure_ascii=False, allow_nan=False)


def read_log(path: Path) -> tuple[ReviewEvent, ...]:
    """The events of a log, in order; none if there is no file.

    Raises:
        InputError: the file cannot be read, or a line other than a torn last one is no event.
    """
    content = _content(path)
    return parse_log(content, str(path))


def parse_log(content: bytes, name: str) -> tuple[ReviewEvent, ...]:
    """The events in the bytes of a log; a torn last line is left out.

    Args:
        content: UTF-8.
        name: of the log, for messages.

    Raises:
        InputError: see `read_log`.
    """
    lines = content[: whole_length(content)].splitlines()
    events = tuple(_event(line, f"{name} line {number}") for number, line in enumerate(lines, start=1))
    for expected, event in enumerate(events, start=1):
        if event.sequence != expected:
            raise InputError(
                f"{name} line {expected}: event {event.sequence} where {expected} is expected, the log has "
                "been edited or merged; take it back from a copy"
            )
    return events


def whole_length(content: bytes) -> int:
    """How many bytes of a log hold whole events: all, or all before a torn last line.

    A last line that lacks nothing but its end is whole: an object cut short is never valid JSON.
    """
    end = content.rfind(b"\n") + 1
    try:
        whole = isinstance(json.loads(content[end:].decode("utf-8")), dict)
    except ValueError:
        whole = False
    return len(content) if whole else end


class LogWriter:
    """Appends to a log. Whoever makes one must hold the case's lock, see `review_lock`.

    Args:
        path: of the log; it is made with the first event.

    Raises:
        InputError: see `read_log`; the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        content = _content(self._path)
        self.events: tuple[ReviewEvent, ...] = parse_log(content, str(self._path))
        self._whole = whole_length(content)
        self._seen = len(content)
        self._ended = content[: self._whole].endswith(b"\n") or not self._whole

    def append(self, time: datetime, reader: str, kind: str, payload: Mapping[str, Any]) -> ReviewEvent:
        """Write one event and bring it to the disk.

        Args:
            time: aware, UTC.

        Raises:
            InputError: the file cannot be written, the disk is full, someone else has written to it; the log
                is as it was.
            ValueError: the payload is not of the kind.
        """
        stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = ReviewEvent(len(self.events) + 1, stamp, reader, kind, payload)
        fault = payload_fault(kind, payload)
        if fault:
            raise ValueError(f"{kind}: {fault}")
        data = (b"" if self._ended else b"\n") + event.line().encode("utf-8") + b"\n"
        with writing_to(self._path):
            self._write(data)
        self._whole += len(data)
        self._ended = True
        self.events = (*self.events, event)
        return event

    def _write(self, data: bytes) -> None:
        new = not self._path.exists()
        with self._path.open("ab") as file:
            if os.fstat(file.fileno()).st_size != self._seen:
                raise InputError(f"{self._path}: changed by another program meanwhile; open the case again")
            file.truncate(self._whole)  # cuts off the torn line of a killed process
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            except BaseException:
                with contextlib.suppress(OSError):
                    os.ftruncate(file.fileno(), self._whole)
                raise
            finally:
                self._seen = os.fstat(file.fileno()).st_size
        if new:
            _sync_folder(self._path.parent)


def _content(path: Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); check the path and its rights"
        ) from None


def _event(line: bytes, where: str) -> ReviewEvent:
    try:
        content = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise InputError(f"{where}: no JSON ({error}); take the log back from a copy") from None
    refuse_newer(content, SCHEMA_VERSION, where)
    fault = _fault(content)
    if fault:
        raise InputError(f"{where}: not an event of a review log, {fault}; take the log back from a copy")
    return ReviewEvent(*(content[key] for key in _KEYS[1:]))


def _fault(content: Any) -> str | None:
    if not isinstance(content, dict) or set(content) != set(_KEYS):
        return f"an object with {', '.join(_KEYS)} is expected"
    if content["schema_version"] != SCHEMA_VERSION:
        return f"schema_version is {content['schema_version']!r}, {SCHEMA_VERSION} is expected"
    if type(content["sequence"]) is not int:
        return f"sequence is {content['sequence']!r}, a whole number is expected"
    if not isinstance(content["reader"], str) or not content["reader"]:
        return f"reader is {content['reader']!r}, a text is expected"
    if not _is_utc(content["time"]):
        return f"time is {content['time']!r}, ISO 8601 in UTC is expected"
    return payload_fault(content["kind"], content["payload"])


def _is_utc(text: Any) -> bool:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).utcoffset() == timedelta(0)
    except (ValueError, AttributeError):
        return False


def _sync_folder(folder: Path) -> None:
    """Bring a new file's name to the disk, where the system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
