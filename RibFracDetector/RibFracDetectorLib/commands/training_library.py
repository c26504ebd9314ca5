"""Commands of the second library, which may be missing where only the detector is installed."""

from __future__ import annotations

from importlib.util import find_spec

from ..case.errors import RibFracError

LIBRARY = "RibFracTrainingLib"


def require_training_library(command: str) -> None:
    """Refuse in one line where RibFracTraining is not there.

    Raises:
        RibFracError: it is not.
    """
    if find_spec(LIBRARY) is None:
        raise RibFracError(
            f"{command} needs {LIBRARY}, which is not found here; add the folder RibFracTraining to "
            "PYTHONPATH"
        )
