"""What a NIfTI file's own header says, read from its bytes.

ITK repairs such files in silence: a spacing of zero, NaN or infinity becomes 1 mm, a negative one mirrors
the patient, voxels that are NaN or missing from a truncated file become zeros. None of this may happen to a
CT, so the bytes are looked at before ITK sees the file. Layout: nifti1.h and nifti2.h of the NIfTI DFWG.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .errors import InputError

# ITK takes the spacing from pixdim, other readers take it from the sform: more than rounding between them
# means that the file has two spacings.
MAX_SPACING_DISAGREEMENT = 0.01
# Cosine between two axes. 0.001 moves a voxel by 0.3 mm over 300 mm, less than half a voxel.
MAX_SHEAR = 1e-3

_GZIP_MAGIC = b"\x1f\x8b"
_MILLIMETRES_PER_UNIT = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_FLOATS = {16: "f4", 64: "f8"}
_PIECE = 1 << 20
LARGEST_OFFSET = 1 << 62  # of a place in a file
_FIELDS = [
    "magic",
    "dim",
    "datatype",
    "bitpix",
    "pixdim",
    "vox_offset",
    "xyzt_units",
    "qform_code",
    "sform_code",
    "srow",
]
_NIFTI_1 = np.dtype(
    {
        "names": _FIELDS,
        "formats": ["S2", "8i2", "i2", "i2", "8f4", "f4", "u1", "i2", "i2", "(3,4)f4"],
        "offsets": [344, 40, 70, 72, 76, 108, 123, 252, 254, 280],
        "itemsize": 348,
    }
)
_NIFTI_2 = np.dtype(
    {
        "names": _FIELDS,
        "formats": ["S2", "8i8", "i2", "i2", "8f8", "i8", "i4", "i4", "i4", "(3,4)f8"],
        "offsets": [4, 16, 12, 14, 104, 168, 500, 344, 348, 400],
        "itemsize": 540,
    }
)


def check_nifti(path: Path) -> list[str]:
    """Refuse a NIfTI file whose header or length is wrong; return warnings, one line each.

    The file is read (and unpacked) once, in pieces, to its end: only this shows truncation and NaN.

    Raises:
        InputError: not NIfTI, not 3-D, a spacing that is zero, negative or not finite, a sheared or
            contradictory sform, NaN voxels, fewer bytes than the header announces, damaged compression.
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP_MAGIC
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as stream:
            header = _parse(stream.read(_NIFTI_2.itemsize), path)
            _check_size(header, path)
            _check_spacing(header, path)
            _check_voxels(stream, header, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{path}: the compressed file is damaged or cut short ({error}); copy or export it again"
        ) from None
    if header["qform_code"] <= 0 and header["sform_code"] <= 0:
        return ["the header does not tell the orientation: LPS is assumed, left and right may be swapped"]
    return []


def _parse(raw: bytes, path: Path) -> np.void:
    for layout in (_NIFTI_1, _NIFTI_2):
        for order in "<>":
            if raw[:4] == np.array(layout.itemsize, f"{order}i4").tobytes() and len(raw) >= layout.itemsize:
                header = np.frombuffer(raw, layout.newbyteorder(order), count=1)[0]
                if header["magic"] in (b"n+", b"ni"):
                    return header
    found = "no NIfTI header" if raw else "an empty file"
    raise InputError(f"{path}: {found} where a NIfTI image is expected; check that this is the right file")


def _check_size(header: np.void, path: Path) -> None:
    rank = int(header["dim"][0])
    sizes = [int(size) for size in header["dim"][1 : rank + 1]] if 1 <= rank <= 7 else []
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if not sizes or min(sizes) < 1:
        raise InputError(f"{path}: the header gives impossible sizes; export the file again")
    if len(sizes) != 3:
        shape = " x ".join(map(str, sizes))
        raise InputError(
            f"{path}: the image is {len(sizes)}-D ({shape}), a 3-D CT is expected; export one volume"
        )


def _check_spacing(header: np.void, path: Path) -> None:
    unit = _MILLIMETRES_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    spacing = header["pixdim"][1:4].astype(np.float64) * unit
    shown = ", ".join(f"{value:g}" for value in spacing)
    if not (np.isfinite(spacing).all() and (spacing > 0).all()):
        raise InputError(
            f"{path}: the header gives the spacing ({shown}) mm, positive numbers are expected; export the "
            "file again from its source"
        )
    if header["sform_code"] <= 0:
        return
    columns = header["srow"][:, :3].astype(np.float64) * unit
    lengths = np.linalg.norm(columns, axis=0)
    if not np.isfinite(header["srow"]).all() or not (lengths > 0).all():
        raise InputError(f"{path}: the sform in the header is not a valid matrix; export the file again")
    cosines = (columns.T @ columns) / np.outer(lengths, lengths) - np.eye(3)
    if np.abs(cosines).max() > MAX_SHEAR:
        raise InputError(
            f"{path}: the axes in the sform are not at right angles (gantry tilt or shear); resample the "
            "volume to a rectangular grid"
        )
    if np.abs(lengths / spacing - 1).max() > MAX_SPACING_DISAGREEMENT:
        other = ", ".join(f"{value:g}" for value in lengths)
        raise InputError(
            f"{path}: the header gives two spacings, ({shown}) mm in pixdim and ({other}) mm in the sform; "
            "export the file again from its source"
        )


def _check_voxels(stream: BinaryIO, header: np.void, path: Path) -> None:
    """Read the voxels to the end of the stream; those of a `.hdr`/`.img` pair are left to ITK."""
    if header["magic"] == b"ni":
        return
    if not header.dtype.itemsize <= header["vox_offset"] < LARGEST_OFFSET:  # not NaN either
        raise InputError(
            f"{path}: the header says that the voxels begin at byte {header['vox_offset']:g}, a place behind "
            "the header is expected; export the file again"
        )
    start = int(header["vox_offset"])
    rank = int(header["dim"][0])
    expected = math.prod(int(size) for size in header["dim"][1 : rank + 1]) * int(header["bitpix"]) // 8
    kind = _FLOATS.get(int(header["datatype"]))
    order = header.dtype["dim"].base.str[0]
    stream.seek(start)
    found = not_finite = 0
    while piece := stream.read(_PIECE):
        if kind and found < expected:
            size = np.dtype(kind).itemsize
            whole = min(len(piece), expected - found) // size * size
            values = np.frombuffer(piece[:whole], f"{order}{kind}")
            not_finite += int(np.count_nonzero(~np.isfinite(values)))
        found += len(piece)
    if found < expected:
        raise InputError(
            f"{path}: holds {found} bytes of voxels of {expected} that its header announces; the file is cut "
            "short: copy or export it again"
        )
    if not_finite:
        raise InputError(
            f"{path}: {not_finite} of the voxels are NaN or infinite, finite HU are expected; replace them "
            "or export the file again"
        )
