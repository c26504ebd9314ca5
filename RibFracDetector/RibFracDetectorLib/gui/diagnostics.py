"""What somebody needs who is to find out why a run failed, and nothing that tells whom it was about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import slicer

from .. import __version__
from ..case.provenance import versions
from .preferences import Preferences
from .redaction import redacted

LOG_LINES = 200


def diagnostics(devices: dict[str, Any] | None, log: Iterable[str], names: Mapping[str, str]) -> str:
    """The text for the clipboard.

    Args:
        devices: the answer of `DeviceQuery`, if there was one.
        log: the lines of the log view.
        names: what must not stand in it, see `redaction.redacted`.
    """
    application = f"{slicer.app.applicationName} {slicer.app.majorVersion}.{slicer.app.minorVersion}"
    told = [json.dumps({"engine": devices}, indent=1, ensure_ascii=False), *list(log)[-LOG_LINES:]]
    return "\n".join(
        [
            f"RibFrac {__version__} in {application}",
            json.dumps({"here": versions(), "settings": _settings()}, indent=1),
            redacted("\n".join(told), names),
        ]
    )


def _settings() -> dict[str, Any]:
    preferences = Preferences()
    return {
        "device": preferences.device,
        "precision": preferences.precision,
        "engine": preferences.engine,
        "other Python": bool(preferences.engine_python),
    }
