"""Findings at the places of shams, and at the same places of the untouched scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from records import read_record
from RibFracDetectorLib.case.naming import case_id_from_name
from RibFracDetectorLib.evaluation.boxes import points_in_boxes
from RibFracDetectorLib.evaluation.cases import Detections
from RibFracDetectorLib.evaluation.predictions import read_predictions

LIST = "findings"


def count_at_places(folder: Path, untouched: Path, threshold: float) -> dict[str, Any]:
    """How many places raise a finding, of all places of a data set of real scans with shams.

    Args:
        folder: with `data` of `ribfrac simulate` and `results` of `ribfrac detect`.
        untouched: results of the same scans, named after their files.
        threshold: lowest score that counts.
    """
    before, after = read_predictions(untouched).cases, read_predictions(folder / "results").cases
    counts = np.zeros((2, 2), dtype=np.int64)
    for case, result in after.items():
        record = read_record(folder / "data", case)
        places = np.array([sham["centre"] for sham in record["shams"]], dtype=np.float64).reshape(-1, 3)
        scan = case_id_from_name(Path(record["ct"]))
        with_sham = _raised(places, result.lists[LIST], threshold)
        without = _raised(places, before[scan].lists[LIST], threshold)
        np.add.at(counts, (with_sham.astype(int), without.astype(int)), 1)
    return {
        "places": int(counts.sum()),
        "raised_by_sham": int(counts[1].sum()),
        "raised_untouched": int(counts[:, 1].sum()),
        "raised_by_sham_alone": int(counts[1, 0]),
    }


def _raised(places: NDArray[np.float64], found: Detections, threshold: float) -> NDArray[np.bool_]:
    """Whether each place (n, 3) lies in the box of a finding that counts."""
    return points_in_boxes(places, found.boxes[found.scores >= threshold]).any(axis=1)
