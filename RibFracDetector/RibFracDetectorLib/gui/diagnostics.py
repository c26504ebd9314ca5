"""What somebody needs who is to find out why a run failed, and nothing that tells whom it was about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import slicer

from .. import __version__
from ..case.handshake import LIBRARY
from ..case.provenance import versions

# Absolute paths, and names of files that hold or describe a scan: both may carry a patient's name.
_PATH = re.compile(r"(?:[A-Za-z]:[\\/]|(?<![\w.])/)[^\s'\",;:()]*")
_LIBRARY = str(LIBRARY)
LOG_LINES = 200


def diagnostics(devices: dict[str, Any] | None, settings: dict[str, Any], log: Iterable[str]) -> str:
    """The text for the clipboard.

    Args:
        devices: the answer of `DeviceQuery`, if there was one.
        settings: of the panel.
        log: the lines of the log view.
    """
    application = f"{slicer.app.applicationName} {slicer.app.majorVersion}.{slicer.app.minorVersion}"
    parts = [
        f"RibFrac {__version__} in {application}",
        json.dumps({"here": versions(), "settings": settings}, indent=1),
        json.dumps({"engine": devices}, indent=1),
        *list(log)[-LOG_LINES:],
    ]
    return without_names("\n".join(parts))


def without_names(text: str) -> str:
    """`text` with every path but those of this library replaced."""
    return _PATH.sub(_replacement, text)


def _replacement(match: re.Match[str]) -> str:
    path = match.group()
    if path.startswith(_LIBRARY):
        return "RibFracDetectorLib" + path.removeprefix(_LIBRARY)
    return f"<path>{Path(path).suffix}" if Path(path).suffix in (".py", ".json") else "<path>"
