"""The files of a RibFrac Challenge submission, from saved results: `{case}.nii.gz` and one table.

The challenge's evaluation stores labels in 8 bits, so a scan may have 255 of them; the best are kept. Our
detector names no class: every row has the code -1 ("Ignore"), which the classification score passes over.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..case.errors import InputError
from ..case.geometry import Grid
from ..case.masks import write_mask_on
from ..case.whole_files import writing_to
from .instance_masks import labelled_regions, read_stored, renumbered
from .output import write_csv
from .predictions import CaseResult, Predictions

TABLE = "ribfrac-pred.csv"
COLUMNS = ("public_id", "label_id", "confidence", "label_code")
MAX_LABELS = 255


def write_submission(folder: Path, predictions: Predictions) -> list[str]:
    """Write every case of a run, on the grid of its own mask file.

    Args:
        folder: where to; created if it is absent.
        predictions: results with masks, no submission.

    Returns:
        what was left out, one line a case.

    Raises:
        InputError: the run is a submission already, or a case has no mask, or the folder cannot be
            made.
    """
    if predictions.submission is not None:
        raise InputError(f"{predictions.folder} is a submission already; give the results it was made of")
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    rows: list[tuple[str, int, float, int]] = []
    notes: list[str] = []
    for case_id, case in predictions.cases.items():
        labels, grid, scores = labelled_regions(case_id, case)
        mask = renumbered(labels, grid, scores)
        kept = {label: row for label, row in mask.rows.items() if label <= MAX_LABELS}
        best = np.where(mask.labels <= MAX_LABELS, mask.labels, 0).astype(np.uint8)
        write_mask_on(folder / f"{case_id}.nii.gz", best, grid, stored_grid_of(case))
        rows.append((case_id, 0, 1.0, 0))
        rows += [(case_id, label, row.confidence, row.label_code) for label, row in kept.items()]
        notes += _left_out(case_id, case, len(mask.rows))
    write_csv(folder / TABLE, COLUMNS, rows)
    return notes


def stored_grid_of(case: CaseResult) -> Grid:
    """The grid of the case's mask file, which is that of the CT's file."""
    return read_stored(case.instances or case.seg_mask)[1]


def _left_out(case_id: str, case: CaseResult, regions: int) -> list[str]:
    notes = []
    if regions > MAX_LABELS:
        notes.append(f"{case_id}: {regions - MAX_LABELS} regions left out; a scan may have {MAX_LABELS}")
    unmasked = len(case.findings.findings) - regions if case.findings else 0
    if unmasked > 0:
        notes.append(f"{case_id}: {unmasked} findings left out; only findings with a region have a mask")
    return notes
