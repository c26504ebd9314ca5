"""The curves of a run as a picture: losses, learning rate and gradients by step, metrics by validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from numpy.typing import NDArray
from RibFracDetectorLib.case.whole_files import written_whole

Rows = Sequence[Mapping[str, str]]

STYLE = {
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
}
COLORS = ("#1f5fa8", "#c2571a", "#2b8a5a", "#7a4fa3", "#8a6d1d", "#5c5c5c")
METRICS = {"mAP": "mAP (IoU 0.2, 0.3)", "froc": "FROC, mean of five points", "dice": "Dice"}


def draw_curves(train: Rows, validation: Rows, path: Path) -> None:
    """Write the picture; rows as `records.Table` reads them."""
    with rc_context(STYLE):
        figure = Figure(figsize=(12, 8), layout="constrained")
        losses, metrics, rate, gradient = figure.subplots(2, 2).ravel()
        _draw_losses(losses, train)
        _draw_metrics(metrics, validation)
        _draw_column(rate, train, "lr", "Learning rate")
        _draw_column(gradient, train, "grad_norm", "Gradient norm before clipping")
        with written_whole(path) as temporary:
            figure.savefig(temporary, format="png", dpi=100, metadata={"Software": None})


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over a window of a twentieth of the curve; NaN counts for nothing."""
    width = max(1, len(values) // 20)
    kernel = np.ones(width)
    finite = np.isfinite(values)
    total = np.convolve(np.where(finite, values, 0), kernel, "same")
    count = np.convolve(finite, kernel, "same")
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _draw_losses(axes: Any, rows: Rows) -> None:
    axes.set(title="Loss", xlabel="Step")
    if not rows:
        return
    steps = _column(rows, "step")
    total = _column(rows, "loss")
    axes.plot(steps, total, color=COLORS[0], alpha=0.25, linewidth=0.8)
    axes.plot(steps, smoothed(total), color=COLORS[0], linewidth=2, label="total")
    for color, (label, names) in zip(COLORS[1:], _parts(rows[0]).items(), strict=False):
        part = sum(_column(rows, name) for name in names)
        axes.plot(steps, smoothed(part), color=color, linewidth=1.5, label=label)
    axes.set_ylim(bottom=0)
    axes.legend(framealpha=0.9, edgecolor="none")


def _parts(row: Mapping[str, str]) -> dict[str, list[str]]:
    """Columns of the parts of the loss, those of the levels joined."""
    found: dict[str, list[str]] = {}
    for name in row:
        label = name.partition("_level")[0] if "_level" in name else name
        if "_level" in name or name in ("cross_entropy", "dice"):
            found.setdefault(label.replace("_", " "), []).append(name)
    return found


def _draw_metrics(axes: Any, rows: Rows) -> None:
    axes.set(title="Validation", xlabel="Epoch", ylim=(0, 1.02))
    if not rows:
        axes.text(0.5, 0.5, "none yet", ha="center", va="center", transform=axes.transAxes, color="#777777")
        return
    for color, (name, label) in zip(COLORS, METRICS.items(), strict=False):
        axes.plot(_column(rows, "epoch"), _column(rows, name), color=color, marker="o", label=label)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(framealpha=0.9, edgecolor="none")


def _draw_column(axes: Any, rows: Rows, name: str, title: str) -> None:
    axes.set(title=title, xlabel="Step")
    if rows:
        axes.plot(_column(rows, "step"), _column(rows, name), color=COLORS[0], linewidth=1.2)
        axes.set_ylim(bottom=0)


def _column(rows: Rows, name: str) -> NDArray[np.float64]:
    """A column; NaN where a row has nothing."""
    return np.array([float(row[name] or "nan") for row in rows])
