"""What somebody needs who is to find out why a run failed, and nothing that tells whom it was about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import slicer

from .. import __version__
from ..case.provenance import versions
from .redaction import redacted

LOG_LINES = 200


def diagnostics(
    devices: dict[str, Any] | None, settings: dict[str, Any], log: Iterable[str], names: Mapping[str, str]
) -> str:
    """The text for the clipboard.

    Args:
        devices: the answer of `DeviceQuery`, if there was one.
        settings: of the panel.
        log: the lines of the log view.
        names: what must not stand in it, see `redaction.redacted`.
    """
    application = f"{slicer.app.applicationName} {slicer.app.majorVersion}.{slicer.app.minorVersion}"
    told = [json.dumps({"engine": devices}, indent=1, ensure_ascii=False), *list(log)[-LOG_LINES:]]
    return "\n".join(
        [
            f"RibFrac {__version__} in {application}",
            json.dumps({"here": versions(), "settings": settings}, indent=1),
            redacted("\n".join(told), names),
        ]
    )
