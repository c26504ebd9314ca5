"""Views, windows and merges: from a scan to boxes and a foreground probability on the scan's own grid.

Source: spec 5.1-5.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..execution.executor import Executor
from ..progress import Reporter, StageClock
from ..settings import InferenceSettings
from .boxes import ScoredBoxes
from .caps import Caps
from .plan import WindowPlan, plan_windows
from .procedure import Procedure
from .running_mean import RunningMean
from .sliding_window import merge_views, slide
from .spacing import Spacing, adaptive_spacings, nearest_spacing
from .views import ViewGrid, list_views, make_view, plan_view


@dataclass(frozen=True)
class Inference:
    """What the network says about a scan.

    Attributes:
        detections: boxes in voxels of the scan, by descending score.
        probability: foreground probability, float32 [x, y, z]. In mode original it keeps the padding of a
            scan smaller than the window (spec 5.3 [bug]).
        windows: how many windows were run.
        windows_skipped: how many more the whole grid has.
    """

    detections: ScoredBoxes
    probability: NDArray
    windows: int
    windows_skipped: int = 0


def infer(
    voxels: NDArray,
    spacing: Spacing,
    executors: Sequence[Executor],
    settings: InferenceSettings,
    procedure: Procedure,
    caps: Caps,
    clock: StageClock,
) -> Inference:
    """Run every view of the scan and merge them.

    Args:
        voxels: HU [x, y, z].
        spacing: voxel size in mm.
        executors: the network, or several whose results are merged as those of the views are.
        settings: see `InferenceSettings`.
        procedure: the mode.
        caps: told of every limit that was reached.
        clock: times the stages and asks for cancellation.

    Raises:
        CancelledError: when the clock's reporter asks, between two windows.
        NoNumbersError: see `Procedure.check_numbers`.
    """
    grids = plan_views(voxels.shape, spacing, settings)
    with clock.stage("plan"):
        plans = _plan(voxels, spacing, grids, settings, procedure, clock.reporter)
    total = sum(len(plan.starts) for plan in plans) * len(executors)
    skipped = sum(plan.skipped for plan in plans) * len(executors)
    tally = _Tally(total, clock)
    boxes: list[ScoredBoxes] = []
    mean = RunningMean()
    for grid, plan in zip(grids, plans, strict=True):
        with clock.stage("resample"):
            image = make_view(voxels, grid)
        for executor in executors:
            with clock.stage("network"):
                found, margin = slide(
                    image,
                    plan.starts,
                    executor,
                    settings,
                    procedure,
                    caps,
                    clock.reporter,
                    tally.one_more,
                )
            with clock.stage("merge"):
                boxes.append(procedure.boxes_to_scan(found, grid))
                mean.add(procedure.probability_on_scan(margin.cpu(), grid))
    with clock.stage("merge"):
        detections = merge_views(boxes, settings, caps) if len(boxes) > 1 else boxes[0]
    return Inference(detections, mean.result(), total, skipped)


def nothing_found(size: Sequence[int]) -> Inference:
    """The inference of a scan in which no window was run."""
    return Inference(ScoredBoxes.empty(), np.zeros(size, np.float32), windows=0)


def plan_views(size: Sequence[int], spacing: Spacing, settings: InferenceSettings) -> list[ViewGrid]:
    """The grids of the views a scan needs."""
    views = list_views(_spacings(spacing, settings), settings.flips)
    return [plan_view(size, spacing, view, settings.roi_size) for view in views]


def _plan(
    voxels: NDArray,
    spacing: Spacing,
    grids: Sequence[ViewGrid],
    settings: InferenceSettings,
    procedure: Procedure,
    reporter: Reporter,
) -> list[WindowPlan]:
    """The windows of every view; tells the user of doubts that cost time."""
    region = procedure.find_ribs(voxels, spacing)
    if region is not None and region.doubt and not settings.exhaustive:
        reporter.note(f"no window was left out that could be: {region.doubt}")
    return [
        plan_windows(grid, region, settings.roi_size, settings.overlap, settings.exhaustive) for grid in grids
    ]


def _spacings(spacing: Spacing, settings: InferenceSettings) -> Sequence[Spacing | None]:
    if settings.target_spacings == "adaptive":
        return adaptive_spacings(spacing, settings.spacing_range)
    if settings.target_spacings == "nearest":
        return nearest_spacing(spacing, settings.spacing_range)
    return settings.target_spacings


class _Tally:
    """Counts the windows of all views together."""

    def __init__(self, total: int, clock: StageClock) -> None:
        self._done, self._total, self._clock = 0, total, clock

    def one_more(self) -> None:
        self._done += 1
        self._clock.reporter.tile(self._done, self._total)
