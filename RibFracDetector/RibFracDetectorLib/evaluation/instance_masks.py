"""Instance masks with their rows in the form the RibFrac Challenge scores: labels, confidences, class codes.

Submissions are taken as they are, voxel by voxel in the order of the file, as the official code does. Our
own and the original's results are put on the grid of the ground truth, and renumbered: regions only (a
detection without a region has no mask to submit), 1..n by descending score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..case.errors import InputError
from ..case.findings import CaseFindings
from ..case.geometry import Grid, reindex
from ..case.images import array_of, grid_of
from ..case.masks import read_mask
from ..case.reading import open_image
from .cases import Lesions
from .components import connected_components, raster_voxels
from .grids import refuse_other_grid
from .ground_truth import GroundTruth
from .predictions import CaseResult, Predictions, label_array
from .ribfrac_files import CLASS_NAMES, IGNORED_CODE, LabelRow


@dataclass(frozen=True)
class LabelledMask:
    """Labels (x, y, z) along the axes of `grid`, which is that of a file, and a row for each label."""

    labels: NDArray[np.integer]
    grid: Grid
    rows: Mapping[int, LabelRow]


def read_stored(path: Path) -> tuple[NDArray[np.integer], Grid]:
    """An instance mask in the order of its file, without reorientation."""
    image, _ = open_image(path)
    return label_array(array_of(image), path), grid_of(image)


def truth_mask(truth: GroundTruth, case_id: str) -> LabelledMask:
    """The fractures of one scan.

    Classes without a code of the challenge, and unstated ones, become "Ignore".

    Raises:
        InputError: the scan has no instance mask.
    """
    lesions = truth.cases[case_id]
    if lesions.mask is None:
        raise InputError(f"case {case_id} has no instance mask; --metric ribfrac compares masks")
    labels, grid = read_stored(lesions.mask)
    stated = {} if truth.ribfrac is None else truth.ribfrac.rows.get(case_id, {})
    return LabelledMask(labels, grid, {**_rows_of(lesions), **stated})


def _rows_of(lesions: Lesions) -> dict[int, LabelRow]:
    pairs = zip(lesions.instances.tolist(), lesions.classes.tolist(), strict=True)
    rows = {
        value: LabelRow(value, code if code in CLASS_NAMES and code > 0 else IGNORED_CODE)
        for value, code in pairs
    }
    return {0: LabelRow(0, 0), **rows}


def result_mask(predictions: Predictions, case_id: str, grid: Grid) -> LabelledMask:
    """The predicted regions of one scan; empty if it has no result.

    Args:
        predictions: the run.
        case_id: the scan.
        grid: that of the ground truth's file; ignored for submissions.

    Raises:
        InputError: mask and table disagree, or the mask does not fit the grid.
    """
    case = predictions.cases.get(case_id)
    if case is None:
        return LabelledMask(np.zeros(grid.size, dtype=np.uint8), grid, {})
    if predictions.submission is not None:
        labels, stored = read_stored(case.instances)
        return LabelledMask(labels, stored, predictions.submission.rows.get(case_id, {}))
    labels, own_grid, scores = labelled_regions(case_id, case)
    refuse_other_grid(case_id, own_grid, grid)
    return renumbered(reindex(labels, own_grid, grid), grid, scores)


def renumbered(labels: NDArray[np.integer], grid: Grid, scores: Mapping[int, float]) -> LabelledMask:
    """The regions numbered 1..n by descending score; their class is not stated."""
    order = sorted(scores, key=lambda value: (-scores[value], value))
    lookup = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int32)
    lookup[order] = np.arange(1, len(order) + 1)
    rows = {new: LabelRow(new, IGNORED_CODE, scores[old]) for new, old in enumerate(order, 1)}
    return LabelledMask(lookup[labels], grid, rows)


def labelled_regions(case_id: str, case: CaseResult) -> tuple[NDArray[np.integer], Grid, dict[int, float]]:
    """The regions of one case's result: labels (x, y, z), LPS, their grid, and the score of each label."""
    if case.instances is not None and case.findings is not None:
        return _finding_regions(case.instances, case.findings)
    if case.seg_mask is not None and "seg" in case.lists:
        return _seed_regions(case_id, case)
    raise InputError(f"case {case_id} has no mask; --metric ribfrac needs *_instances or *_roi_seg_mask")


def _finding_regions(mask: Path, content: CaseFindings) -> tuple[NDArray[np.integer], Grid, dict[int, float]]:
    array, grid = read_mask(mask)
    labels = label_array(array, mask)
    scores = {finding.id: finding.score for finding in content.findings}
    painted = set(np.unique(labels).tolist()) - {0}
    if painted - scores.keys():
        strange = sorted(painted - scores.keys())
        raise InputError(f"{mask} holds labels {strange} that the findings lack; detect the case again")
    return labels, grid, {value: scores[value] for value in painted}


def _seed_regions(case_id: str, case: CaseResult) -> tuple[NDArray[np.integer], Grid, dict[int, float]]:
    """The components of the original's binary mask, each with the score of the entry of the same box."""
    array, grid = read_mask(case.seg_mask)
    voxels = raster_voxels(array)
    components = connected_components(voxels, array.shape)
    rois = case.lists["seg"]
    score_of_box: dict[tuple[int, ...], list[float]] = {}
    for box, score in zip(rois.boxes.astype(int).tolist(), rois.scores.tolist(), strict=True):
        score_of_box.setdefault(tuple(box), []).append(score)
    labels = np.zeros(array.shape, dtype=np.int32)
    labels[tuple(voxels.T)] = components + 1
    scores: dict[int, float] = {}
    for value, box in enumerate(component_boxes(voxels, components), 1):
        if not score_of_box.get(box):
            raise InputError(
                f"case {case_id}: {case.seg_mask.name} has a region {box} that the JSON lacks; detect anew"
            )
        scores[value] = score_of_box[box].pop(0)
    left = sum(len(rest) for rest in score_of_box.values())
    if left:
        raise InputError(f"case {case_id}: the JSON has {left} regions that {case.seg_mask.name} lacks")
    return labels, grid, scores


def component_boxes(voxels: NDArray[np.int64], components: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """Half-open boxes of components 0..n-1."""
    count = int(components.max(initial=-1)) + 1
    low, high = np.full((count, 3), np.iinfo(np.int64).max), np.full((count, 3), -1)
    np.minimum.at(low, components, voxels)
    np.maximum.at(high, components, voxels + 1)
    return [tuple(box) for box in np.hstack([low, high]).tolist()]
