"""Files that are no usable CT, one maker for each kind, and unusual ones that must be accepted.

`BAD_INPUTS[name](folder)` writes a real file or folder into `folder` and returns its path. Apart from its one
defect each is a small chest CT.
"""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813

from .volumes import AIR, MUSCLE, Stored, chest, head, pelvis, rotation, write_dicom, write_multi_frame

Maker = Callable[[Path], Path]
_SIZE = (48, 40, 36)
# Offsets in a NIfTI-1 header (nifti1.h).
_DATATYPE, _PIXDIM, _OFFSET, _QFORM_CODE, _SROW = 70, 76, 108, 252, 280


def small_ct() -> Stored:
    """What every bad input would be without its defect; a fresh copy."""
    return Stored(chest(_SIZE))


def _with_header(path: Path, offset: int, form: str, *values: float) -> Path:
    """Rewrite a field of an uncompressed or compressed NIfTI file."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        content = bytearray(file.read())
    struct.pack_into("<" + form, content, offset, *values)
    with opener(path, "wb") as file:
        file.write(content)
    return path


def _with_text(path: Path, pattern: bytes, replacement: bytes) -> Path:
    """Rewrite a line of an NRRD or MetaImage header."""
    content, count = re.subn(pattern, replacement, path.read_bytes(), count=1)
    assert count == 1, f"{pattern!r} is not in {path}"
    path.write_bytes(content)
    return path


def _cut(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def _damage(path: Path, place: int) -> Path:
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    return path


def _text(folder: Path) -> Path:
    path = folder / "text.nii.gz"
    path.write_text("This is not an image.\n" * 40)
    return path


def _empty(folder: Path) -> Path:
    path = folder / "empty.nii.gz"
    path.touch()
    return path


def _unreadable(folder: Path) -> Path:
    """A file that opens, but whose first bytes cannot be read, whoever asks (Linux)."""
    path = folder / "unreadable.nii.gz"
    path.symlink_to("/proc/self/mem")
    return path


def _picture(folder: Path) -> Path:
    path = folder / "slice.png"
    sitk.WriteImage(sitk.Image(64, 64, sitk.sitkUInt8), str(path))
    return path


def _write_array(path: Path, array: np.ndarray, vector: bool = False) -> Path:
    """An array in numpy's own (reversed) axis order, of any rank."""
    image = sitk.GetImageFromArray(array, isVector=vector)
    image.SetSpacing([2.0] * image.GetDimension())
    sitk.WriteImage(image, str(path))
    return path


def _four_dimensional(folder: Path) -> Path:
    return _write_array(folder / "four.nii.gz", np.stack([small_ct().array.T] * 2))


def _colour(folder: Path) -> Path:
    """Three bytes per voxel; ITK would write a fifth dimension, hence the data type by hand."""
    array = np.zeros((*_SIZE[::-1], 3), np.uint8)
    path = _write_array(folder / "colour.nii.gz", array, vector=True)
    with gzip.open(path, "rb") as file:
        content = bytearray(file.read())
    rgb24, bits = 128, 24
    struct.pack_into("<8h", content, 40, 3, *_SIZE, 1, 1, 1, 1)
    struct.pack_into("<hh", content, _DATATYPE, rgb24, bits)
    with gzip.open(path, "wb") as file:
        file.write(content)
    return path


def _vectors(folder: Path) -> Path:
    return _write_array(folder / "vectors.nrrd", np.zeros((*_SIZE[::-1], 2), np.float32), vector=True)


def _not_finite(folder: Path, name: str, value: float) -> Path:
    array = small_ct().array.astype(np.float32)
    array[5, 6, 7] = value
    return replace(small_ct(), array=array).write(folder / name)


def _not_finite_at_the_end(path: Path) -> Path:
    """Of an odd number of voxels of four bytes."""
    array = small_ct().array[1:, 1:, 1:].astype(np.float32)
    array[-1, -1, -1] = np.nan
    return replace(small_ct(), array=array).write(path)


