"""Results on another grid than their ground truth are refused: voxels of different places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.evaluation_data import (
    RESULT_COLUMNS,
    labels_of_boxes,
    write_findings_file,
    write_ins2cls,
    write_rois,
    write_rows,
    write_volume,
)
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import Grid, grids_apart
from RibFracDetectorLib.evaluation.options import EvaluationOptions
from RibFracDetectorLib.evaluation.run_evaluation import Outcome, Request, run_evaluation

SHAPE, BOX = (30, 24, 20), (2, 3, 4, 8, 9, 9)
LABELS = labels_of_boxes(SHAPE, [BOX])
GRID = Grid(SHAPE, (1.0, 1.0, 1.0))
ELSEWHERE = {
    "spacing": Grid(SHAPE, (2.0, 2.0, 2.0)),
    "origin": Grid(SHAPE, (1.0, 1.0, 1.0), (0.0, 0.0, 5.0)),
    "direction": Grid(SHAPE, (1.0, 1.0, 1.0), direction=(-1, 0, 0, 0, -1, 0, 0, 0, 1)),
    "size": Grid((30, 24, 21), (1.0, 1.0, 1.0)),
}


def findings(run: Path, grid: Grid) -> None:
    write_findings_file(run, "RibFrac1", [(BOX, 0.9)], grid=grid)
    mask(run / "RibFrac1_instances.nii.gz", grid)


def regions(run: Path, grid: Grid) -> None:
    write_rois(run, "RibFrac1", [(BOX, 0.9)], "seg")
    mask(run / "RibFrac1_roi_seg_mask.nii.gz", grid)


def submission(run: Path, grid: Grid) -> None:
    mask(run / "RibFrac1.nii.gz", grid)
    write_rows(run / "pred.csv", RESULT_COLUMNS, [["RibFrac1", 1, 0.9, 1]])


def mask(path: Path, grid: Grid) -> None:
    labels = labels_of_boxes(grid.size, [BOX])
    write_volume(path, labels, grid.spacing, grid.direction, grid.origin)


def evaluate(root: Path, metric: str, **choices: bool) -> Outcome:
    options = EvaluationOptions(replicates=0, **choices)
    return run_evaluation(Request(root / "run", root / "truth", root / "out", (metric,), options))


@pytest.mark.parametrize("metric", ["center", "ribfrac"])
@pytest.mark.parametrize("results", [findings, regions])
@pytest.mark.parametrize("grid", ELSEWHERE.values(), ids=ELSEWHERE)
def test_results_on_another_grid(
    results: Callable[[Path, Grid], None], grid: Grid, metric: str, tmp_path: Path
) -> None:
    mask(tmp_path / "truth" / "RibFrac1-label.nii.gz", GRID)
    results(tmp_path / "run", grid)
    with pytest.raises(
        InputError, match=r"case RibFrac1: the result lies on 30 x 24 x .* its ground truth on 30"
    ):
        evaluate(tmp_path, metric)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("results", [findings, regions])
def test_masks_are_compared_where_only_masks_state_a_grid(
    results: Callable[[Path, Grid], None], tmp_path: Path
) -> None:
    """Without masks the boxes of the JSON files state none; the challenge's metric opens masks always."""
    write_ins2cls(tmp_path / "truth", "RibFrac1", [BOX])
    mask(tmp_path / "truth" / "RibFrac1_instance.nii.gz", GRID)
    results(tmp_path / "run", ELSEWHERE["spacing"])
    evaluate(tmp_path, "center", use_masks=False)
    with pytest.raises(InputError, match="the result lies on"):
        evaluate(tmp_path, "ribfrac", use_masks=False)


def test_a_submission_is_compared_voxel_by_voxel_by_the_challenge_alone(tmp_path: Path) -> None:
    mask(tmp_path / "truth" / "RibFrac1-label.nii.gz", GRID)
    submission(tmp_path / "run", ELSEWHERE["origin"])
    assert "the headers of both masks differ" in evaluate(tmp_path, "ribfrac").notes[-1]
    with pytest.raises(InputError, match="the result lies on"):
        evaluate(tmp_path, "center")


def test_boxes_without_any_grid_are_compared(tmp_path: Path) -> None:
    mask(tmp_path / "truth" / "RibFrac1-label.nii.gz", GRID)
    write_rois(tmp_path / "run", "RibFrac1", [(BOX, 0.9)])
    assert evaluate(tmp_path, "center").headlines["det FROC mean (nine points)"] == 1


@pytest.mark.parametrize("shift", [0.0, 0.45, 0.55])
def test_half_a_voxel_is_the_limit(shift: float) -> None:
    moved = Grid(SHAPE, (1.0, 1.0, 1.0), (shift, 0.0, 0.0))
    assert grids_apart(GRID, moved) == grids_apart(moved, GRID) == (shift > 0.5)


def test_the_same_voxels_in_another_order() -> None:
    """Axes z, -x, y of a tilted grid."""
    angle = np.deg2rad(10)
    tilted = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    one = Grid(SHAPE, (0.7, 0.8, 1.25), (10.0, -20.0, 30.0), tuple(tilted.ravel()))
    last_x = tuple(one.index_to_lps([SHAPE[0] - 1, 0, 0]))
    turned = tilted[:, [2, 0, 1]] * [1, -1, 1]
    other = Grid((20, 30, 24), (1.25, 0.7, 0.8), last_x, tuple(turned.ravel()))
    assert not grids_apart(one, other)
    assert not grids_apart(other, one)
    assert grids_apart(one, Grid((20, 30, 24), (1.25, 0.7, 0.8), one.origin, tuple(turned.ravel())))
