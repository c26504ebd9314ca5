"""What the same scan costs by the original's procedure and by MONAI's sliding window.

Both take many minutes for a whole scan on a CPU, so some windows are timed and the result is scaled to the
number of windows that the procedure runs; the result says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from machine import seconds
from monai.inferers import sliding_window_inference
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.engine.execution.torch_executor import TorchExecutor
from RibFracDetectorLib.engine.inference.caps import Caps
from RibFracDetectorLib.engine.inference.infer import plan_views
from RibFracDetectorLib.engine.inference.original import OriginalProcedure
from RibFracDetectorLib.engine.inference.sliding_window import slide
from RibFracDetectorLib.engine.inference.views import make_view
from RibFracDetectorLib.engine.inference.windows import axis_starts, window_starts
from RibFracDetectorLib.engine.progress import SilentReporter
from RibFracDetectorLib.engine.settings import InferenceSettings, resolve_settings
from RibFracDetectorLib.engine.weights import Weights
from torch.nn.functional import interpolate


def original_procedure(ct: CtVolume, weights: Weights, count: int, window: list[str]) -> dict[str, Any]:
    """Mode `original`: plain eager PyTorch in float32, every window of both spacings, dead level skipped."""
    settings = resolve_settings("original", assignments=window)
    grids = plan_views(ct.voxels.shape, ct.grid.spacing, settings)
    starts = [window_starts(grid.padded_size, settings.roi_size, settings.overlap) for grid in grids]
    image = make_view(ct.voxels, grids[0])
    executor = TorchExecutor(weights.network(), torch.device("cpu"), "fp32", 1)
    timed = starts[0][len(starts[0]) // 2 :][:count]
    taken = seconds(
        lambda: slide(
            image,
            timed,
            executor,
            settings,
            OriginalProcedure(),
            Caps(),
            SilentReporter(),
            lambda: None,
        )
    )
    return _scaled(taken, len(timed), sum(map(len, starts)))


def monai_sliding_window(ct: CtVolume, weights: Weights, count: int, window: list[str]) -> dict[str, Any]:
    """MONAI's `sliding_window_inference` around the same network, segmentation only, at one spacing."""
    settings = resolve_settings("standard", assignments=window)
    (grid,) = plan_views(ct.voxels.shape, ct.grid.spacing, settings)
    total = len(window_starts(grid.padded_size, settings.roi_size, settings.overlap))
    image, windows = _part_of(make_view(ct.voxels, grid), settings, count)
    network = weights.network()
    normalised = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
    normalised = (normalised.clamp(*settings.clip) - settings.subtract) / settings.divide

    def predict(images: torch.Tensor) -> torch.Tensor:
        return interpolate(network(images).seg_logits, size=settings.roi_size, mode="trilinear")

    with torch.inference_mode():
        taken = seconds(
            lambda: sliding_window_inference(
                normalised, settings.roi_size, 1, predict, settings.overlap, mode="gaussian"
            )
        )
    return _scaled(taken, windows, total)


def _part_of(image: np.ndarray, settings: InferenceSettings, count: int) -> tuple[np.ndarray, int]:
    """A part of the view that takes at least `count` windows, or all of it."""
    size = list(settings.roi_size)
    for axis in (0, 1, 2):
        while size[axis] < image.shape[axis] and _windows(size, settings) < count:
            size[axis] = min(size[axis] + settings.roi_size[axis] // 4, image.shape[axis])
    return image[tuple(slice(0, n) for n in size)], _windows(size, settings)


def _windows(size: list[int], settings: InferenceSettings) -> int:
    return int(
        np.prod(
            [len(axis_starts(n, w, settings.overlap)) for n, w in zip(size, settings.roi_size, strict=True)]
        )
    )


def _scaled(taken: float, timed: int, total: int) -> dict[str, Any]:
    return {
        "windows_timed": timed,
        "seconds_per_window": taken / timed,
        "windows_of_the_scan": total,
        "seconds_scaled": taken / timed * total,
        "note": "windows only, scaled from those timed; without reading, resampling and writing",
    }