def _values(folder: Path, name: str, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    stored = small_ct()
    return replace(stored, array=change(stored.array)).write(folder / name)


def _sheared_nifti(folder: Path) -> Path:
    return _with_header(small_ct().write(folder / "sheared.nii.gz"), _SROW, "4f", -2, 0, 0.35, 0)


def _two_series(folder: Path) -> Path:
    write_dicom(folder / "two", small_ct())
    return write_dicom(folder / "two", small_ct(), uid="1.2.826.0.1.3680043.8.498.2", first_number=500)


def _doubled(folder: Path) -> Path:
    """One slice has the position of its neighbour."""
    return write_dicom(folder / "doubled", small_ct(), shifts={9: (0.0, 0.0, 2.0)})


def _uneven(folder: Path) -> Path:
    """Slices lie 2 mm apart in one half and 3 mm apart in the other."""
    shifts = {z: (0.0, 0.0, float(z - 18)) for z in range(19, _SIZE[2])}
    return write_dicom(folder / "uneven", small_ct(), shifts=shifts)


def _tilted(folder: Path) -> Path:
    """A gantry tilt of about 14 degrees."""
    return write_dicom(
        folder / "tilted", small_ct(), shifts={z: (0.0, 0.5 * z, 0.0) for z in range(_SIZE[2])}
    )


def _with_localizer(folder: Path) -> Path:
    write_dicom(folder / "localizer", small_ct())
    return write_dicom(
        folder / "localizer", small_ct().turned("PIR"), skip=range(1, _SIZE[0]), first_number=900
    )


def _folder_without_dicom(folder: Path) -> Path:
    inner = folder / "notes"
    inner.mkdir()
    (inner / "readme.txt").write_text("nothing here\n")
    return inner


def _empty_folder(folder: Path) -> Path:
    inner = folder / "empty"
    inner.mkdir()
    return inner


BAD_INPUTS: dict[str, Maker] = {
    "missing file": lambda folder: folder / "missing.nii.gz",
    "text named nii.gz": _text,
    "empty file": _empty,
    "unreadable file": _unreadable,
    "picture": _picture,
    "2-D": lambda folder: _write_array(folder / "two.nii.gz", small_ct().array[:, :, 0].T),
    "2-D nrrd": lambda folder: _write_array(folder / "two.nrrd", small_ct().array[:, :, 0].T),
    "4-D": _four_dimensional,
    "colour": _colour,
    "vectors": _vectors,
    "zero spacing": lambda folder: _with_header(
        small_ct().write(folder / "zero.nii.gz"), _PIXDIM + 8, "f", 0.0
    ),
    "negative spacing": lambda folder: _with_header(
        small_ct().write(folder / "negative.nii"), _PIXDIM + 8, "f", -2.0
    ),
    "NaN spacing": lambda folder: _with_header(
        small_ct().write(folder / "nan.nii"), _PIXDIM + 12, "f", float("nan")
    ),
    "infinite spacing": lambda folder: _with_header(
        small_ct().write(folder / "inf.nii"), _PIXDIM + 12, "f", float("inf")
    ),
    "two spacings": lambda folder: _with_header(
        small_ct().write(folder / "contradiction.nii"), _PIXDIM + 12, "f", 3.0
    ),
    "zero spacing nrrd": lambda folder: _with_text(
        small_ct().write(folder / "zero.nrrd"), rb"\(0,2,0\)", b"(0,0,0)"
    ),
    "no spacing nrrd": lambda folder: _with_text(
        small_ct().write(folder / "none.nrrd"), rb"\(0,2,0\)", b"none"
    ),
    "zero spacing mha": lambda folder: _with_text(
        small_ct().write(folder / "zero.mha"), b"ElementSpacing = 2 2 2", b"ElementSpacing = 2 0 2"
    ),
    "no spacing mha": lambda folder: _with_text(
        small_ct().write(folder / "none.mha"), b"ElementSpacing = 2 2 2\n", b""
    ),
    "spacing in metres": lambda folder: replace(small_ct(), spacing=(0.002,) * 3).write(folder / "m.nii.gz"),
    "spacing too large": lambda folder: replace(small_ct(), spacing=(2.0, 2.0, 12.0)).write(
        folder / "coarse.nii.gz"
    ),
    "NaN voxels": lambda folder: _not_finite(folder, "nan.nii.gz", np.nan),
    "NaN in the last voxel": lambda folder: _not_finite_at_the_end(folder / "last.nii"),
    "NaN offset": lambda folder: _with_header(small_ct().write(folder / "o.nii"), _OFFSET, "f", float("nan")),
    "infinite offset": lambda folder: _with_header(
        small_ct().write(folder / "o.nii"), _OFFSET, "f", float("inf")
    ),
    "negative offset": lambda folder: _with_header(small_ct().write(folder / "o.nii"), _OFFSET, "f", -5.0),
    "offset in the header": lambda folder: _with_header(
        small_ct().write(folder / "o.nii"), _OFFSET, "f", 0.0
    ),
    "huge offset": lambda folder: _with_header(small_ct().write(folder / "o.nii"), _OFFSET, "f", 1e30),
    "NaN voxels nrrd": lambda folder: _not_finite(folder, "nan.nrrd", np.nan),
    "infinite voxels mha": lambda folder: _not_finite(folder, "inf.mha", np.inf),
    "MR-like": lambda folder: _values(folder, "mr.nii.gz", lambda hu: (hu - hu.min()) // 4),
    "not rescaled": lambda folder: _values(folder, "raw.nii.gz", lambda hu: np.maximum(hu + 1024, 0)),
    "truncated gzip": lambda folder: _cut(small_ct().write(folder / "cut.nii.gz")),
    "truncated nifti": lambda folder: _cut(small_ct().write(folder / "cut.nii")),
    "damaged gzip": lambda folder: _damage(small_ct().write(folder / "damaged.nii.gz"), -6),
    "truncated nrrd": lambda folder: _cut(small_ct().write(folder / "cut.nrrd")),
    "truncated mha": lambda folder: _cut(small_ct().write(folder / "cut.mha")),
    "damaged compressed mha": lambda folder: _damaged_mha(folder),
    "mhd without data": lambda folder: _without_data(small_ct().write(folder / "alone.mhd")),
    "sheared nifti": _sheared_nifti,
    "sheared nrrd": lambda folder: _with_text(
        small_ct().write(folder / "sheared.nrrd"), rb"\(0,2,0\)", b"(0.3,2,0)"
    ),
    "sheared mha": lambda folder: _with_text(
        small_ct().write(folder / "sheared.mha"),
        b"TransformMatrix = 1 0 0 0 1",
        b"TransformMatrix = 1 0 0 0.2 1",
    ),
    "too few voxels": lambda folder: Stored(chest((48, 40, 20))).write(folder / "few.nii.gz"),
    "too few millimetres": lambda folder: Stored(chest(_SIZE), (2.0, 2.0, 0.5)).write(folder / "thin.nii.gz"),
    "empty folder": _empty_folder,
    "folder without DICOM": _folder_without_dicom,
    "two series": _two_series,
    "missing slice": lambda folder: write_dicom(folder / "gap", small_ct(), skip=(17,)),
    "uneven slices": _uneven,
    "duplicate slices": _doubled,
    "gantry tilt": _tilted,
    "localizer in the series": _with_localizer,
    "single slice": lambda folder: write_dicom(folder / "one", small_ct(), skip=range(1, _SIZE[2])),
    "MR series": lambda folder: write_dicom(folder / "mr", small_ct(), modality="MR"),
}


def _damaged_mha(folder: Path) -> Path:
    path = folder / "damaged.mha"
    sitk.WriteImage(small_ct().image(), str(path), useCompression=True)
    return _damage(path, -3)


def _without_data(path: Path) -> Path:
    path.with_suffix(".raw").unlink()
    return path


# Accepted with a warning.
UNUSUAL_INPUTS: dict[str, Maker] = {
    "all air": lambda folder: _values(folder, "air.nii.gz", lambda hu: np.full_like(hu, AIR) + hu % 16),
    "constant": lambda folder: _values(folder, "constant.nii.gz", np.zeros_like),
    "constant air": lambda folder: _values(folder, "nothing.nii.gz", lambda hu: np.full_like(hu, AIR)),
    "thick slices": lambda folder: Stored(chest((140, 110, 36), (2, 2, 5)), (2.0, 2.0, 5.0)).write(
        folder / "thick.nii.gz"
    ),
    "head": lambda folder: Stored(head()).write(folder / "head.nii.gz"),
    "pelvis": lambda folder: Stored(pelvis()).write(folder / "pelvis.nii.gz"),
    "lungs without bone": lambda folder: Stored(np.minimum(chest(), MUSCLE)).write(folder / "soft.nii.gz"),
    "no orientation": lambda folder: _with_header(
        Stored(chest()).write(folder / "somewhere.nii"), _QFORM_CODE, "2h", 0, 0
    ),
    "truncated last slice": lambda folder: _with_truncated_slice(folder),
}


def _with_truncated_slice(folder: Path) -> Path:
    path = write_dicom(folder / "damaged", Stored(chest((140, 110, 60))))
    _cut(path / "slice0059.dcm")
    return path


# Accepted without a word.
GOOD_INPUTS: dict[str, Maker] = {
    "chest": lambda folder: Stored(chest()).write(folder / "chest.nii.gz"),
    "opaque left lung": lambda folder: Stored(chest(aerated=("right",))).write(folder / "left.nii.gz"),
    "opaque right lung": lambda folder: Stored(chest(aerated=("left",))).write(folder / "right.nii.gz"),
    "oblique": lambda folder: Stored(chest(), direction=rotation((5, -8, 12))).write(folder / "oblique.mha"),
    "DICOM": lambda folder: write_dicom(folder / "series", Stored(chest())),
    "multi-frame DICOM": lambda folder: write_multi_frame(folder / "frames.dcm", Stored(chest())),
}
