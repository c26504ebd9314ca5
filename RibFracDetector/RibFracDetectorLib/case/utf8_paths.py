"""Paths as the text that C++ libraries and JSON files take: UTF-8, which names of files need not be.

SimpleITK ends the whole process, beyond any `except`, where it is given another text.
"""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InputError


def utf8_path(path: Path | str) -> str:
    """`path` as text.

    Raises:
        InputError: a name in it is not UTF-8.
    """
    text = os.fspath(path)
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode(errors="backslashreplace").decode()
        raise InputError(f"{shown}: the name is not UTF-8, which is expected; rename it") from None
    return text
