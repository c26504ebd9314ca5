"""The figures of an evaluation, as matplotlib figures without any global state."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .center_metric import BAND_POINTS, CenterList
from .figure_text import plain_text
from .matching import Pool
from .output import write_bytes

COLORS = ("#1f5fa8", "#c2571a", "#2b8a5a", "#7a4fa3", "#8a6d1d")
_TICKS = (0.125, 0.25, 0.5, 1, 2, 4, 8)
_STYLE: Mapping[str, Any] = {
    "font.size": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "svg.hashsalt": "ribfrac",  # the same figure gives the same file
}


def froc_figure(runs: Mapping[str, CenterList]) -> Figure:
    """FROC curves with their bootstrap bands, in the original's frame (16 x 8 in, x 0.125-8, y 0-1.1)."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(16, 8), layout="constrained")
        axes = figure.subplots()
        lines = [
            _draw_curve(axes, run, color)
            for color, run in zip(_cycled(len(runs)), runs.values(), strict=True)
        ]
        axes.set_xscale("log", base=2)
        axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS])
        axes.set(xlim=(0.125, 8), ylim=(0, 1.1), xlabel="False positives per scan", ylabel="Sensitivity")
        # Handles and labels together: matplotlib leaves lines whose own label begins with "_" out.
        labels = [_label(name, run) for name, run in runs.items()]
        axes.legend(lines, labels, loc="lower right", frameon=False)
    return figure


def _draw_curve(axes: Axes, run: CenterList, color: str) -> Line2D:
    """Draw a curve with its band; the curve's line."""
    if not run.pool.n_lesions:
        return axes.plot([], [], color=color)[0]
    x, y = extended(run.curve.fp_per_scan, run.curve.sensitivity)
    if run.band is not None:
        axes.fill_between(BAND_POINTS, run.band.low, run.band.high, color=color, alpha=0.15, linewidth=0)
    return axes.plot(x, y, color=color, linewidth=2)[0]


def _label(name: str, run: CenterList) -> str:
    if not run.pool.n_lesions:
        return f"{plain_text(name)}: no lesions, no sensitivity"
    mean = run.values["mean_of_challenge_points"]
    return f"{plain_text(name)} (mean at 0.5, 1, 2, 4, 8: {mean:.3f})"


def extended(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A curve continued as `froc.sensitivity_at` reads it: constant outside its points."""
    if not len(x):
        return np.array([0.0, 1e4]), np.zeros(2)
    return np.concatenate([[1e-4], x, [1e4]]), np.concatenate([y[:1], y, y[-1:]])


def official_figure(values: Mapping[str, Any]) -> Figure:
    """The curve of the RibFrac Challenge with its five points."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.subplots()
        axes.plot(values["curve_fp"], values["curve_recall"], color=COLORS[0], marker=".", linewidth=1.5)
        axes.plot(values["key_fp"], values["key_recall"], "o", color=COLORS[1], label="official points")
        axes.set(ylim=(0, 1.05), xlabel="False positives per scan", ylabel="Recall (IoU > 0.2)")
        axes.set_xlim(0, 8.2)
        axes.legend(loc="lower right", frameon=False)
    return figure


def reliability_figure(reliability: Mapping[str, Any]) -> Figure:
    """Share of correct detections over their mean score, with the number of detections of each bin."""
    bins = [row for row in reliability["bins"] if row["detections"]]
    with rc_context(_STYLE):
        figure = Figure(figsize=(6, 5), layout="constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color="#999999", linestyle="--", label="perfectly calibrated")
        axes.plot(
            [row["mean_score"] for row in bins],
            [row["correct"] for row in bins],
            color=COLORS[0],
            marker="o",
            label="measured",
        )
        for row in bins:
            place = (row["mean_score"], row["correct"])
            axes.annotate(
                str(row["detections"]), place, xytext=(0, 8), textcoords="offset points", fontsize=9
            )
        axes.set(
            xlim=(0, 1),
            ylim=(0, 1.08),
            xlabel="Mean score of the bin",
            ylabel="Share that touches a fracture",
        )
        axes.legend(loc="upper left", frameon=False)
    return figure


def score_figure(pool: Pool) -> Figure:
    """Distribution of the scores of right and of false detections."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(6, 5), layout="constrained")
        axes = figure.subplots()
        axes.hist(
            [pool.scores[pool.true], pool.scores[~pool.true]],
            bins=np.linspace(0, 1, 26),
            stacked=True,
            color=[COLORS[2], COLORS[1]],
            label=["touches a fracture", "false positive"],
        )
        axes.set(xlim=(0, 1), xlabel="Score", ylabel="Detections")
        axes.legend(loc="upper right", frameon=False)
    return figure


def save_figure(figure: Figure, folder: Path, name: str) -> None:
    """Write `{name}.pdf` and `{name}.png`; the same figure gives the same bytes."""
    write_bytes(folder / f"{name}.pdf", _rendered(figure, "pdf", {"CreationDate": None}))
    write_bytes(folder / f"{name}.png", _rendered(figure, "png", {"Software": None}))


def data_uri(figure: Figure, picture_format: str = "svg") -> str:
    """A figure as the source of an HTML image, nothing to be fetched."""
    kind = {"svg": "svg+xml", "png": "png"}[picture_format]
    metadata = {"Date": None} if picture_format == "svg" else {"Software": None}
    content = base64.b64encode(_rendered(figure, picture_format, metadata)).decode()
    return f"data:image/{kind};base64,{content}"


def _rendered(figure: Figure, picture_format: str, metadata: Mapping[str, None]) -> bytes:
    stream = io.BytesIO()
    with rc_context(_STYLE):
        figure.savefig(stream, format=picture_format, metadata=dict(metadata), dpi=100)
    return stream.getvalue()


def _cycled(count: int) -> Sequence[str]:
    return [COLORS[index % len(COLORS)] for index in range(count)]
