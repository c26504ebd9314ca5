"""The scans on which a run did worst, and a picture of each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from ..case.errors import InputError
from ..case.findings import CtReference
from ..case.masks import read_mask
from ..case.reading import read_ct
from ..case.sources import check_present
from .cases import Detections, Lesions
from .figure_text import plain_text
from .matching import NEVER, CaseMatch, match_centers
from .pairing import PairedList
from .predictions import CaseResult

_CT_SUFFIXES = ("_image.nii.gz", "_image.nii", "-image.nii.gz", "-image.nii")
_FOUND, _MISSED, _RIGHT, _FALSE = "#2fbf71", "#ffb000", "#4da3ff", "#ff4d4d"
_PLANES = (("coronal (from the front)", 0, 2), ("axial (from below)", 0, 1))


@dataclass(frozen=True)
class WorstCase:
    """One scan with its errors among the detections with score >= `score`."""

    case_id: str
    lesions: Lesions
    detections: Detections
    score: float
    missed: int
    false_positives: int


def worst_cases(paired: PairedList, score: float, count: int) -> list[WorstCase]:
    """The `count` scans with most errors (missed lesions + false positives), none without an error."""
    rows = []
    for case_id, lesions, detections in zip(paired.case_ids, paired.lesions, paired.detections, strict=True):
        match = match_centers(lesions, detections)
        missed, false = _errors(match, score)
        if missed + false:
            rows.append(WorstCase(case_id, lesions, detections, score, missed, false))
    return sorted(rows, key=lambda row: (-row.missed - row.false_positives, -row.missed, row.case_id))[:count]


def _errors(match: CaseMatch, score: float) -> tuple[int, int]:
    missed = np.count_nonzero(match.hit_scores < score) if np.isfinite(score) else len(match.hit_scores)
    return int(missed), int(np.count_nonzero((match.scores >= score) & ~match.true))


@dataclass(frozen=True)
class CtFile:
    """Where a CT lies, and how the findings that name the file recognise it."""

    path: Path
    reference: CtReference | None = None


def find_ct(case_id: str, ground_truth: Path, result: CaseResult | None) -> CtFile | None:
    """The CT of a scan, if it is there: of the ground truth folder, or the file that the findings name.

    In the folder it is called `{case}_image.nii[.gz]` or `{case}-image.nii[.gz]`.
    """
    places = [CtFile(ground_truth / f"{case_id}{suffix}") for suffix in _CT_SUFFIXES]
    if result is not None and result.findings is not None:
        places.append(CtFile(Path(result.findings.ct.path), result.findings.ct))
    return next((place for place in places if _is_there(place.path)), None)


def _is_there(path: Path) -> bool:
    try:
        check_present(path)
    except InputError:
        return False
    return True


def case_figure(case: WorstCase, ct: CtFile | None) -> Figure:
    """Lesions and detections of one scan, projected along two axes.

    Behind them lies the CT, else the lesions' mask, else nothing. A file that is no longer the CT of the
    findings is not shown: it may be another patient's.
    """
    background, spacing, source = _background(case, ct)
    figure = Figure(figsize=(11, 5.2), layout="constrained", facecolor="white")
    for axes, (name, first, second) in zip(figure.subplots(1, 2), _PLANES, strict=True):
        if background is not None:
            _draw_projection(axes, background, first, second)
        axes.set_aspect(spacing[second] / spacing[first])
        axes.set_facecolor("black")
        _draw_boxes(axes, case, first, second)
        _set_limits(axes, case, background, first, second)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("patient right  <  x  >  left [voxel]", fontsize=8)
        axes.tick_params(labelsize=8)
    figure.suptitle(
        f"{plain_text(case.case_id)}: {case.missed} missed, {case.false_positives} false{source}", fontsize=11
    )
    return figure


def _background(case: WorstCase, ct: CtFile | None) -> tuple[NDArray | None, tuple[float, float, float], str]:
    """A volume (x, y, z) to project, the spacing, and what it is."""
    remark = ""
    if ct is not None:
        try:
            scan = read_ct(ct.path)
            if ct.reference is None or ct.reference.matches(scan) is None:
                return np.clip(scan.voxels, -100, 900), scan.grid.spacing, " (maximum projection of the CT)"
            remark = ", the file of the CT holds another one"
        except InputError:
            remark = ", the CT cannot be read"
    if case.lesions.mask is not None:
        labels, grid = read_mask(case.lesions.mask)
        return labels > 0, grid.spacing, f" (projection of the true mask{remark})"
    return None, case.lesions.spacing or (1.0, 1.0, 1.0), f" (boxes only{remark})"


def _draw_projection(axes: Axes, volume: NDArray, first: int, second: int) -> None:
    """The largest value along the third axis; voxel i spans i to i + 1, as half-open boxes count."""
    width, height = volume.shape[first], volume.shape[second]
    down = second == 1  # y grows to the back, which radiologists draw downwards
    axes.imshow(
        volume.max(axis=3 - first - second).T,
        cmap="gray",
        interpolation="nearest",
        origin="upper" if down else "lower",
        extent=(0, width, height, 0) if down else (0, width, 0, height),
    )


def _draw_boxes(axes: Axes, case: WorstCase, first: int, second: int) -> None:
    shown = case.detections.scores >= case.score
    match = match_centers(case.lesions, case.detections)
    for box, hit in zip(case.lesions.boxes, match.hit_scores, strict=True):
        found = hit > NEVER and hit >= case.score
        _draw_box(axes, box, first, second, _FOUND if found else _MISSED, "-" if found else "--")
    order = np.argsort(-case.detections.scores, kind="stable")
    for index, right in zip(order, match.true, strict=True):
        if shown[index]:
            color = _RIGHT if right else _FALSE
            box = case.detections.boxes[index]
            _draw_box(axes, box, first, second, color, "-")
            upper = box[second] if second == 1 else box[second + 3]
            axes.annotate(
                f"{case.detections.scores[index]:.2f}",
                (box[first], upper),
                xytext=(0, 2),
                textcoords="offset points",
                color=color,
                fontsize=8,
                path_effects=[withStroke(linewidth=2, foreground="black")],
            )


def _draw_box(axes: Axes, box: NDArray, first: int, second: int, color: str, style: str) -> None:
    width, height = box[first + 3] - box[first], box[second + 3] - box[second]
    corner = (box[first], box[second])
    axes.add_patch(Rectangle(corner, width, height, fill=False, color=color, linestyle=style, linewidth=1.4))


def _set_limits(axes: Axes, case: WorstCase, background: NDArray | None, first: int, second: int) -> None:
    if background is not None:
        high = (background.shape[first], background.shape[second])
    else:
        boxes = np.concatenate([case.lesions.boxes, case.detections.boxes])
        high = (boxes[:, first + 3].max() + 5, boxes[:, second + 3].max() + 5)
    axes.set_xlim(0, high[0])
    axes.set_ylim((high[1], 0) if second == 1 else (0, high[1]))
