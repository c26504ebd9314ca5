"""3D residual network with isotropic strides (spec 3.1): a stem at full resolution and four stages.

Basic blocks after He et al., CVPR 2016; the shortcut of a downsampling block pools before its 1x1x1
convolution ("ResNet-D", He et al., CVPR 2019). There is no max-pooling.
"""

from __future__ import annotations

from torch import Tensor, nn

from .layers import ConvInstanceNorm, init_kaiming

STEM_CHANNELS = 16
STAGE_CHANNELS = (32, 64, 128, 256)
STAGE_BLOCKS = (3, 4, 6, 3)


class Backbone(nn.Module):
    """Feature maps at strides 1, 2, 4, 8, 16 with 16, 32, 64, 128, 256 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(1, STEM_CHANNELS, 3, padding=1, bias=False),
            nn.InstanceNorm3d(STEM_CHANNELS),
            nn.ReLU(inplace=True),
            nn.Conv3d(STEM_CHANNELS, STEM_CHANNELS, 3, padding=1, bias=False),
            nn.InstanceNorm3d(STEM_CHANNELS),
            nn.ReLU(inplace=True),
        )
        self.layer1 = _stage(STEM_CHANNELS, STAGE_CHANNELS[0], STAGE_BLOCKS[0])
        self.layer2 = _stage(STAGE_CHANNELS[0], STAGE_CHANNELS[1], STAGE_BLOCKS[1])
        self.layer3 = _stage(STAGE_CHANNELS[1], STAGE_CHANNELS[2], STAGE_BLOCKS[2])
        self.layer4 = _stage(STAGE_CHANNELS[2], STAGE_CHANNELS[3], STAGE_BLOCKS[3])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Five maps, finest first, of images (N, 1, X, Y, Z)."""
        maps = [self.stem(images)]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(stage(maps[-1]))
        return maps


class BasicBlock(nn.Module):
    """Two 3x3x3 convolutions with instance norm, added to the input."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvInstanceNorm(in_channels, out_channels, 3, stride)
        self.conv2 = ConvInstanceNorm(out_channels, out_channels, 3)
        self.downsample = _shortcut(in_channels, out_channels) if stride == 2 else nn.Identity()
        self.relu = nn.ReLU(inplace=True)
        init_kaiming(self.conv1.conv)
        init_kaiming(self.conv2.conv)

    def forward(self, features: Tensor) -> Tensor:
        residual = self.conv2(self.relu(self.conv1(features)))
        residual += self.downsample(features)
        return self.relu(residual)


def _shortcut(in_channels: int, out_channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.AvgPool3d(2),
        nn.Conv3d(in_channels, out_channels, 1, bias=False),
        nn.InstanceNorm3d(out_channels),
    )


def _stage(in_channels: int, out_channels: int, blocks: int) -> nn.Sequential:
    following = (BasicBlock(out_channels, out_channels, stride=1) for _ in range(blocks - 1))
    return nn.Sequential(BasicBlock(in_channels, out_channels, stride=2), *following)
