"""Result files: written whole or not at all, and JSON that every parser accepts (null for NaN)."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..case.whole_files import written_whole


def write_bytes(path: Path, content: bytes) -> None:
    """Write one file whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write JSON; numpy values become plain numbers, NaN and infinities null."""
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; NaN becomes an empty field."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([["" if _undefined(field) else field for field in row] for row in rows])
    write_bytes(path, text.getvalue().encode())


def plain(value: Any) -> Any:
    """A value that `json` writes as standard JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if _undefined(value) else value


def _undefined(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)
