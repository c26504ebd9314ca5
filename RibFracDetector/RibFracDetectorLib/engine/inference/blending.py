"""Joining the segmentation of overlapping windows into one map.

The network has two segmentation channels, and softmax over two channels is the sigmoid of their
difference. Resizing and blending are linear, so only the difference (the margin: foreground minus
background logit) is kept: half the memory, the same probabilities. Accumulation is float32 always: in half
precision the outer weights of the Gaussian vanish (spec 5.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

# The original replaces a window that holds NaN by (background +16, foreground -16).
NAN_MARGIN = -32.0
# Where no window was run there is no fracture.
UNSEEN_MARGIN = -32.0


class Blend(Protocol):
    """Accumulates window margins over an image."""

    def add(self, start: Sequence[int], margin: Tensor) -> None:
        """Add one window's margin, float32 (x, y, z), at voxel `start`."""

    def result(self) -> Tensor:
        """The blended margin of the whole image, float32 (X, Y, Z); ends the accumulation."""


class WeightedBlend:
    """The weighted mean of all windows that cover a voxel."""

    def __init__(self, image_size: Sequence[int], importance: Tensor) -> None:
        self._importance = importance
        self._sum = torch.zeros(*image_size, device=importance.device)
        self._weight = torch.zeros(*image_size, device=importance.device)

    def add(self, start: Sequence[int], margin: Tensor) -> None:
        """See `Blend.add`."""
        window = window_slices(start, margin.shape)
        self._sum[window].addcmul_(margin, self._importance)
        self._weight[window] += self._importance

    def result(self) -> Tensor:
        """See `Blend.result`; `UNSEEN_MARGIN` where no window was."""
        return self._sum.div_(self._weight).masked_fill_(self._weight == 0, UNSEEN_MARGIN)


class LastWindowBlend:
    """The original's accumulation with its defect: the last window replaces what was there, yet is divided
    by the sum of all weights (spec 5.2 [bug]). Kept to reproduce its numbers."""

    def __init__(self, image_size: Sequence[int], importance: Tensor) -> None:
        self._importance = importance
        self._last = torch.zeros(*image_size, device=importance.device)
        self._weight = torch.zeros(*image_size, device=importance.device)

    def add(self, start: Sequence[int], margin: Tensor) -> None:
        """See `Blend.add`."""
        window = window_slices(start, margin.shape)
        self._last[window] = margin * self._importance
        self._weight[window] += self._importance

    def result(self) -> Tensor:
        """See `Blend.result`."""
        return self._last.div_(self._weight)


def window_margin(seg_logits: Tensor, roi_size: Sequence[int]) -> Tensor:
    """Margins of a batch of windows at full resolution.

    Args:
        seg_logits: (N, 2, x, y, z), background and foreground, at the resolution of the seg head.
        roi_size: the window's size in voxels.

    Returns:
        float32 (N, X, Y, Z); a window with any NaN is background throughout.
    """
    logits = seg_logits.float()
    difference = logits[:, 1:] - logits[:, :1]
    margin = torch.nn.functional.interpolate(
        difference, size=tuple(roi_size), mode="trilinear", align_corners=False
    )[:, 0]
    broken = logits.isnan().flatten(1).any(dim=1)
    margin[broken] = NAN_MARGIN
    return margin


def window_slices(start: Sequence[int], size: Sequence[int]) -> tuple[slice, ...]:
    """Slices of the window of `size` voxels at `start`."""
    return tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))
