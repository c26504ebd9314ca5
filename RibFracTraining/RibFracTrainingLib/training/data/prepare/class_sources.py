"""Classes of lesions: the info tables of RibFrac, and `_ins2cls.json`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.evaluation.cases import UNKNOWN_CLASS
from RibFracDetectorLib.evaluation.result_entries import integer_of, read_entries
from RibFracDetectorLib.evaluation.ribfrac_files import IGNORED_CODE, columns_of, read_table

from ..classes import UNKNOWN

COLUMNS = {"public_id", "label_id", "label_code"}


def is_info_table(path: Path) -> bool:
    """Whether a .csv is an info table of RibFrac.

    Raises:
        InputError: it cannot be read.
    """
    header = set(columns_of(path))
    return header >= COLUMNS and "confidence" not in header


def classes_of_tables(
    tables: list[Path], leave_out: frozenset[str]
) -> tuple[dict[str, dict[int, int]], list[str]]:
    """For each case but those left out its classes by instance, of all tables together; and problems."""
    classes: dict[str, dict[int, int]] = {}
    problems: list[str] = []
    for path in tables:
        try:
            rows = read_table(path, leave_out)
        except InputError as error:
            problems.append(str(error))
            continue
        for case_id, of_case in rows.items():
            found = {label: row.label_code for label, row in of_case.items() if label != 0}
            known = classes.setdefault(case_id, {})
            for label, code in found.items():
                if code == 0:
                    problems.append(
                        f"{path}: label {label} of {case_id} has label_code 0, background; correct it"
                    )
                elif known.setdefault(label, code) != code:
                    problems.append(
                        f"{path}: label {label} of {case_id} has label_code {code}, another table says "
                        f"{known[label]}; keep one"
                    )
    return {case_id: _with_unknown(known, IGNORED_CODE) for case_id, known in classes.items()}, problems


def classes_of_json(path: Path) -> dict[int, int]:
    """The classes by instance of a `_ins2cls.json`.

    Raises:
        InputError: no list of entries with instance and class, or an instance comes twice.
    """
    classes: dict[int, int] = {}
    for entry in read_entries(path):
        instance = integer_of(entry, "instance", path)
        if instance in classes:
            raise InputError(f"{path}: instance {instance} comes twice; keep one entry")
        if instance < 1:
            raise InputError(f"{path}: instance {instance} is no lesion; number them from 1")
        classes[instance] = integer_of(entry, "class", path)
    return _with_unknown(classes, UNKNOWN_CLASS)


def _with_unknown(classes: Mapping[int, int], unstated: int) -> dict[int, int]:
    return {
        instance: UNKNOWN if label in (unstated, UNKNOWN) else label for instance, label in classes.items()
    }
