"""Box head of configuration D (spec 3.4): blocks that mix neighbouring levels by deformable convolution.

After the dynamic head of Dai et al., CVPR 2021 (scale, spatial and task attention); the task attention is
the dynamic ReLU of Chen et al., ECCV 2020. The predictors are those of the static head, without towers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import hardsigmoid, interpolate

from .deform_conv import TAPS, ModulatedDeformConv3d
from .layers import init_normal
from .static_head import CHANNELS, StaticHead

BLOCKS = 4
DYNAMIC_RELU_REDUCTION = 4


class DynamicHead(StaticHead):
    """Class logits and box deltas at strides 4, 8, 16, from features refined by four blocks."""

    def __init__(self) -> None:
        super().__init__(stacked_convs=0)
        self.dyhead_tower = nn.Sequential(*(DynamicBlock() for _ in range(BLOCKS)))

    def forward(self, maps: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """As in `StaticHead.forward`."""
        return super().forward(self.dyhead_tower(maps))


class DynamicBlock(nn.Module):
    """One block: every level is rebuilt from itself and its two neighbours, all read before the block."""

    def __init__(self) -> None:
        super().__init__()
        self.DyConv_upper = DeformConvGroupNorm(stride=1)
        self.DyConv_middle = DeformConvGroupNorm(stride=1)
        self.DyConv_lower = DeformConvGroupNorm(stride=2)
        self.AttnConv = nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Conv3d(CHANNELS, 1, 1), nn.ReLU())
        self.relu = DynamicReLU()
        self.offset = nn.Conv3d(CHANNELS, 4 * TAPS, 3, padding=1)
        init_normal(self.AttnConv[1], std=0.01)
        init_normal(self.offset, std=0.01)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of unchanged shapes (N, 128, x, y, z), finest first; each axis halves from level to level."""
        return [self._refine(maps, level) for level in range(len(maps))]

    def _refine(self, maps: Sequence[Tensor], level: int) -> Tensor:
        features = maps[level]
        offsets, mask = self.offset(features).float().split((3 * TAPS, TAPS), dim=1)
        mask = mask.sigmoid()
        mixture = self._attended(self.DyConv_middle(features, offsets, mask))
        branches = 1
        if level > 0:
            mixture += self._attended(self.DyConv_lower(maps[level - 1], offsets, mask))
            branches += 1
        if level < len(maps) - 1:
            coarser = maps[level + 1]
            branch = self.DyConv_upper(coarser, _resize(offsets, coarser), _resize(mask, coarser))
            mixture += self._attended(_resize(branch, features))
            branches += 1
        return self.relu(mixture / branches)

    def _attended(self, branch: Tensor) -> Tensor:
        return branch * hardsigmoid(self.AttnConv(branch))


class DeformConvGroupNorm(nn.Module):
    """Modulated deformable 3x3x3 convolution in float32, and group norm with 16 groups."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv = ModulatedDeformConv3d(CHANNELS, CHANNELS, stride)
        self.bn = nn.GroupNorm(16, CHANNELS)

    def forward(self, features: Tensor, offsets: Tensor, mask: Tensor) -> Tensor:
        return self.bn(self.conv(features, offsets, mask))


class DynamicReLU(nn.Module):
    """Maximum of two linear functions per channel, whose coefficients the features themselves choose."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Sequential(
            nn.Linear(CHANNELS, CHANNELS // DYNAMIC_RELU_REDUCTION),
            nn.ReLU(inplace=True),
            nn.Linear(CHANNELS // DYNAMIC_RELU_REDUCTION, 4 * CHANNELS),
            nn.Hardsigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        coefficients = self.fc(features.mean(dim=(2, 3, 4)))[:, :, None, None, None] - 0.5
        slope1, intercept1, slope2, intercept2 = coefficients.chunk(4, dim=1)
        return torch.maximum(
            features * (2 * slope1 + 1) + intercept1,
            features * (2 * slope2) + intercept2,
        )


def _resize(features: Tensor, like: Tensor) -> Tensor:
    return interpolate(features, size=like.shape[2:], mode="trilinear", align_corners=False)
