"""Sensitivity, precision and false positives a scan for each score threshold: what a slider needs to say.

The table says on which data it was measured, because the same threshold means something else on other data.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .matching import Pool
from .output import write_csv, write_json

THRESHOLDS = tuple(step / 100 for step in range(100))
COLUMNS = ("list", "threshold", "sensitivity", "precision", "fp_per_scan", "findings_per_scan")
_DEFINITIONS = {
    "threshold": "findings with score >= threshold are shown",
    "sensitivity": "share of fractures that a shown finding touches (centre rule)",
    "precision": "share of shown findings that touch a fracture",
    "fp_per_scan": "shown findings that touch no fracture, per scan, scans without fractures included",
    "findings_per_scan": "shown findings per scan",
}


def threshold_rows(pool: Pool) -> list[dict[str, float]]:
    """One row a threshold 0.00, 0.01, ..., 0.99; sensitivity or precision is NaN where it is undefined."""
    ascending = pool.scores[::-1]
    shown = len(ascending) - np.searchsorted(ascending, THRESHOLDS, side="left")
    right = np.append(0, np.cumsum(pool.true))[shown]
    hit_scores = np.sort(pool.hit_scores)
    hit = len(hit_scores) - np.searchsorted(hit_scores, THRESHOLDS, side="left")
    with np.errstate(invalid="ignore"):
        sensitivity, precision = hit / np.int64(pool.n_lesions), right / shown
    return [
        {
            "threshold": threshold,
            "sensitivity": float(sensitivity[row]),
            "precision": float(precision[row]),
            "fp_per_scan": float(shown[row] - right[row]) / pool.n_cases,
            "findings_per_scan": float(shown[row]) / pool.n_cases,
        }
        for row, threshold in enumerate(THRESHOLDS)
    ]


def write_threshold_tables(folder: Path, pools: Mapping[str, Pool], measured_on: Mapping[str, Any]) -> None:
    """Write `threshold_table.json` and `threshold_table.csv`.

    Args:
        folder: where to.
        pools: matched scans by name of their list (`det`, `seg`, `findings`).
        measured_on: title, kind of the data (simulated / real / unknown) and whatever identifies it.
    """
    tables = {name: threshold_rows(pool) for name, pool in pools.items()}
    data = {
        name: {"scans": pool.n_cases, "fractures": pool.n_lesions, "findings": len(pool.scores)}
        for name, pool in pools.items()
    }
    write_json(
        folder / "threshold_table.json",
        {
            "measured_on": {**measured_on, "lists": data},
            "definitions": _DEFINITIONS,
            "tables": tables,
        },
    )
    rows = ([name, *row.values()] for name, table in tables.items() for row in table)
    write_csv(folder / "threshold_table.csv", COLUMNS, rows)
