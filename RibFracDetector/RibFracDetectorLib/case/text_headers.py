"""What the text header of an NRRD or MetaImage file says about the spacing.

ITK fills a missing spacing with 1 mm and turns one that is not a number into zero or one. A volume whose
spacing is unknown must be refused, so the header's own lines are read first. Everything else (sizes, types,
truncated data) is left to ITK, which reports it for these formats.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from .errors import InputError

_HEADER_LIMIT = 1 << 16


def check_nrrd(path: Path) -> list[str]:
    """Refuse an NRRD file without a usable spacing for each of three axes; return warnings.

    Raises:
        InputError: not NRRD, or a spacing that is missing, zero, negative or not finite.
        OSError: the file cannot be opened.
    """
    lines = _lines(path)
    if not lines or not lines[0].startswith("NRRD"):
        raise InputError(f"{path}: no NRRD header where one is expected; check that this is the right file")
    fields = dict(re.split(r":=?\s*", line, maxsplit=1) for line in lines if re.match(r"[^#:]+:", line))
    if fields.get("dimension", "3").strip() == "3":  # other dimensions are refused later, by their size
        if "space directions" in fields:
            vectors = re.findall(r"\(([^)]*)\)", fields["space directions"])
            lengths = [math.hypot(*_numbers(vector)) for vector in vectors]
        else:
            lengths = _numbers(fields.get("spacings", ""))
        _check_lengths(lengths, path)
    if "space" not in fields:
        return ["the header does not tell the orientation: LPS is assumed, left and right may be swapped"]
    return []


def check_meta(path: Path) -> list[str]:
    """Refuse a MetaImage file without a usable spacing; return warnings.

    Raises:
        InputError: no MetaImage header, or a spacing that is missing, zero, negative or not finite.
        OSError: the file cannot be opened.
    """
    fields = dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in _lines(path) if "=" in line)
    if "NDims" not in fields or "DimSize" not in fields:
        raise InputError(
            f"{path}: no MetaImage header where one is expected; check that this is the right file"
        )
    if fields["NDims"].strip() == "3":
        _check_lengths(_numbers(fields.get("ElementSpacing", fields.get("ElementSize", ""))), path)
    if not {"TransformMatrix", "Orientation", "Rotation"} & fields.keys():
        return ["the header does not tell the orientation: LPS is assumed, left and right may be swapped"]
    return []


def _lines(path: Path) -> list[str]:
    with path.open("rb") as file:
        raw = file.read(_HEADER_LIMIT)
    lines = []
    for line in raw.split(b"\n"):
        text = line.decode("utf-8", errors="replace").rstrip("\r")
        if not text:  # NRRD: an empty line ends the header
            break
        lines.append(text)
        if text.startswith("ElementDataFile"):  # MetaImage: the last line of the header
            break
    return lines


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return [math.nan]


def _check_lengths(lengths: list[float], path: Path) -> None:
    if len(lengths) != 3:
        raise InputError(
            f"{path}: the header gives a spacing for {len(lengths)} axes, 3 are expected; export the file "
            "again from its source"
        )
    if not all(math.isfinite(length) and length > 0 for length in lengths):
        shown = ", ".join(f"{length:g}" for length in lengths)
        raise InputError(
            f"{path}: the header gives the spacing ({shown}) mm, positive numbers are expected; export the "
            "file again from its source"
        )
