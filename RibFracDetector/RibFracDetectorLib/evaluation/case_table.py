"""The original's table of single scans (spec 6): `aug_inference_all.csv`, and one such file a shard.

Its `seg_dice0` is the Dice of all fracture voxels; the original's own value is meaningless (spec 6). Sizes
and signed spacings are those of the LPS-oriented volume in RAS, so the first two spacings are negative.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..case.errors import InputError
from ..case.geometry import LPS_TO_RAS, Grid
from ..case.masks import read_mask
from .case_rows import CaseRows, case_rows
from .ground_truth import GroundTruth
from .options import EvaluationOptions
from .output import write_csv
from .predictions import CaseResult, Predictions

WHOLE_TABLE = "aug_inference_all.csv"
_COUNTS = ("recall", "precision", "fp", "fn", "tp")
COLUMNS = (
    "cid",
    *(f"img_dim{axis}" for axis in range(3)),
    *(f"spacing_dim{axis}" for axis in range(3)),
    *(f"{head}_{count}" for head in ("det", "seg") for count in _COUNTS),
    "seg_dice0",
    "infertime",
)


def shard_table(index: int, count: int) -> str:
    """Name of the table of one shard."""
    return f"aug_inference_{index}@{count}.csv"


def write_case_table(path: Path, det: CaseRows, seg: CaseRows, predictions: Predictions) -> None:
    """Write a row for every scan, by ascending id.

    A scan without a result has no size, spacing and time; whether its counts are those of a scan without
    findings or it has no row is for the maker of `det` and `seg` to decide.

    Args:
        path: of the table.
        det, seg: what each scan counts, by list; see `case_rows`.
        predictions: the results they were counted from.
    """
    ids = sorted(det.keys() | seg.keys())
    rows = [_row(case_id, det.get(case_id, {}), seg.get(case_id, {}), predictions) for case_id in ids]
    write_csv(path, COLUMNS, rows)


def write_part(path: Path, truth: GroundTruth, predictions: Predictions, options: EvaluationOptions) -> None:
    """The table of the scans of `truth` alone, counted here; without scans it has a head alone."""
    if truth.cases:
        det, seg = (case_rows(truth, predictions, name, options)[0] for name in ("det", "seg"))
    else:
        det, seg = {}, {}
    write_case_table(path, det, seg, predictions)


def merge_parts(folder: Path, count: int) -> bool:
    """Join the tables of all shards into `aug_inference_all.csv`; False while one is missing.

    Raises:
        InputError: a table is none of ours, or two of them have the same scan.
    """
    parts = [folder / shard_table(index, count) for index in range(count)]
    if not all(part.is_file() for part in parts):
        return False
    rows: dict[str, Sequence[str]] = {}
    for part in parts:
        for row in _read(part):
            if row[0] in rows:
                raise InputError(f"{part}: case {row[0]} is in another shard's table, too; test anew")
            rows[row[0]] = row
    write_csv(folder / WHOLE_TABLE, COLUMNS, [rows[case_id] for case_id in sorted(rows)])
    return True


def _read(path: Path) -> Iterable[Sequence[str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        head = next(reader, [])
        if tuple(head) != COLUMNS:
            raise InputError(f"{path}: not a table of this version; remove it and test anew")
        yield from reader


def _row(
    case_id: str, det: Mapping[str, Any], seg: Mapping[str, Any], predictions: Predictions
) -> list[object]:
    result = predictions.cases.get(case_id)
    grid = _grid(result) if result is not None else None
    sizes = ["", "", ""] if grid is None else [*grid.size]
    spacings = ["", "", ""] if grid is None else _signed_spacings(grid)
    counts = [values.get(name, "") for values in (det, seg) for name in _COUNTS]
    return [case_id, *sizes, *spacings, *counts, seg.get("dice", ""), _seconds(result)]


def _grid(result: CaseResult) -> Grid | None:
    """Of the scan, as the findings state it, else of the predicted mask."""
    if result.findings is not None:
        return result.findings.ct.grid
    mask = result.seg_mask or result.instances
    return None if mask is None else read_mask(mask)[1]


def _signed_spacings(grid: Grid) -> list[float]:
    """The diagonal of the affine from voxels to RAS millimetres."""
    columns = LPS_TO_RAS @ grid.direction_matrix
    return [float(columns[axis, axis] * grid.spacing[axis]) for axis in range(3)]


def _seconds(result: CaseResult | None) -> float | str:
    """Of computing, where the findings tell it."""
    seconds = result.findings.provenance.seconds if result is not None and result.findings else {}
    return round(sum(seconds.values()), 3) if seconds else ""
