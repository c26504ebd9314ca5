"""What the detection heads should say of a batch: the positive anchors of all patches in one list."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .anchor_sampling import AnchorSampling
from .assignment import PatchAnchors, assign_boxes
from .batch import TrainingBatch


@dataclass(frozen=True)
class DetectionTargets:
    """Positive anchors of a batch; all others are background.

    Attributes:
        patches: int64 (p,), index of the patch of each positive.
        anchors: int64 (p,), index of its anchor.
        boxes: float32 (p, 6), the box it stands for.
        classes: int64 (p,), the box's class, -1 where unknown.
        assigned: number of assigned anchors, of which the sampling may have kept fewer.
        samples: what the patches of the batch count for in the normaliser.
    """

    patches: Tensor
    anchors: Tensor
    boxes: Tensor
    classes: Tensor
    assigned: int
    samples: int


def detection_targets(
    batch: TrainingBatch,
    class_logits: Tensor,
    anchors: PatchAnchors,
    candidates_per_level: int,
    sampling: AnchorSampling,
) -> DetectionTargets:
    """Assign and sample every patch.

    Args:
        batch: boxes and classes of its patches.
        class_logits: (N, A, C), of all levels in the order of `anchors`.
        anchors: of the patches.
        candidates_per_level: see `assign_boxes`.
        sampling: which of the assigned anchors are kept.
    """
    scores = class_logits.detach().amax(dim=2)
    patches, kept, boxes, classes = [], [], [], []
    assigned = samples = 0
    for patch, (patch_boxes, patch_classes) in enumerate(zip(batch.boxes, batch.classes, strict=True)):
        assignment = assign_boxes(anchors, patch_boxes.float(), candidates_per_level)
        sample = sampling.select(assignment.anchors, scores[patch], anchors)
        box = assignment.boxes[sample.positives]
        patches.append(torch.full_like(box, patch))
        kept.append(assignment.anchors[sample.positives])
        boxes.append(patch_boxes[box].float())
        classes.append(patch_classes[box])
        assigned += len(assignment.anchors)
        samples += sample.size
    return DetectionTargets(
        torch.cat(patches), torch.cat(kept), torch.cat(boxes), torch.cat(classes), assigned, samples
    )
