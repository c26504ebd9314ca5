"""Where the shared files of the root folder Resources are, in every way the library can be installed.

One function, because the same folder lies in a different place relative to this package each time: packed
inside it by a wheel, in `Resources/RibFrac` beside it in the application's folder of scripted modules,
and at the top of the repository in a checkout, which an editable install points to as well.
"""

from __future__ import annotations

from pathlib import Path

from .errors import RibFracError

_PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = (
    _PACKAGE / "Resources",  # wheel
    _PACKAGE.parent / "Resources" / "RibFrac",  # installed extension, and its build tree
    _PACKAGE.parent.parent / "Resources",  # checkout, editable install
)


def resource_path(name: str) -> Path:
    """The absolute path of a file or folder of Resources.

    Args:
        name: relative to Resources, with forward slashes, e.g. `models.json`.

    Raises:
        RibFracError: it is in none of the places where an installation can have it.
    """
    for folder in _FOLDERS:
        path = folder / name
        if path.exists():
            return path
    places = ", ".join(str(folder) for folder in _FOLDERS)
    raise RibFracError(f"the resource {name!r} is missing, looked for in {places}; install RibFrac anew")
