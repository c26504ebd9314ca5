"""OpenVINO, an optional package: is it here, and how it is imported without its telemetry.

Importing `openvino` imports `openvino_telemetry`, where installed, and reports the import to its maker
unless the user has opted out. It falls back to a stub where the package is missing. So here it is made to
look missing, before OpenVINO is first imported: what is not loaded cannot send.
"""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib.util import find_spec
from types import ModuleType

TELEMETRY = "openvino_telemetry"
FAST_MACHINES = ("x86_64", "AMD64")


class OpenVinoError(Exception):
    """OpenVINO cannot be used here; the text is the reason."""


@cache
def is_installed() -> bool:
    """Whether the package can be found; nothing is imported."""
    return find_spec("openvino") is not None


def is_fast_here() -> bool:
    """Whether it is known to beat PyTorch on this kind of CPU: measured on x86 alone."""
    return is_installed() and platform.machine() in FAST_MACHINES


def load_openvino() -> ModuleType:
    """The module `openvino`, without telemetry.

    Raises:
        OpenVinoError: not installed, broken, or already loaded by somebody else with its telemetry.
    """
    if sys.modules.get(TELEMETRY) is not None:
        raise OpenVinoError("it was loaded together with its telemetry, which this program never does")
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # importing it now raises ImportError
    try:
        import openvino
    except Exception as error:  # a broken installation raises whatever its libraries do
        raise OpenVinoError(f"it cannot be imported ({error})") from error
    return openvino
