"""The lists of boxes in JSON files, checked entry by entry: an evaluation must not score a broken file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..case.errors import InputError
from ..case.json_files import read_json
from ..case.shortening import shortened
from .cases import Detections

Entry = Mapping[str, Any]

LARGEST_INTEGER = 2**31 - 1
LARGEST_NUMBER = 1e9
"""Of voxels: no volume is as large, and an integer in JSON may have more digits than a float holds."""
SHOWN_CHARACTERS = 80


def read_entries(path: Path) -> list[Entry]:
    """A JSON file that holds a list of objects.

    Raises:
        InputError: it holds something else; see `json_files.read_json`.
    """
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(entry, dict) for entry in content):
        raise InputError(f"{path} holds no list of objects; expected the entries of a result or label file")
    return content


def detections_of(entries: Sequence[Entry], source: Path, score_key: str = "prob") -> Detections:
    """The detections of a list of entries `{bbox, center, <score_key>, class}`.

    Raises:
        InputError: a box, score or class is missing or impossible.
    """
    boxes = [box_of(entry, source) for entry in entries]
    return Detections(
        boxes=np.array(boxes, dtype=np.float64).reshape(-1, 6),
        centers=np.array(
            [center_of(entry, box, source) for entry, box in zip(entries, boxes, strict=True)],
            dtype=np.float64,
        ).reshape(-1, 3),
        scores=np.array([_score(entry, score_key, source) for entry in entries], dtype=np.float64),
        classes=np.array([integer_of(entry, "class", source, 0) for entry in entries], dtype=np.int64),
    )


def box_of(entry: Entry, source: Path) -> list[float]:
    """The six finite numbers of `bbox`."""
    box = _numbers(entry.get("bbox"), 6)
    if box is None:
        raise InputError(
            f"{source}: bbox is {_shown(entry.get('bbox'))}; expected six numbers x1, y1, z1, x2, y2, z2"
        )
    return box


def center_of(entry: Entry, box: Sequence[float], source: Path) -> list[float]:
    """The stated `center`, or the middle of the box where none is stated."""
    if "center" not in entry:
        return [(low + high) / 2 for low, high in zip(box[:3], box[3:], strict=True)]
    center = _numbers(entry["center"], 3)
    if center is None:
        raise InputError(f"{source}: center is {_shown(entry['center'])}; expected three numbers")
    return center


def integer_of(entry: Entry, key: str, source: Path, default: int | None = None) -> int:
    """A whole number of 32 bits, or `default` where it is absent and a default exists."""
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_INTEGER:
        raise InputError(
            f"{source}: {key} is {_shown(value)}; expected a whole number up to {LARGEST_INTEGER}"
        )
    return value


def _score(entry: Entry, key: str, source: Path) -> float:
    numbers = _numbers([entry.get(key)], 1)
    if numbers is None or not 0.0 <= numbers[0] <= 1.0:
        raise InputError(f"{source}: {key} is {_shown(entry.get(key))}; expected a number from 0 to 1")
    return numbers[0]


def _numbers(values: Any, count: int) -> list[float] | None:
    if not isinstance(values, list | tuple) or len(values) != count:
        return None
    if not all(isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER for value in values):
        return None
    return [float(value) for value in values]


def _shown(value: Any) -> str:
    return shortened(repr(value), SHOWN_CHARACTERS)
