"""Reading tables that others have written."""

from __future__ import annotations

import csv
from pathlib import Path

from .errors import InputError


def read_csv(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that hold anything: the number of the line, and the cells without outer spaces.

    Raises:
        InputError: it cannot be read, is not UTF-8, or a cell is longer than any table's.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream, skipinitialspace=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check the path") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error.reason}), which is expected; save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path}: no table ({error}), a CSV file is expected; save it again") from None
    return [(line, cells) for line, cells in rows if any(cells)]
