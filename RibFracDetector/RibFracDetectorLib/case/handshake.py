"""The first word between the engine and whoever started it: which library answers, in which protocol.

Module folders of the application are appended to its search path, so an older copy of this library could
answer instead of the one that asks. Both sides use this file; a starter refuses whatever does not agree.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from .errors import RibFracError

PROTOCOL = 1
LIBRARY = Path(__file__).resolve().parents[1]


def hello_event() -> dict[str, Any]:
    """The engine's first event.

    It names its process, because the starter may know that of a launcher only.
    """
    return {
        "event": "hello",
        "protocol": PROTOCOL,
        "version": __version__,
        "library": str(LIBRARY),
        "process": os.getpid(),
    }


def check_hello(event: Mapping[str, Any]) -> None:
    """Refuse an engine that is not of this library.

    Raises:
        RibFracError: with what answered instead.
    """
    if event.get("event") != "hello":
        raise RibFracError(
            f"the engine began with {event.get('event')!r} instead of its name; install RibFrac anew"
        )
    for key, expected in (("protocol", PROTOCOL), ("version", __version__), ("library", str(LIBRARY))):
        if event.get(key) != expected:
            raise RibFracError(
                f"another RibFrac answers: its {key} is {event.get(key)}, this one's is {expected}; remove "
                "the other copy, or set Engine Python to an installation of this version"
            )
