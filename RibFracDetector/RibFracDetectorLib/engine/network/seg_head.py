"""Segmentation head (spec 3.5): two 1x1x1 convolutions on the pyramid's finest level, stride 2."""

from __future__ import annotations

from torch import Tensor, nn

from .layers import ConvGroupNorm, init_kaiming, init_normal
from .neck import OUT_CHANNELS

HIDDEN_CHANNELS = 16
CLASSES = 2


class SegHead(nn.Module):
    """Logits of background and fracture at half resolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_seg = nn.Conv3d(HIDDEN_CHANNELS, CLASSES, 1)
        self.convs = nn.Sequential(ConvGroupNorm(OUT_CHANNELS[1], HIDDEN_CHANNELS, 1))
        self.dropout = nn.Dropout3d(0.1)
        init_normal(self.conv_seg, std=0.1)
        init_kaiming(self.convs[0].conv)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (N, 2, x, y, z) of features (N, 64, x, y, z)."""
        return self.conv_seg(self.dropout(self.convs(features)))
