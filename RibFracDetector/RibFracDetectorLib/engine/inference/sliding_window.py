"""The sliding window over one view: detections of every window merged, segmentation margins blended.

Source: spec 5.2. What depends on the mode is asked of the `Procedure`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..execution.executor import Executor
from ..network import RawOutput
from ..progress import CancelledError, Reporter
from ..settings import InferenceSettings
from .anchors import STRIDES, decode_boxes, flatten_head_output, level_anchors
from .blending import window_margin, window_slices
from .boxes import ScoredBoxes, clip_boxes, non_maximum_suppression
from .caps import Caps
from .procedure import Procedure
from .windows import IMPORTANCE_MAPS, Size


def slide(
    image: NDArray,
    starts: Sequence[Size],
    executor: Executor,
    settings: InferenceSettings,
    procedure: Procedure,
    caps: Caps,
    reporter: Reporter,
    on_window: Callable[[], None],
) -> tuple[ScoredBoxes, Tensor]:
    """Detect in the windows of one view.

    Args:
        image: HU [x, y, z], at least as large as the window on every axis.
        starts: of the windows to run.
        executor: the network.
        settings: see `InferenceSettings`.
        procedure: the mode.
        caps: told of every limit that was reached.
        reporter: asked for cancellation between batches.
        on_window: called after every window.

    Returns:
        The view's boxes in voxels of `image`, and the blended margin, float32 (X, Y, Z).

    Raises:
        CancelledError: as soon as the reporter asks, between two windows.
        NoNumbersError: see `Procedure.check_numbers`.
    """
    importance = IMPORTANCE_MAPS[settings.blend_mode](settings.roi_size, settings.sigma_scale)
    blend = procedure.make_blend(image.shape, importance)
    found: list[ScoredBoxes] = []
    for batch in _batches(starts, executor):
        if reporter.cancelled():
            raise CancelledError("cancelled: nothing was written for this case")
        windows = torch.stack([normalised_window(image, start, settings) for start in batch])
        outputs = executor(windows, reporter)
        for output in outputs:
            procedure.check_numbers(output)
        for start, (detections, margin) in zip(batch, _per_window(outputs, settings, caps), strict=True):
            found.append(detections.with_boxes(detections.boxes + np.tile(start, 2)))
            blend.add(start, margin.to(importance.device))
            on_window()
    return merge_windows(found, image.shape, settings, caps), blend.result()


def normalised_window(image: NDArray, start: Sequence[int], settings: InferenceSettings) -> Tensor:
    """One window of HU as the network wants it, float32 (1, X, Y, Z)."""
    part = torch.from_numpy(image)[window_slices(start, settings.roi_size)]
    window = torch.empty(settings.roi_size).copy_(part)
    return window.clamp_(*settings.clip).sub_(settings.subtract).div_(settings.divide)[None]


def candidate_boxes(output: RawOutput, index: int, nms_pre: int) -> ScoredBoxes:
    """The best `nms_pre` anchors of every level of window `index`, decoded; coordinates of the window."""
    boxes, scores = [], []
    for logits, deltas, stride in zip(output.class_logits, output.box_deltas, STRIDES, strict=True):
        level_scores = flatten_head_output(logits[index : index + 1].float(), 1)[0, :, 0].sigmoid()
        level_deltas = flatten_head_output(deltas[index : index + 1].float(), 6)[0]
        best, order = level_scores.topk(min(nms_pre, len(level_scores)))
        anchors = _anchors(tuple(logits.shape[2:]), stride, logits.device)
        scores.append(best)
        boxes.append(decode_boxes(anchors[order], level_deltas[order]))
    all_scores = torch.cat(scores).cpu().numpy()
    return ScoredBoxes(torch.cat(boxes).cpu().numpy(), all_scores, np.zeros(len(all_scores), np.int64))


def window_detections(output: RawOutput, index: int, settings: InferenceSettings, caps: Caps) -> ScoredBoxes:
    """What one window contributes: above the threshold, after NMS, at most `max_per_window`."""
    candidates = candidate_boxes(output, index, settings.nms_pre)
    above = candidates.take(candidates.scores > settings.score_thr)
    for logits in output.class_logits:
        eligible = int((logits[index].float().sigmoid() > settings.score_thr).sum())
        caps.reached_if(eligible > settings.nms_pre, "nms_pre", settings.nms_pre)
    kept = non_maximum_suppression(above, settings.nms_iou)
    return caps.best(kept, "max_per_window", settings.max_per_window)


def merge_windows(
    found: Sequence[ScoredBoxes], image_size: Sequence[int], settings: InferenceSettings, caps: Caps
) -> ScoredBoxes:
    """Boxes of all windows (coordinates of the view) as one list without duplicates (spec 5.2)."""
    merged = caps.best(ScoredBoxes.concatenate(found), "nms_pre_tiles", settings.nms_pre_tiles)
    edges = merged.boxes[:, 3:] - merged.boxes[:, :3]
    merged = merged.take((merged.scores > settings.score_thr) & (edges >= settings.min_bbox_size).all(axis=1))
    merged = merged.with_boxes(clip_boxes(merged.boxes, image_size))
    return caps.best(non_maximum_suppression(merged, settings.nms_iou), "max_per_img", settings.max_per_img)


def merge_views(found: Sequence[ScoredBoxes], settings: InferenceSettings, caps: Caps) -> ScoredBoxes:
    """Boxes of all views (coordinates of the scan) as one list without duplicates (spec 5.4)."""
    merged = non_maximum_suppression(ScoredBoxes.concatenate(found), settings.nms_iou)
    return caps.best(merged, "max_per_img", settings.max_per_img)


def _per_window(
    outputs: Sequence[RawOutput], settings: InferenceSettings, caps: Caps
) -> Iterator[tuple[ScoredBoxes, Tensor]]:
    for output in outputs:
        for index, margin in enumerate(window_margin(output.seg_logits, settings.roi_size)):
            yield window_detections(output, index, settings, caps), margin


@lru_cache(maxsize=8)
def _anchors(feature_size: tuple[int, int, int], stride: int, device: torch.device) -> Tensor:
    return level_anchors(feature_size, stride, device)


def _batches(starts: Sequence[Size], executor: Executor) -> Iterator[Sequence[Size]]:
    done = 0
    while done < len(starts):
        batch = starts[done : done + executor.batch_limit]
        yield batch
        done += len(batch)
