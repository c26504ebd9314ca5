"""How many false positives to expect at a threshold, if that was measured on patients.

A number from simulated scans would mislead whoever reads a patient's, so there is none then.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..case.errors import InputError


@dataclass(frozen=True)
class ExpectedFalsePositives:
    """A figure and where it comes from.

    Attributes:
        per_scan: false positives a scan.
        measured_on: the data.
        scans: how many scans these were.
    """

    per_scan: float
    measured_on: str
    scans: int

    def __str__(self) -> str:
        return f"about {self.per_scan:.1f} false positives a scan on {self.measured_on} ({self.scans} scans)"


def read_threshold_table(path: Path) -> Mapping[str, Any]:
    """The content of a `threshold_table.json`.

    Raises:
        InputError: the file cannot be read, or is something else.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the threshold table {path} cannot be read: {error}") from error
    if not isinstance(table, dict) or not {"measured_on", "tables"} <= table.keys():
        raise InputError(
            f"{path} holds no threshold table; expected the threshold_table.json of `ribfrac evaluate`"
        )
    return table


def expected_false_positives(table: Mapping[str, Any], threshold: float) -> ExpectedFalsePositives | None:
    """What `threshold_table.json` of an evaluation says; None unless it was measured on real scans.

    Args:
        table: the content of the file.
        threshold: of the slider.
    """
    try:
        measured_on = table["measured_on"]
        if measured_on["data"] != "real":
            return None
        rows = table["tables"]["findings"]
        place = bisect_right([row["threshold"] for row in rows], threshold + 1e-9) - 1
        scans = measured_on["lists"]["findings"]["scans"]
        return ExpectedFalsePositives(rows[max(place, 0)]["fp_per_scan"], measured_on["title"], scans)
    except (KeyError, TypeError, IndexError):
        return None
