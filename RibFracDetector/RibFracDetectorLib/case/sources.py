"""What a path given by the user leads to: an image file, a DICOM series, or nothing usable."""

from __future__ import annotations

from pathlib import Path

from .dicom import Series, find_series, is_dicom
from .errors import InputError
from .naming import IMAGE_EXTENSIONS


def check_present(source: Path) -> None:
    """Refuse a path that leads nowhere.

    Raises:
        InputError: nothing is there, or it may not be looked at.
    """
    try:
        present = source.exists()
    except OSError:
        present = False
    if not present:
        raise InputError(f"{source}: no such file or folder; check the path")


def series_of(source: Path) -> Series:
    """The DICOM series of a folder, or the one that a file belongs to.

    Raises:
        InputError: neither, or see `dicom.find_series`.
    """
    try:
        if source.is_dir() or is_dicom(source):
            return find_series(source)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{source}: cannot be read ({reason}); check the path and its rights") from None
    raise InputError(
        f"{source}: neither a DICOM file nor one of {', '.join(IMAGE_EXTENSIONS)}; give a CT in one of these "
        "formats"
    )
