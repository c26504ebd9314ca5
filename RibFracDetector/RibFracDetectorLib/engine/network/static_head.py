"""Box head of configuration S (spec 3.3): two towers of convolutions shared by all levels.

After ATSS (Zhang et al., CVPR 2020) with varifocal scores, hence without centreness.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .layers import ConvGroupNorm, init_normal

CHANNELS = 128
LEVELS = 3
ANCHORS = 2
CLASSES = 1
PRIOR_PROBABILITY = 0.01


class StaticHead(nn.Module):
    """Class logits and box deltas at strides 4, 8, 16."""

    def __init__(self, stacked_convs: int = 4) -> None:
        super().__init__()
        self.cls_convs = _tower(stacked_convs)
        self.reg_convs = _tower(stacked_convs)
        self.atss_cls = nn.Conv3d(CHANNELS, ANCHORS * CLASSES, 3, padding=1)
        self.atss_reg = nn.Conv3d(CHANNELS, ANCHORS * 6, 3, padding=1)
        self.scales = nn.ModuleList(Scale() for _ in range(LEVELS))
        for conv in (self.atss_cls, self.atss_reg):
            init_normal(conv, std=0.01)
        nn.init.constant_(self.atss_cls.bias, -math.log(1 / PRIOR_PROBABILITY - 1))

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Per level, of maps (N, 128, x, y, z), finest first.

        Returns:
            Class logits (N, 2, x, y, z), one per anchor, and float32 box deltas (N, 12, x, y, z): six per
            anchor, the anchor varying slowest.
        """
        logits = [self.atss_cls(self.cls_convs(features)) for features in maps]
        deltas = [
            scale(self.atss_reg(self.reg_convs(features)))
            for features, scale in zip(maps, self.scales, strict=True)
        ]
        return logits, deltas


class Scale(nn.Module):
    """One learned factor for the box deltas of a level, applied in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, deltas: Tensor) -> Tensor:
        return deltas.float() * self.scale


def _tower(depth: int) -> nn.Sequential:
    tower = nn.Sequential(*(ConvGroupNorm(CHANNELS, CHANNELS, 3) for _ in range(depth)))
    for unit in tower:
        init_normal(unit.conv, std=0.01)
    return tower
