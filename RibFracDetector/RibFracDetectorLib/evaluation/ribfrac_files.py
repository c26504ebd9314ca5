"""The file layout of the RibFrac Challenge, for its ground truth and for its submissions alike.

RibFracN-label.nii.gz  + any .csv with public_id,label_id,label_code              (ground truth)
RibFracN.nii.gz        + any .csv with public_id,label_id,confidence,label_code   (submission)
"""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from ..case.csv_files import read_csv
from ..case.errors import InputError
from ..case.shortening import shortened

LABEL_SUFFIX = "-label"
CLASS_NAMES = {
    0: "Background",
    1: "Displaced",
    2: "Nondisplaced",
    3: "Buckle",
    4: "Segmental",
    -1: "Ignore",
}
"""Meaning of `label_code`; -1 is a fracture whose class nobody has stated."""

IGNORED_CODE = -1
SHOWN_CHARACTERS = 120
_ENDINGS = (".nii.gz", ".nii")


@dataclass(frozen=True)
class LabelRow:
    """One row of a challenge table; `confidence` is 1 in a ground truth."""

    label_id: int
    label_code: int
    confidence: float = 1.0


@dataclass(frozen=True)
class RibFracFolder:
    """The masks and rows of one folder.

    Attributes:
        masks: the mask file of each case.
        rows: the rows of each case by label, the background row (label 0) included where there is one.
        has_table: whether the folder has a table at all.
    """

    masks: dict[str, Path]
    rows: dict[str, dict[int, LabelRow]] = field(default_factory=dict)
    has_table: bool = True


def mask_files(folder: Path, suffix: str) -> dict[str, Path]:
    """The files `{case}{suffix}.nii[.gz]` of a folder by case id, in the order of the ids.

    Raises:
        InputError: a case has both a packed and a plain file.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = _stem(path)
        if stem is None or not stem.endswith(suffix) or stem == suffix:
            continue
        case_id = stem.removesuffix(suffix)
        if case_id in found:
            raise InputError(
                f"case {case_id} is there twice: {found[case_id].name} and {path.name}; keep one"
            )
        found[case_id] = path
    return dict(sorted(found.items()))


def _stem(path: Path) -> str | None:
    for ending in _ENDINGS:
        if path.name.endswith(ending):
            return path.name.removesuffix(ending)
    return None


def find_table(folder: Path, columns: tuple[str, ...]) -> Path | None:
    """The one .csv of a folder whose header has `columns`, None if there is none.

    Raises:
        InputError: several have them, or a table cannot be read.
    """
    files = [path for path in sorted(folder.glob("*.csv")) if path.is_file()]
    tables = [path for path in files if set(columns) <= set(columns_of(path))]
    if len(tables) > 1:
        names = ", ".join(path.name for path in tables)
        raise InputError(f"{folder} holds several tables with {','.join(columns)}: {names}; keep one")
    return tables[0] if tables else None


def columns_of(path: Path) -> list[str]:
    """The names in the first line of a table; none where that is no line of a table.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
            return [name.strip() for name in next(csv.reader(stream), [])]
    except csv.Error:
        return []
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); check its rights") from None


def read_table(path: Path, leave_out: Collection[str] = ()) -> dict[str, dict[int, LabelRow]]:
    """The rows of a challenge table by case and label; those of the cases to leave out are not looked at.

    Raises:
        InputError: a field is no number, a label_code is not one of `CLASS_NAMES`, a confidence is not within
            0 to 1, or a label comes twice; see `csv_files.read_csv`.
    """
    rows: dict[str, dict[int, LabelRow]] = {}
    (_, names), *lines = read_csv(path)
    for line, cells in lines:
        where = f"{path} line {line}"
        fields = dict(zip_longest(names, cells[: len(names)], fillvalue=""))
        case_id = fields["public_id"]
        if case_id in leave_out:
            continue
        row = _row(fields, where)
        of_case = rows.setdefault(case_id, {})
        if row.label_id in of_case:
            raise InputError(f"{where}: label {row.label_id} of {case_id} comes twice; keep one")
        of_case[row.label_id] = row
    return rows


def _row(fields: dict[str, str], where: str) -> LabelRow:
    try:
        row = LabelRow(int(fields["label_id"]), int(fields["label_code"]), _confidence(fields, where))
    except ValueError:
        found = shortened(str(fields), SHOWN_CHARACTERS)
        raise InputError(f"{where}: expected whole label_id and label_code, found {found}") from None
    if row.label_code not in CLASS_NAMES:
        known = ", ".join(str(code) for code in sorted(CLASS_NAMES))
        raise InputError(f"{where}: label_code {row.label_code} is outside the classes of RibFrac ({known})")
    if row.label_id < 0:
        raise InputError(f"{where}: label_id is {row.label_id}; expected 0, the background, or more")
    return row


def _confidence(fields: dict[str, str], where: str) -> float:
    """As the table states it; 1 in a ground truth, whose table has no such column."""
    text = fields.get("confidence", "1")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        shown = shortened(text, SHOWN_CHARACTERS)
        raise InputError(f"{where}: confidence is {shown!r}; expected a number from 0 to 1, not a percentage")
    return value


def read_ground_truth(folder: Path) -> RibFracFolder:
    """Label masks, and their classes where the folder has the info table."""
    table = find_table(folder, ("public_id", "label_id", "label_code"))
    rows = read_table(table) if table else {}
    return RibFracFolder(mask_files(folder, LABEL_SUFFIX), rows, table is not None)


def read_submission(folder: Path) -> RibFracFolder | None:
    """Predicted masks and their table; None if the folder has no such table.

    Raises:
        InputError: see `find_table`, `read_table` and `mask_files`.
    """
    table = find_table(folder, ("public_id", "label_id", "confidence", "label_code"))
    return None if table is None else RibFracFolder(mask_files(folder, ""), read_table(table))
