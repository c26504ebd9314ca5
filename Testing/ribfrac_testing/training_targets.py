"""Batches and raw outputs for tests of assignment and losses: golden ones, random ones, perfect ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from hypothesis import strategies as st
from RibFracDetectorLib.engine.inference.anchors import STRIDES, encode_boxes
from RibFracDetectorLib.engine.network import RawOutput
from RibFracTrainingLib.training.assignment import PatchAnchors, patch_anchors
from RibFracTrainingLib.training.batch import TrainingBatch
from RibFracTrainingLib.training.losses import LossSettings
from RibFracTrainingLib.training.targets import detection_targets
from torch import Tensor

from .networks import golden_patch
from .reference import Golden

PATCH = (48, 32, 32)
CERTAIN = 40.0
SAMPLING_SEED = 1234
"""Of every golden set: its README fixes the seed of torch right before the losses."""
CPU = torch.device("cpu")


def golden_batch(golden: Golden) -> TrainingBatch:
    """The golden training patch with its boxes and labels."""
    patch, targets = golden.arrays("small_patch"), golden.arrays("train")
    size = patch["image_int16"].shape
    voxels = np.unpackbits(targets["seg_gt"], count=int(np.prod(size))).reshape(size)
    return TrainingBatch(
        images=golden_patch(golden, patch, list(size)),
        boxes=[torch.from_numpy(targets["gt_bboxes"])],
        classes=[torch.from_numpy(targets["gt_labels"])],
        segmentation=torch.from_numpy(voxels)[None],
    )


def golden_output(golden: Golden) -> RawOutput:
    """What the original network said of the golden training patch."""
    arrays = golden.arrays("small_patch")
    return RawOutput(
        [torch.from_numpy(arrays[f"cls{level}"]) for level in range(len(STRIDES))],
        [torch.from_numpy(arrays[f"reg{level}"]) for level in range(len(STRIDES))],
        torch.from_numpy(arrays["seg"]),
    )


def anchors_of(batch: TrainingBatch, border: float = LossSettings.border) -> PatchAnchors:
    """Anchors of the batch's patches."""
    size = tuple(batch.images.shape[2:])
    features = [tuple(extent // stride for extent in size) for stride in STRIDES]
    return patch_anchors(features, size, border, CPU)


def make_batch(
    boxes: Sequence[Tensor], classes: Sequence[Tensor] | None = None, size: tuple[int, int, int] = PATCH
) -> TrainingBatch:
    """Patches with these boxes, whose voxels are labelled fracture; class 0 unless told otherwise."""
    segmentation = torch.zeros((len(boxes), *size), dtype=torch.uint8)
    for patch, patch_boxes in enumerate(boxes):
        for box in patch_boxes.round().int().clamp(min=0).tolist():
            segmentation[patch, box[0] : box[3], box[1] : box[4], box[2] : box[5]] = 1
    return TrainingBatch(
        images=torch.zeros(len(boxes), 1, *size),
        boxes=[patch.reshape(-1, 6).float() for patch in boxes],
        classes=list(classes or [torch.zeros(len(patch), dtype=torch.int64) for patch in boxes]),
        segmentation=segmentation,
    )


def random_output(batch: TrainingBatch, seed: int, class_count: int = 1, scale: float = 1.0) -> RawOutput:
    """A raw output with gradients for a batch."""
    generator = torch.Generator().manual_seed(seed)
    count, _, *size = batch.images.shape

    def noise(channels: int, stride: int) -> Tensor:
        shape = (count, channels, *(extent // stride for extent in size))
        return (scale * torch.randn(shape, generator=generator)).requires_grad_()

    return RawOutput(
        [noise(2 * class_count, stride) for stride in STRIDES],
        [noise(12, stride) for stride in STRIDES],
        noise(2, 2),
    )


def perfect_output(batch: TrainingBatch) -> RawOutput:
    """Every assigned anchor gives its box exactly with a high score, and every voxel its label."""
    anchors = anchors_of(batch)
    logits = torch.full((len(batch.boxes), len(anchors.boxes), 1), -CERTAIN)
    deltas = torch.zeros(len(batch.boxes), len(anchors.boxes), 6)
    settings = LossSettings()
    targets = detection_targets(
        batch, logits, anchors, settings.candidates_per_level, settings.anchor_sampling
    )
    logits[targets.patches, targets.anchors] = CERTAIN
    deltas[targets.patches, targets.anchors] = encode_boxes(anchors.boxes[targets.anchors], targets.boxes)
    fracture = CERTAIN * (2.0 * (batch.segmentation == 1) - 1)
    return RawOutput(
        _as_maps(logits, anchors, batch),
        _as_maps(deltas, anchors, batch),
        torch.stack([torch.zeros_like(fracture), fracture], dim=1),
    )


def _as_maps(flat: Tensor, anchors: PatchAnchors, batch: TrainingBatch) -> list[Tensor]:
    """(N, A, c) back to the heads' maps (N, 2 * c, x, y, z) of each level."""
    size = batch.images.shape[2:]
    maps = []
    for level, stride in zip(flat.split(anchors.level_sizes, dim=1), STRIDES, strict=True):
        extents = [extent // stride for extent in size]
        maps.append(level.reshape(len(flat), *extents, 2 * flat.shape[2]).permute(0, 4, 1, 2, 3))
    return maps


@st.composite
def box_lists(
    draw: st.DrawFn, max_boxes: int = 6, size: tuple[int, int, int] = PATCH, smallest: float = 0.25
) -> Tensor:
    """Boxes (n, 6) inside a patch: from a fraction of a voxel to the whole patch, some of them twice."""
    boxes: list[list[float]] = []
    for _ in range(draw(st.integers(0, max_boxes))):
        if boxes and draw(st.integers(0, 4)) == 0:
            boxes.append(draw(st.sampled_from(boxes)))
            continue
        low = [draw(st.floats(0, extent - smallest, width=32)) for extent in size]
        high = [draw(st.floats(start + smallest, extent)) for start, extent in zip(low, size, strict=True)]
        boxes.append(low + high)
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 6)
