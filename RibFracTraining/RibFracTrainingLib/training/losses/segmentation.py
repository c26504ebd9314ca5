"""Cross entropy and Dice of the two-class segmentation (spec 8.6; Dice after Milletari et al., 3DV 2016).

Two logits of which only the difference matters: the margin, logit of fracture minus logit of background, is
resampled to the voxels of the labels, its sigmoid is the fracture's probability, and the cross entropy is
that of the margin. This halves memory and time of the largest tensors in training.
MONAI's Dice loss has another smoothing and no ignored voxels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, softplus

IGNORED = 255
SMOOTHING = 1.0
DiceScore = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class SegmentationLosses:
    """Losses of a batch, before their weights in the total.

    Attributes:
        cross_entropy: weighted by class, mean over the voxels that are not ignored.
        dice: weight of the fracture class * (1 - mean Dice score of the patches).
        accuracy: percentage of voxels labelled right, for the log; no gradient.
    """

    cross_entropy: Tensor
    dice: Tensor
    accuracy: Tensor


def dice_score(intersection: Tensor, predicted: Tensor, labelled: Tensor) -> Tensor:
    """Smoothed Dice from the sums of p * g, p and g; 1 for a perfect prediction."""
    return (2 * intersection + SMOOTHING) / (predicted + labelled + SMOOTHING)


def original_dice_score(intersection: Tensor, predicted: Tensor, labelled: Tensor) -> Tensor:
    """The original's, with the intersection once too often below the line: perfect is 2/3 (8.6 [bug])."""
    return (2 * intersection + SMOOTHING) / (intersection + predicted + labelled + SMOOTHING)


DICE_SCORES: dict[str, DiceScore] = {"standard": dice_score, "original": original_dice_score}


def segmentation_losses(
    seg_logits: Tensor, labels: Tensor, class_weights: tuple[float, float], score: DiceScore
) -> SegmentationLosses:
    """Losses of patches, each handled alone so that no tensor is larger than one patch.

    Args:
        seg_logits: (N, 2, x, y, z), channels background and fracture, of any resolution.
        labels: uint8 (N, X, Y, Z): 0 background, 1 fracture, 255 ignored.
        class_weights: of background and fracture.
        score: turns the sums of p * g, p and g into a Dice score.
    """
    patches = [
        _sums(logits, target, class_weights) for logits, target in zip(seg_logits, labels, strict=True)
    ]
    counted = torch.stack([patch.counted for patch in patches]).sum().clamp(min=1)
    errors = torch.stack([patch.weighted_errors for patch in patches]).sum()
    scores = torch.stack([score(patch.intersection, patch.predicted, patch.labelled) for patch in patches])
    right = torch.stack([patch.right for patch in patches]).sum()
    return SegmentationLosses(
        cross_entropy=errors / counted,
        dice=class_weights[1] * (1 - scores.mean()),
        accuracy=100 * right / counted,
    )


@dataclass(frozen=True)
class _PatchSums:
    """Sums over the counted voxels of one patch."""

    counted: Tensor
    weighted_errors: Tensor
    intersection: Tensor
    predicted: Tensor
    labelled: Tensor
    right: Tensor


def _sums(seg_logits: Tensor, labels: Tensor, class_weights: tuple[float, float]) -> _PatchSums:
    """Sums of one patch: logits (2, x, y, z), labels (X, Y, Z)."""
    margin = fracture_margin(seg_logits, labels.shape)
    counted = (labels != IGNORED).to(margin.dtype)
    fracture = (labels == 1).to(margin.dtype)
    background_weight, fracture_weight = class_weights
    weights = background_weight * counted + (fracture_weight - background_weight) * fracture
    # -log p of the label, whichever it is: softplus of the margin towards the other class.
    errors = softplus(margin * (1 - 2 * fracture)) * weights
    probability = margin.sigmoid() * counted
    return _PatchSums(
        counted=counted.sum(),
        weighted_errors=errors.sum(),
        intersection=(probability * fracture).sum(),
        predicted=probability.sum(),
        labelled=fracture.sum(),
        right=((margin.detach() > 0).to(torch.uint8) == labels).sum(),
    )


def fracture_margin(seg_logits: Tensor, size: Sequence[int]) -> Tensor:
    """Margin (X, Y, Z) at the voxels of the labels from logits (2, x, y, z); trilinear, edges aligned."""
    margin = (seg_logits[1] - seg_logits[0])[None, None]
    return interpolate(margin, size=tuple(size), mode="trilinear", align_corners=False)[0, 0]
