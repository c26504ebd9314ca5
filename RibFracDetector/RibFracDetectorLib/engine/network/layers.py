"""Convolutions with their normalisation, as every part of the network uses them.

Instance norm has neither parameters nor running statistics: its result depends on the extent of the
window, and it leaves nothing in the state dict. A convolution that is followed by a norm has no bias.
"""

from __future__ import annotations

from torch import Tensor, nn


class ConvInstanceNorm(nn.Module):
    """Convolution with "same" padding and instance norm, without activation (key: `conv`)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size, stride, padding, bias=False)
        self.norm = nn.InstanceNorm3d(out_channels)

    def forward(self, features: Tensor) -> Tensor:
        return self.norm(self.conv(features))


class ConvGroupNorm(nn.Module):
    """Convolution with "same" padding, group norm with 8 groups, and ReLU (keys: `conv`, `gn`)."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int) -> None:
        super().__init__()
        padding = kernel_size // 2
        self.conv = nn.Conv3d(in_channels, out_channels, kernel_size, padding=padding, bias=False)
        self.gn = nn.GroupNorm(8, out_channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        return self.relu(self.gn(self.conv(features)))


def init_kaiming(conv: nn.Conv3d) -> None:
    """Kaiming-normal by fan-out for ReLU (spec 3.7), for convolutions that a norm follows."""
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")


def init_normal(conv: nn.Conv3d, std: float) -> None:
    """Normal weights around zero, bias zero (spec 3.7), for heads."""
    nn.init.normal_(conv.weight, std=std)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
