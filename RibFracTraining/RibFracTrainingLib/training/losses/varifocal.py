"""Varifocal loss (Zhang et al., CVPR 2021; spec 8.6): scores learn the IoU of the box that they rate."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def varifocal_loss(logits: Tensor, targets: Tensor, alpha: float, gamma: float) -> Tensor:
    """Loss of each element, not reduced.

    A positive is weighted by its target, so that well placed boxes count most; background is weighted by
    alpha * score^gamma, so that easy background counts little. That factor is part of the gradient.

    Args:
        logits: any shape.
        targets: same shape: IoU of a positive, in (0, 1], and 0 for background.
        alpha: weight of background.
        gamma: exponent of its focal factor, at least 1.
    """
    focal = alpha * (logits.sigmoid() - targets).abs() ** gamma
    weights = torch.where(targets > 0, targets, focal)
    return binary_cross_entropy_with_logits(logits, targets, reduction="none") * weights
