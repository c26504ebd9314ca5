"""All losses of a batch from the raw output: assignment, boxes, scores and voxels (spec 8.4-8.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from RibFracDetectorLib.engine.inference.anchors import ANCHOR_SCALES, decode_boxes, flatten_head_output
from RibFracDetectorLib.engine.network import RawOutput
from torch import Tensor

from ..assignment import PatchAnchors, patch_anchors
from ..batch import TrainingBatch
from ..box_overlap import paired_giou, paired_iou
from ..targets import DetectionTargets, detection_targets
from .segmentation import DICE_SCORES, SegmentationLosses, segmentation_losses
from .settings import LossSettings, VoxelLossSettings
from .varifocal import varifocal_loss

BOX_CODE = 6
SMALLEST_POSITIVE_TARGET = 1e-6
"""A positive stays one in the varifocal loss even if its predicted box misses."""


@dataclass(frozen=True)
class Losses:
    """Losses of a batch, each with its weight, so that `total` is their sum; float32 scalars.

    Attributes:
        classification: varifocal loss of each detection level, finest first.
        boxes: GIoU loss of each detection level.
        cross_entropy: of the voxels.
        dice: of the voxels.
        segmentation_accuracy: percentage of voxels labelled right; no gradient.
        normalizer: what the classification loss was divided by; no gradient.
        box_count: boxes of the batch.
        assigned_count: anchors assigned to them.
        positive_count: those of them that were trained as fractures.
    """

    classification: tuple[Tensor, ...]
    boxes: tuple[Tensor, ...]
    cross_entropy: Tensor
    dice: Tensor
    segmentation_accuracy: Tensor
    normalizer: Tensor
    box_count: int
    assigned_count: int
    positive_count: int

    @property
    def total(self) -> Tensor:
        """What is minimised."""
        return sum(self.classification) + sum(self.boxes) + self.cross_entropy + self.dice

    def for_log(self) -> dict[str, Tensor | int]:
        """Everything by name, without gradients."""
        per_level = {
            f"{name}_level{level}": loss.detach()
            for name, losses in (("class", self.classification), ("box", self.boxes))
            for level, loss in enumerate(losses)
        }
        return {
            "loss": self.total.detach(),
            **per_level,
            "cross_entropy": self.cross_entropy.detach(),
            "dice": self.dice.detach(),
            "segmentation_accuracy": self.segmentation_accuracy,
            "normalizer": self.normalizer,
            "boxes": self.box_count,
            "assigned_anchors": self.assigned_count,
            "positive_anchors": self.positive_count,
        }


def in_this_process(value: Tensor) -> Tensor:
    """The normaliser of a training in one process."""
    return value


def detection_losses(
    raw: RawOutput,
    batch: TrainingBatch,
    settings: LossSettings,
    average_over_processes: Callable[[Tensor], Tensor] = in_this_process,
) -> Losses:
    """Losses of a batch, in float32 also under autocast.

    Args:
        raw: what the network said of `batch.images`, in any floating type.
        batch: the patches and what is true of them; patches without boxes are legal.
        settings: weights, and the rules of assignment and sampling.
        average_over_processes: mean of a scalar over the processes of a distributed training.
    """
    with torch.autocast(batch.images.device.type, enabled=False):
        raw = RawOutput(
            [level.float() for level in raw.class_logits],
            [level.float() for level in raw.box_deltas],
            raw.seg_logits.float(),
        )
        return _losses(raw, batch, settings, average_over_processes)


def voxel_losses(seg_logits: Tensor, batch: TrainingBatch, settings: VoxelLossSettings) -> Losses:
    """Losses of a batch's voxels alone, in float32 also under autocast; nothing of boxes.

    Args:
        seg_logits: (N, 2, x, y, z) of `batch.images`, channels background and fracture.
        batch: the patches and what is true of them.
        settings: weights.
    """
    with torch.autocast(batch.images.device.type, enabled=False):
        voxels = _voxel_losses(seg_logits.float(), batch, settings)
    return Losses(
        classification=(),
        boxes=(),
        cross_entropy=settings.cross_entropy_weight * voxels.cross_entropy,
        dice=settings.dice_weight * voxels.dice,
        segmentation_accuracy=voxels.accuracy,
        normalizer=torch.ones_like(voxels.accuracy),
        box_count=sum(len(patch) for patch in batch.boxes),
        assigned_count=0,
        positive_count=0,
    )


def _voxel_losses(
    seg_logits: Tensor, batch: TrainingBatch, settings: VoxelLossSettings
) -> SegmentationLosses:
    return segmentation_losses(
        seg_logits, batch.segmentation, settings.voxel_class_weights, DICE_SCORES[settings.dice]
    )


def _losses(
    raw: RawOutput,
    batch: TrainingBatch,
    settings: LossSettings,
    average_over_processes: Callable[[Tensor], Tensor],
) -> Losses:
    anchors = patch_anchors(
        [tuple(level.shape[2:]) for level in raw.class_logits],
        tuple(batch.images.shape[2:]),
        settings.border,
        batch.images.device,
    )
    logits = _flat(raw.class_logits, raw.class_logits[0].shape[1] // len(ANCHOR_SCALES))
    deltas = _flat(raw.box_deltas, BOX_CODE)
    targets = detection_targets(
        batch, logits, anchors, settings.candidates_per_level, settings.anchor_sampling
    )
    count = targets.samples if settings.normalizer == "samples" else len(targets.anchors)
    normalizer = average_over_processes(logits.new_tensor(float(count))).clamp(min=1)
    predicted = decode_boxes(anchors.boxes[targets.anchors], deltas[targets.patches, targets.anchors])
    quality = paired_iou(predicted.detach(), targets.boxes).clamp(min=SMALLEST_POSITIVE_TARGET)
    classification = _classification_losses(logits, quality, targets, anchors, settings)
    boxes = _box_losses(predicted, targets, anchors)
    voxels = _voxel_losses(raw.seg_logits, batch, settings)
    return Losses(
        classification=tuple((settings.class_weight * classification / normalizer).unbind()),
        boxes=tuple((settings.box_weight * boxes).unbind()),
        cross_entropy=settings.cross_entropy_weight * voxels.cross_entropy,
        dice=settings.dice_weight * voxels.dice,
        segmentation_accuracy=voxels.accuracy,
        normalizer=normalizer,
        box_count=sum(len(patch) for patch in batch.boxes),
        assigned_count=targets.assigned,
        positive_count=len(targets.anchors),
    )


def _flat(levels: list[Tensor], channels_per_anchor: int) -> Tensor:
    """(N, A, channels_per_anchor) of all levels, in the order of `PatchAnchors.boxes`."""
    return torch.cat([flatten_head_output(level, channels_per_anchor) for level in levels], dim=1)


def _classification_losses(
    logits: Tensor, quality: Tensor, targets: DetectionTargets, anchors: PatchAnchors, settings: LossSettings
) -> Tensor:
    """Varifocal loss summed over each level's anchors, all of them, also beyond the border: (levels,).

    With several classes an anchor of unknown class teaches none of them; a single class is never unknown.
    """
    classes = targets.classes.clamp(min=0) if logits.shape[2] == 1 else targets.classes
    known = classes >= 0
    wanted = torch.zeros_like(logits)
    wanted[targets.patches[known], targets.anchors[known], classes[known]] = quality[known]
    losses = varifocal_loss(logits, wanted, settings.alpha, settings.gamma)
    unknown = (targets.patches[~known], targets.anchors[~known])
    losses = losses.index_put(unknown, losses.new_zeros(()))
    return torch.stack([level.sum() for level in losses.split(anchors.level_sizes, dim=1)])


def _box_losses(predicted: Tensor, targets: DetectionTargets, anchors: PatchAnchors) -> Tensor:
    """1 - GIoU, the mean over each level's own positives, 0 where a level has none: (levels,)."""
    losses = 1 - paired_giou(predicted, targets.boxes)
    levels = anchors.levels[targets.anchors]
    zeros = losses.new_zeros(len(anchors.level_sizes))
    counts = zeros.index_add(0, levels, torch.ones_like(losses))
    return zeros.index_add(0, levels, losses) / counts.clamp(min=1)
