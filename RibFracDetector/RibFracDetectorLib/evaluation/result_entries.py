"""The lists of boxes in JSON files, checked entry by entry: an evaluation must not score a broken file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..case.errors import InputError
from .cases import Detections

Entry = Mapping[str, Any]


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: the file cannot be read as JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a readable JSON file ({_first_line(error)})") from error


def read_entries(path: Path) -> list[Entry]:
    """A JSON file that holds a list of objects.

    Raises:
        InputError: it holds something else.
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
            f"{source}: bbox is {entry.get('bbox')!r}; expected six numbers x1, y1, z1, x2, y2, z2"
        )
    return box


def center_of(entry: Entry, box: Sequence[float], source: Path) -> list[float]:
    """The stated `center`, or the middle of the box where none is stated."""
    if "center" not in entry:
        return [(low + high) / 2 for low, high in zip(box[:3], box[3:], strict=True)]
    center = _numbers(entry["center"], 3)
    if center is None:
        raise InputError(f"{source}: center is {entry['center']!r}; expected three numbers")
    return center


def integer_of(entry: Entry, key: str, source: Path, default: int | None = None) -> int:
    """A whole number, or `default` where it is absent and a default exists."""
    value = entry.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{source}: {key} is {value!r}; expected a whole number")
    return value


def _score(entry: Entry, key: str, source: Path) -> float:
    numbers = _numbers([entry.get(key)], 1)
    if numbers is None or not 0.0 <= numbers[0] <= 1.0:
        raise InputError(f"{source}: {key} is {entry.get(key)!r}; expected a number from 0 to 1")
    return numbers[0]


def _numbers(values: Any, count: int) -> list[float] | None:
    if not isinstance(values, list | tuple) or len(values) != count:
        return None
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in values):
        return None
    return [float(value) for value in values]


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
