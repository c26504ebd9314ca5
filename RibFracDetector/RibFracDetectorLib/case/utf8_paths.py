"""Paths as the text that C++ libraries and JSON files take: UTF-8, which names of files need not be.

SimpleITK ends the whole process, beyond any `except`, where it is given another text. On Windows it is given
UTF-8 and takes it for the system's code page, so files whose path has other letters than ASCII are not found
(ITK issue 6739). The application's own process has UTF-8 for its code page, its Python has not.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .errors import InputError

_UTF8 = 65001
_LONGEST_PATH = 1 << 15


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


def itk_path(path: Path | str) -> str:
    """`path` as the text with which ITK finds it; its folder exists.

    Raises:
        InputError: a name in it is not UTF-8; or ITK cannot be told the path on this computer.
    """
    text = utf8_path(path)
    if os.name != "nt" or text.isascii() or (kernel32 := _kernel32()).GetACP() == _UTF8:
        return text
    folder, name = os.path.split(os.path.abspath(text))  # noqa: PTH100 not resolved: links are not short
    short = os.path.join(_short(folder, kernel32), name)  # noqa: PTH118 the text is wanted
    if short.isascii():
        return short
    raise InputError(
        f"{text}: on this computer SimpleITK finds only what is named in plain letters, without accents; "
        "rename it or move it, or switch on UTF-8 in Windows' administrative language settings"
    )


def _kernel32() -> Any:
    import ctypes

    return ctypes.WinDLL("kernel32")


def _short(folder: str, kernel32: Any) -> str:
    """The folder's other name, of old and in ASCII, where the drive gives such names; else its own."""
    import ctypes

    buffer = ctypes.create_unicode_buffer(_LONGEST_PATH)
    return buffer.value if kernel32.GetShortPathNameW(folder, buffer, _LONGEST_PATH) else folder
