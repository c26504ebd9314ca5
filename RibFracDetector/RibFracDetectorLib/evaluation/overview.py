"""One picture of a case: where the findings are, and what the best of them look like.

Left, a coronal maximum intensity projection of bone with a numbered box for every finding; right, axial
crops of the highest scores in the bone window. Seen as radiologists do: the patient's right is on the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..case.ct import CtVolume
from ..case.findings import CaseFindings, Finding
from .figure_text import plain_text

BONE_WINDOW = (-200.0, 1000.0)
PROJECTION_WINDOW = (0.0, 1200.0)
CROP_MM = 60.0
CROP_ROWS, CROP_COLUMNS = 3, 3
LABELLED = 30  # more numbers than this hide the picture they explain
BOX_COLOR, MASK_COLOR, FLAGGED_COLOR = "#ffb000", "#3ddbd9", "#8d8d8d"


def draw_overview(
    path: Path, ct: CtVolume, case: CaseFindings, instances: NDArray[np.uint16], banner: str | None = None
) -> None:
    """Write the overview as PNG.

    Args:
        path: the file to write.
        ct: the scan.
        case: its findings, by descending score; boxes in voxels of `ct`.
        instances: finding ids [x, y, z] on the grid of `ct`.
        banner: a warning across the top, for weights that are simulated or random.
    """
    figure = Figure(figsize=(14, 8.2), facecolor="black")
    FigureCanvasAgg(figure)
    outer = figure.add_gridspec(
        1, 2, width_ratios=(1, 1), left=0.01, right=0.99, top=0.86, bottom=0.05, wspace=0.03
    )
    _draw_projection(figure.add_subplot(outer[0]), ct, case.above_threshold)
    crops = GridSpecFromSubplotSpec(CROP_ROWS, CROP_COLUMNS, outer[1], wspace=0.04, hspace=0.16)
    for cell, finding in zip(crops, case.above_threshold, strict=False):
        _draw_crop(figure.add_subplot(cell), ct, finding, instances)
    _write_captions(figure, case, banner)
    figure.savefig(path, format="png", dpi=110, facecolor="black")


def _draw_projection(axes: Axes, ct: CtVolume, findings: Sequence[Finding]) -> None:
    projection = ct.voxels.max(axis=1).astype(np.float32)
    _show(axes, projection, (ct.grid.spacing[0], ct.grid.spacing[2]), PROJECTION_WINDOW)
    for finding in reversed(findings):
        x1, _, z1, x2, _, z2 = finding.box_voxels
        color = _color(finding)
        labelled = finding.id <= LABELLED
        axes.add_patch(
            Rectangle(
                (x1, z1),
                x2 - x1,
                z2 - z1,
                fill=False,
                edgecolor=color,
                linewidth=1.1,
                alpha=1 if labelled else 0.4,
            )
        )
        if labelled:
            axes.text(x2, z2, str(finding.id), color=color, fontsize=8, ha="left", va="bottom")
    _mark_sides(axes, projection.shape)


def _draw_crop(axes: Axes, ct: CtVolume, finding: Finding, instances: NDArray[np.uint16]) -> None:
    box = np.asarray(finding.box_voxels)
    center = (box[:3] + box[3:]) / 2
    window, z = _crop_around(center, ct)
    image = ct.voxels[window[0], window[1], z].astype(np.float32)
    _show(axes, image, ct.grid.spacing[:2], BONE_WINDOW, flipped=True)
    corner = np.array([window[0].start, window[1].start])
    low, high = box[:2] - corner, box[3:5] - corner
    axes.add_patch(
        Rectangle(
            tuple(low), *(high - low), fill=False, edgecolor=_color(finding), linewidth=1.0, linestyle=":"
        )
    )
    mask = instances[window[0], window[1], z] == finding.id
    if mask.any() and not mask.all():
        axes.contour(mask.T, levels=[0.5], colors=MASK_COLOR, linewidths=0.9)
    flags = f" · {', '.join(finding.flags)}" if finding.flags else ""
    axes.set_title(
        f"{finding.id} · {finding.score:.2f} · slice {z}{flags}", color="white", fontsize=8.5, pad=3
    )


def _crop_around(center: NDArray, ct: CtVolume) -> tuple[tuple[slice, slice], int]:
    """The in-plane window of `CROP_MM` around a voxel, moved inside the scan, and the slice."""
    windows = []
    for axis in (0, 1):
        extent = ct.voxels.shape[axis]
        width = min(round(CROP_MM / ct.grid.spacing[axis]), extent)
        start = int(np.clip(round(center[axis] - width / 2), 0, extent - width))
        windows.append(slice(start, start + width))
    z = int(np.clip(round(center[2]), 0, ct.voxels.shape[2] - 1))
    return (windows[0], windows[1]), z


def _show(
    axes: Axes, image: NDArray, spacing: Sequence[float], window: tuple[float, float], flipped: bool = False
) -> None:
    axes.imshow(
        image.T,
        cmap="gray",
        vmin=window[0],
        vmax=window[1],
        aspect=spacing[1] / spacing[0],
        origin="upper" if flipped else "lower",
        interpolation="bilinear",
    )
    axes.set_axis_off()
    axes.autoscale(False)  # a box that sticks out must not shrink the picture


def _mark_sides(axes: Axes, size: Sequence[int]) -> None:
    style = {"color": "white", "fontsize": 12, "va": "center", "fontweight": "bold"}
    axes.text(size[0] * 0.02, size[1] / 2, "R", ha="left", **style)
    axes.text(size[0] * 0.98, size[1] / 2, "L", ha="right", **style)


def _color(finding: Finding) -> str:
    return FLAGGED_COLOR if finding.flags else BOX_COLOR


def _write_captions(figure: Figure, case: CaseFindings, banner: str | None) -> None:
    count = len(case.above_threshold)
    shown = min(count, CROP_ROWS * CROP_COLUMNS)
    headline = f"{case.case_id}: {count} finding{'' if count == 1 else 's'}"
    headline += f", the best {shown} shown" if count > shown else ""
    figure.text(0.012, 0.955, headline, color="white", fontsize=15, va="center")
    models = ", ".join(
        f"{weights.name or Path(weights.path).name} (configuration {weights.architecture})"
        for weights in case.provenance.weights
    )
    detail = f"{models} · mode {case.provenance.mode}"
    figure.text(0.012, 0.905, plain_text(detail), color="#c6c6c6", fontsize=10, va="center")
    figure.text(
        0.012,
        0.018,
        "For research use only; not a medical device.  Boxes: findings (grey: flagged).  Cyan: segmentation."
        "  Slices are counted from 0 at the feet.",
        color="#c6c6c6",
        fontsize=9,
        va="center",
    )
    if not count:
        text = f"No finding of {case.threshold:.2f} or more.\nThis does not exclude a fracture."
        figure.text(0.75, 0.5, text, color="white", fontsize=14, ha="center", va="center")
    if banner:
        figure.text(
            0.988,
            0.955,
            banner,
            color="black",
            backgroundcolor=BOX_COLOR,
            fontsize=11,
            ha="right",
            va="center",
        )
