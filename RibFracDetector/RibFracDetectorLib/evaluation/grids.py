"""Results and ground truth of one scan lie on one grid: boxes and masks are compared voxel by voxel."""

from __future__ import annotations

from ..case.errors import InputError
from ..case.geometry import Grid, grid_text, grids_apart
from ..case.reading import grid_in_header
from .ground_truth import GroundTruth
from .predictions import CaseResult, Predictions


def check_grids(truth: GroundTruth, predictions: Predictions, use_masks: bool) -> None:
    """Compare the grids of every scan for which both sides state one; boxes alone state none.

    Args:
        use_masks: whether the headers of results without findings are read.

    Raises:
        InputError: a result lies elsewhere than its ground truth, or its mask cannot be read.
    """
    for case_id in sorted(truth.cases.keys() & predictions.cases.keys()):
        expected, found = truth.cases[case_id].grid, _stated(predictions.cases[case_id], use_masks)
        if expected is not None and found is not None:
            refuse_other_grid(case_id, found, expected)


def refuse_other_grid(case_id: str, found: Grid, expected: Grid) -> None:
    """Refuse a result whose voxels are not those of its ground truth.

    Raises:
        InputError: both grids.
    """
    if grids_apart(found, expected):
        raise InputError(
            f"case {case_id}: the result lies on {grid_text(found)}, its ground truth on "
            f"{grid_text(expected)}; one grid is expected: give results and ground truth of the same scan"
        )


def _stated(case: CaseResult, use_masks: bool) -> Grid | None:
    if case.findings is not None:
        return case.findings.ct.grid
    mask = case.seg_mask or case.instances
    return grid_in_header(mask) if use_masks and mask is not None else None
