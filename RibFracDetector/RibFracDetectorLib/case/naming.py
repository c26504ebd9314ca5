"""Case ids: short names that make safe file names."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import Path

from .errors import InputError

IMAGE_EXTENSIONS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
# The longest file name of a case adds 30 bytes, a temporary one another 40; file systems allow 255.
MAX_CASE_ID_BYTES = 150
HALF_PRECISION = "_fp16"

_UNSAFE = re.compile(r"[^\w.\-]+")  # letters and digits of any script are safe


def image_extension(path: Path) -> str | None:
    """Which of `IMAGE_EXTENSIONS` the file name ends with, whatever its case."""
    name = path.name.lower()
    return next((extension for extension in IMAGE_EXTENSIONS if name.endswith(extension)), None)


def case_id_from_name(path: Path) -> str:
    """The file name without its image extension, characters unsafe in file names replaced by `_`.

    A name that ends like files of half precision gets another ending.

    Raises:
        InputError: nothing usable is left of the name, or it is too long.
    """
    extension = image_extension(path) or path.suffix
    stem = unicodedata.normalize("NFC", path.name[: len(path.name) - len(extension)])
    name = _UNSAFE.sub("_", stem).lstrip(".-")
    if name.endswith(HALF_PRECISION):
        name = f"{name.removesuffix(HALF_PRECISION)}{HALF_PRECISION.replace('_', '-')}"
    return checked_case_id(name)


def case_id_from_series(uid: str) -> str:
    """A name made of a SeriesInstanceUID, which does not tell who the patient is."""
    return "dicom-" + hashlib.sha256(uid.encode()).hexdigest()[:12]


def file_key(name: str) -> str:
    """The same for two names that are one file on some file system, as those of Windows and macOS are."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def checked_case_id(case_id: str) -> str:
    """`case_id` itself, if files can be named after it.

    Raises:
        InputError: empty, too long, with characters that are unsafe in file names, or with the ending that
            files of half precision have (see `case_files.CaseFiles`).
    """
    fault = fault_of_case_id(case_id)
    if fault is not None:
        raise InputError(f"{fault}; choose another one with --case")
    return case_id


def fault_of_case_id(case_id: str) -> str | None:
    """Why no files can be named after a case id, and what is expected; None if they can."""
    if not case_id or _UNSAFE.search(case_id) or case_id[0] in ".-":
        return (
            f"case id {case_id!r}: letters, digits, '.', '-' and '_' are expected, beginning with neither "
            "'.' nor '-'"
        )
    if case_id.endswith(HALF_PRECISION):
        whole = case_id.removesuffix(HALF_PRECISION)
        return f"case id {case_id}: so are files of {whole} in half precision called, another id is expected"
    size = len(case_id.encode())
    if size > MAX_CASE_ID_BYTES:
        return f"case id {case_id[:20]}…: {size} bytes long, at most {MAX_CASE_ID_BYTES} are expected"
    return None
