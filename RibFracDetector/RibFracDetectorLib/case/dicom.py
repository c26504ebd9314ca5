"""DICOM series: which files make up the scan, and whether their slices form a regular stack.

ITK reads a stack with a missing, doubled or tilted slice and only prints a warning, so the headers of all
slices are compared before the voxels are read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .itk_messages import itk_reading, quiet_itk
from .naming import case_id_from_series
from .utf8_paths import itk_path

if TYPE_CHECKING:
    from SimpleITK import ImageFileReader

# Positions are often rounded to 0.1 mm, which at 0.75 mm spacing is 7 % off; a missing slice is 50 % or more.
MAX_POSITION_ERROR = 0.2
# Slices may not wander sideways: half a small pixel. A gantry tilt of 0.1 degrees over 300 mm does this.
MAX_SIDEWAYS_MM = 0.5
# Two slices closer than this fraction of the usual distance are the same slice twice.
DUPLICATE_FRACTION = 0.05

SERIES_UID, _SERIES_TEXT, _MODALITY = "0020|000e", "0008|103e", "0008|0060"
_POSITION, _ORIENTATION, _PIXEL_SPACING = "0020|0032", "0020|0037", "0028|0030"
_FRAMES = "0028|0008"


@dataclass(frozen=True)
class Series:
    """The files of one DICOM series, in the order of their positions.

    Attributes:
        uid: SeriesInstanceUID.
        files: one per slice, or a single multi-frame file.
        warnings: one line each.
    """

    uid: str
    files: tuple[Path, ...]
    warnings: tuple[str, ...] = ()

    @property
    def case_id(self) -> str:
        """A name that does not tell who the patient is."""
        return case_id_from_series(self.uid)


def is_dicom(path: Path) -> bool:
    """Whether the file carries the DICOM mark (128 bytes of preamble, then DICM)."""
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def find_series(source: Path) -> Series:
    """The one series of a folder, or the series to which a file belongs.

    Raises:
        InputError: no DICOM in the folder, several series in it, an unreadable file.
    """
    if source.is_dir():
        return _series_of_folder(source)
    reader = _header(source)
    uid = _text(reader, SERIES_UID)
    if not uid:
        raise InputError(f"{source}: a DICOM file without SeriesInstanceUID; export the series again")
    if (_text(reader, _FRAMES) or "1") != "1":
        return Series(uid, (source,))
    return Series(uid, _files(source.parent, uid), _left_out(source.parent))


def _series_of_folder(folder: Path) -> Series:
    import SimpleITK as sitk  # noqa: N813

    with quiet_itk():
        uids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(itk_path(folder))
    if not uids:
        inner = sorted(path.name for path in folder.iterdir() if path.is_dir())
        advice = (
            f"it has subfolders ({', '.join(inner[:3])}), give one of them" if inner else "check the path"
        )
        raise InputError(
            f"{folder}: no readable DICOM file in this folder, the slices of one CT are expected; {advice}"
        )
    if len(uids) > 1:
        raise InputError(
            f"{folder}: {len(uids)} series in one folder, one is expected; give any file of the one you "
            "want: " + "; ".join(_describe(folder, uid) for uid in sorted(uids))
        )
    return Series(uids[0], _files(folder, uids[0]), _left_out(folder))


def _files(folder: Path, uid: str) -> tuple[Path, ...]:
    import SimpleITK as sitk  # noqa: N813

    with quiet_itk():
        return tuple(
            Path(name) for name in sitk.ImageSeriesReader.GetGDCMSeriesFileNames(itk_path(folder), uid)
        )


def _describe(folder: Path, uid: str) -> str:
    files = _files(folder, uid)
    text = _text(_header(files[0]), _SERIES_TEXT) or "no description"
    return f"{files[0].name} ({len(files)} slices, {text}, {uid})"


def _left_out(folder: Path) -> tuple[str, ...]:
    """A warning for DICOM files that GDCM could not read: it leaves truncated slices out in silence."""
    import SimpleITK as sitk  # noqa: N813

    with quiet_itk():
        uids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(itk_path(folder))
    known = {path.name for uid in uids for path in _files(folder, uid)}
    lost = sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in known and path.name != "DICOMDIR" and path.is_file() and is_dicom(path)
    )
    if not lost:
        return ()
    return (f"{len(lost)} DICOM files could not be read and are left out, {lost[0]} among them",)


def check_slices(source: Path, series: Series) -> None:
    """Refuse a series whose slices are no regular stack, from their headers alone.

    Raises:
        InputError: another modality than CT, slices that differ in size, pixel spacing or orientation, slices
            missing, doubled, unevenly spaced or tilted against the stack.
    """
    readers = [_header(file) for file in series.files]
    modality = _text(readers[0], _MODALITY)
    if modality and modality != "CT":
        raise InputError(
            f"{source}: the modality of the series is {modality}, CT is expected; choose the CT series"
        )
    if len(readers) == 1:
        if readers[0].GetSize()[-1] < 2:
            raise InputError(
                f"{source}: the series has a single slice, a 3-D CT is expected; give the whole scan"
            )
        return
    for what, tag in (("pixel spacings", _PIXEL_SPACING), ("orientations", _ORIENTATION)):
        kinds = {_rounded(_numbers(reader, tag)) for reader in readers}
        if len(kinds) > 1 or None in kinds:
            found = f"{len(kinds)} different {what}" if None not in kinds else f"slices without {what}"
            raise InputError(
                f"{source}: {found} within the series, one is expected; remove the localizer or split "
                "the series"
            )
    if len({reader.GetSize() for reader in readers}) > 1:
        raise InputError(
            f"{source}: slices of different sizes within the series; remove the localizer or split the series"
        )
    orientation = _numbers(readers[0], _ORIENTATION)
    positions = [_numbers(reader, _POSITION) for reader in readers]
    if orientation is None or len(orientation) != 6 or any(p is None or len(p) != 3 for p in positions):
        raise InputError(f"{source}: slices without position or orientation; export the series again")
    check_positions(source, np.asarray(positions), np.asarray(orientation).reshape(2, 3))


def check_positions(source: Path, positions: NDArray[np.float64], in_plane: NDArray[np.float64]) -> None:
    """Refuse slice positions that are not evenly spaced along the normal of the slices.

    Args:
        positions: (slices, 3) LPS mm of the first pixel of each slice, in any order.
        in_plane: (2, 3) the directions of the rows and of the columns.

    Raises:
        InputError: as `check_slices`.
    """
    normal = np.cross(*in_plane)
    depth = positions @ normal
    positions, depth = positions[np.argsort(depth)], np.sort(depth)
    gaps = np.diff(depth)
    usual = float(np.median(gaps[gaps > 0])) if (gaps > 0).any() else 0.0
    doubled = int(np.count_nonzero(gaps <= DUPLICATE_FRACTION * usual))
    if doubled:
        raise InputError(
            f"{source}: {doubled} of {len(depth)} slices lie where another one lies, each position is "
            "expected once; the series holds several reconstructions or time points: export one of them"
        )
    even = np.linspace(depth[0], depth[-1], len(depth))
    if np.abs(depth - even).max() > MAX_POSITION_ERROR * usual:
        widest = int(np.argmax(gaps))
        raise InputError(
            f"{source}: slices are not evenly spaced (usually {usual:.4g} mm, {gaps[widest]:.4g} mm between "
            f"slices {widest + 1} and {widest + 2} of {len(depth)}); slices are missing or damaged: export "
            "the series again"
        )
    offsets = positions - positions[0]
    sideways = np.linalg.norm(offsets - np.outer(offsets @ normal, normal), axis=1)
    if sideways.max() > MAX_SIDEWAYS_MM:
        angle = math.degrees(math.atan2(sideways[-1], depth[-1] - depth[0]))
        raise InputError(
            f"{source}: the slices are shifted sideways by up to {sideways.max():.3g} mm (gantry tilt about "
            f"{angle:.2g} degrees), a straight stack is expected; resample the series to a rectangular grid"
        )


def _header(file: Path) -> ImageFileReader:
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(itk_path(file))
    with itk_reading(file):
        reader.ReadImageInformation()
    return reader


def _text(reader: ImageFileReader, tag: str) -> str | None:
    return reader.GetMetaData(tag).strip(" \0") if reader.HasMetaDataKey(tag) else None


def _numbers(reader: ImageFileReader, tag: str) -> list[float] | None:
    try:
        return [float(word) for word in (_text(reader, tag) or "").split("\\")]
    except ValueError:
        return None


def _rounded(values: list[float] | None) -> tuple[float, ...] | None:
    return None if values is None else tuple(round(value, 4) for value in values)
