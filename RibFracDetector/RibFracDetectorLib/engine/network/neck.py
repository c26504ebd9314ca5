"""Feature pyramid with learned upsampling (spec 3.2; Lin et al., CVPR 2017).

The checkpoints hold five levels, but no head reads the one at full resolution, which costs more than the
other four together: it is computed only when asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .backbone import STAGE_CHANNELS, STEM_CHANNELS
from .layers import ConvInstanceNorm

IN_CHANNELS = (STEM_CHANNELS, *STAGE_CHANNELS)
OUT_CHANNELS = (32, 64, 128, 128, 128)


class Neck(nn.Module):
    """Merges the backbone's maps top-down into a pyramid with 32, 64, 128, 128, 128 channels."""

    def __init__(self) -> None:
        super().__init__()
        levels = range(len(OUT_CHANNELS))
        self.up_ops = nn.ModuleList(
            nn.Identity() if i == 0 else _upsampling(OUT_CHANNELS[i], OUT_CHANNELS[i - 1]) for i in levels
        )
        self.lateral_convs = nn.ModuleList(
            ConvInstanceNorm(IN_CHANNELS[i], OUT_CHANNELS[i], kernel_size=1) for i in levels
        )
        self.fpn_convs = nn.ModuleList(
            ConvInstanceNorm(OUT_CHANNELS[i], OUT_CHANNELS[i], kernel_size=3) for i in levels
        )
        for unit in (*self.lateral_convs, *self.fpn_convs):
            nn.init.xavier_uniform_(unit.conv.weight)

    def forward(self, maps: Sequence[Tensor], finest: int = 1) -> list[Tensor]:
        """The pyramid from level `finest` (stride 2**finest) to level 4, finest first.

        Args:
            maps: the five maps of the backbone, finest first.
            finest: 1 is all that the heads read; 0 adds the level at full resolution.
        """
        coarsest = len(OUT_CHANNELS) - 1
        merged = self.lateral_convs[coarsest](maps[coarsest])
        pyramid = [self.fpn_convs[coarsest](merged)]
        for level in range(coarsest - 1, finest - 1, -1):
            upsampled = self.up_ops[level + 1](merged)
            merged = self.lateral_convs[level](maps[level])
            merged += upsampled
            pyramid.append(self.fpn_convs[level](merged))
        return pyramid[::-1]


def _upsampling(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose3d(in_channels, out_channels, 2, stride=2, bias=False),
        nn.InstanceNorm3d(out_channels),
    )
