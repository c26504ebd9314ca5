"""The label map of an atlas: read, checked, and kept as a file that needs numpy alone.

It is the TotalSegmentator label map as NIfTI, with `labels.json` (number to name) beside it, or what
`write_atlas_npz` makes of both.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.json_files import read_json
from RibFracDetectorLib.case.whole_files import written_whole

from .atlas_ribs import number_ribs, rib_names

Spacing = tuple[float, float, float]
LARGEST_LABEL = 255
# Surfaces are blurred by little more than a millimetre, which smooths no coarser staircase.
COARSEST_MM = 2.5
ROUNDING_MM = 0.01  # of spacings in headers
NAMES_FILE = "labels.json"
# What numpy raises for a file that is cut off, has other bytes, or is something else.
DAMAGE = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    MemoryError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_labels(path: Path) -> tuple[NDArray[np.uint8], Spacing, dict[str, int]]:
    """Labels [x, y, z] in LPS order, spacing in mm, and the number of each name.

    Raises:
        InputError: the file or its names are missing or damaged, the labels are not whole numbers from 0 to
            255, voxels are larger than `COARSEST_MM`, or no rib is named or marked.
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; expected a label map of TotalSegmentator with its label names in "
            f"{NAMES_FILE} beside it, or an .npz that --convert-atlas made"
        )
    stored, spacing, names = _read_npz(path) if path.suffix == ".npz" else _read_image(path)
    _check_names(path, names)
    _check_spacing(path, spacing)
    labels = _as_uint8(path, stored)
    if not np.isin(labels, [names[name] for name in rib_names()]).any():
        raise InputError(f"{path}: no voxel of a rib; expected the label map of a chest")
    return labels, spacing, names


def write_atlas_npz(source: Path, target: Path) -> None:
    """Convert an atlas to a file that needs numpy alone.

    Raises:
        InputError: the source cannot be read or has no ribs that can be told apart, or the target exists or
            cannot be written.
    """
    if target.exists():
        raise InputError(f"{target}: exists; remove it first, or choose another name for the converted atlas")
    labels, spacing, names = read_labels(source)
    try:
        number_ribs(*marked_ribs(labels, names), spacing)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    with written_whole(target) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, labels=labels, spacing=spacing, names=json.dumps(names))


def marked_ribs(
    labels: NDArray[np.uint8], names: Mapping[str, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Voxels [x, y, z] of any rib, and those that are named a right one."""
    return (
        np.isin(labels, [names[name] for name in rib_names()]),
        np.isin(labels, [names[name] for name in rib_names() if "right" in name]),
    )


def _read_npz(path: Path) -> tuple[NDArray, Spacing, dict[str, int]]:
    try:
        if not zipfile.is_zipfile(path):  # numpy would take it for a pickle, and say how to run it
            raise ValueError("no whole .npz file")
        with np.load(path, allow_pickle=False) as content:
            names = {str(name): int(n) for name, n in json.loads(str(content["names"])).items()}
            x, y, z = (float(step) for step in content["spacing"])
            return content["labels"], (x, y, z), names
    except DAMAGE as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"{path}: no atlas ({reason}); make it again with "
            f"`ribfrac simulate {path.name} --convert-atlas LABELS.nii.gz`"
        ) from None


def _read_image(path: Path) -> tuple[NDArray, Spacing, dict[str, int]]:
    from RibFracDetectorLib.case.masks import read_mask

    table = path.with_name(NAMES_FILE)
    if not table.is_file():
        raise InputError(f"{table}: missing; expected the label names beside {path.name}")
    names = _numbers_of_names(table, read_json(table))
    labels, grid = read_mask(path)
    return labels, grid.spacing, names


def _numbers_of_names(table: Path, content: Any) -> dict[str, int]:
    numbers: dict[str, int] = {}
    for number, name in content.items() if isinstance(content, dict) else [("", None)]:
        if not (number.isascii() and number.isdigit() and isinstance(name, str)) or name in numbers:
            raise InputError(
                f'{table}: expected each label number with a name of its own, as {{"3": "aorta"}}; '
                f"{f'{number!r}: {name!r} is something else' if number else 'this is something else'}"
            )
        numbers[name] = int(number)
    return numbers


def _check_names(path: Path, names: Mapping[str, int]) -> None:
    if missing := [name for name in rib_names() if name not in names]:
        raise InputError(f"{path}: no label {missing[0]!r}; expected the label names of TotalSegmentator")
    for name, number in names.items():
        if not 0 < number <= LARGEST_LABEL:
            raise InputError(
                f"{path}: {name} has the label {number}; expected 1 to {LARGEST_LABEL}, renumber the labels"
            )


def _check_spacing(path: Path, spacing: Spacing) -> None:
    if not 0 < min(spacing) <= max(spacing) <= COARSEST_MM + ROUNDING_MM:
        found = " x ".join(f"{step:g}" for step in spacing)
        raise InputError(
            f"{path}: voxels of {found} mm; expected at most {COARSEST_MM:g} mm, as finer ones show where "
            "bone ends: segment at 1.5 mm"
        )


def _as_uint8(path: Path, stored: NDArray) -> NDArray[np.uint8]:
    if stored.ndim != 3 or not stored.size or stored.dtype.kind not in "uif":
        raise InputError(
            f"{path}: labels of shape {stored.shape}, type {stored.dtype}; expected three axes of numbers"
        )
    # Compared before the conversion, which would bring 256 back to 0.
    if stored.dtype != np.uint8:
        strange = stored[~((stored >= 0) & (stored <= LARGEST_LABEL) & (stored == np.floor(stored)))]
        if strange.size:
            raise InputError(
                f"{path}: the label {strange.flat[0]:g}; expected whole numbers from 0 to {LARGEST_LABEL}, "
                "renumber the labels"
            )
    return stored.astype(np.uint8, copy=False)
