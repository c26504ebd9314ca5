"""Choices that belong to this machine and this user, kept in the application's settings.

What belongs to the data (which CT, which model, thresholds) is in the scene instead, see `parameters`.
"""

from __future__ import annotations

from pathlib import Path

import qt

GROUP = "RibFrac"
DEFAULT_READER = "reader"


class _Text:
    """A setting that is a text."""

    def __init__(self, key: str, default: str) -> None:
        self._key, self._default = f"{GROUP}/{key}", default

    def __get__(self, instance: object, owner: type | None = None) -> str:
        value = qt.QSettings().value(self._key, self._default)
        return str(value) if value else self._default

    def __set__(self, instance: object, value: str) -> None:
        qt.QSettings().setValue(self._key, value)


class _Flag:
    """A setting that is on or off, off until it is chosen."""

    def __init__(self, key: str) -> None:
        self._key = f"{GROUP}/{key}"

    def __get__(self, instance: object, owner: type | None = None) -> bool:
        # A settings file keeps texts alone.
        return str(qt.QSettings().value(self._key, False)).lower() == "true"

    def __set__(self, instance: object, value: bool) -> None:
        qt.QSettings().setValue(self._key, bool(value))


class Preferences:
    """Each attribute reads and writes one setting.

    Attributes:
        reader: who reviews, as it stands in the review log; chosen by the user, never the login name.
        engine_python: interpreter for the engine, empty for the application's own.
        device, precision, engine: what `ribfrac detect` is given.
        case_folder: where case files go.
        keep_ready: whether an engine stands by after a detection.
    """

    reader = _Text("reader", DEFAULT_READER)
    engine_python = _Text("enginePython", "")
    device = _Text("device", "auto")
    precision = _Text("precision", "auto")
    engine = _Text("engine", "auto")
    case_folder = _Text("caseFolder", str(Path.home() / "RibFrac"))
    keep_ready = _Flag("keepReady")
