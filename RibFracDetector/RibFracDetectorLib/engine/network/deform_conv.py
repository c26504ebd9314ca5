"""Modulated deformable 3D convolution in plain PyTorch (spec 3.4), bounded in memory.

Dai et al., ICCV 2017, and Zhu et al., CVPR 2019, in three dimensions: kernel 3, padding 1, one group of
offsets. There is no compiled extension, because one that does not load is what users of such detectors
complain of most.

How it works: the image becomes a table with one row of C values per voxel, framed by one layer of zeros.
The sample of one tap is a weighted sum of the 8 rows around its position, which is what `embedding_bag`
computes without storing the 8 rows. The samples of a block of output positions form a matrix of 27 * C
columns, and one matrix product with the kernel gives the result. `COLUMN_BYTES` bounds that matrix, in
training too: there the blocks are recomputed in the backward pass instead of being kept.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag, pad
from torch.utils.checkpoint import checkpoint

TAPS = 27
COLUMN_BYTES = 32 * 2**20
"""Largest matrix of samples; the indices and weights beside it take a quarter of that. Measured on two cores
with 2 MiB of L2 cache each: 8 to 32 MiB are equally fast, 2 and 64 MiB take 1.4 times as long."""


class ModulatedDeformConv3d(nn.Module):
    """Modulated deformable 3x3x3 convolution without bias, always computed in float32 or better."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3, 3))
        bound = 1 / math.sqrt(in_channels * TAPS)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, features: Tensor, offsets: Tensor, mask: Tensor) -> Tensor:
        """See `modulated_deform_conv3d`."""
        return modulated_deform_conv3d(features, offsets, mask, self.weight, self.stride)


def modulated_deform_conv3d(
    features: Tensor,
    offsets: Tensor,
    mask: Tensor,
    weight: Tensor,
    stride: int = 1,
    column_bytes: int = COLUMN_BYTES,
) -> Tensor:
    """Convolve, each tap shifted by its own offset and multiplied by its own mask value.

    Tap f = (i * 3 + j) * 3 + k reads at `output index * stride - 1 + (i, j, k) + offset`, trilinearly
    between voxel centres, with zeros outside; a coordinate <= -1 or >= size gives 0. A position that is
    not a number gives a result that is not a number.

    Args:
        features: (N, C, X, Y, Z).
        offsets: (N, 81, x, y, z), channels tap-major, then the shift in voxels along x, y, z.
        mask: (N, 27, x, y, z).
        weight: (O, C, 3, 3, 3).
        stride: of the output, with x = (X - 1) // stride + 1.
        column_bytes: bound of the matrix of samples, which holds at least one output position.

    Returns:
        (N, O, x, y, z), float32 also under autocast (float64 for float64 features).
    """
    dtype = torch.promote_types(features.dtype, torch.float32)
    with torch.autocast(features.device.type, enabled=False):
        kernel = weight.to(dtype).flatten(2).permute(2, 1, 0).flatten(0, 1)
        block = max(1, column_bytes // (kernel.shape[0] * kernel.element_size()))
        samples = zip(features.to(dtype), offsets.to(dtype), mask.to(dtype), strict=True)
        return torch.stack([_convolve(*sample, kernel, stride, block) for sample in samples])


def _convolve(
    features: Tensor, offsets: Tensor, mask: Tensor, kernel: Tensor, stride: int, block: int
) -> Tensor:
    """One image: (O, x, y, z) of features (C, X, Y, Z) and a kernel (27 * C, O), tap-major."""
    table = pad(features.movedim(0, -1), (0, 0, 1, 1, 1, 1, 1, 1)).flatten(0, 2)
    size, out_size = features.shape[1:], mask.shape[1:]
    shifts = offsets.flatten(1).T.unflatten(1, (TAPS, 3))
    factors = mask.flatten(1).T
    results = []
    for part in _blocks(factors.shape[0], block):
        positions = _tap_positions(part, out_size, stride, features) + shifts[part]
        arguments = (table, positions, factors[part], kernel, size)
        results.append(_recomputed(*arguments) if torch.is_grad_enabled() else _convolve_block(*arguments))
    return torch.cat(results).T.unflatten(1, out_size)


def _blocks(count: int, block: int) -> Iterator[slice]:
    return (slice(start, min(start + block, count)) for start in range(0, count, block))


def _tap_positions(part: slice, out_size: torch.Size, stride: int, like: Tensor) -> Tensor:
    """Undeformed positions (P, 27, 3) of the taps of the output positions numbered by `part`."""
    _, ny, nz = out_size
    number = torch.arange(part.start, part.stop, device=like.device)
    index = torch.stack((number // (ny * nz), number // nz % ny, number % nz), dim=1)
    reach = torch.arange(-1, 2, device=like.device)
    return (index[:, None] * stride + torch.cartesian_prod(reach, reach, reach)).to(like.dtype)


def _convolve_block(
    table: Tensor, positions: Tensor, factors: Tensor, kernel: Tensor, size: torch.Size
) -> Tensor:
    """(P, O) of positions (P, 27, 3), factors (P, 27), and the framed table of an image of `size`."""
    rows, weights = _corners(positions, factors, size)
    columns = embedding_bag(rows, table, mode="sum", per_sample_weights=weights)
    return columns.view(positions.shape[0], -1) @ kernel


_recomputed = partial(checkpoint, _convolve_block, use_reentrant=False, preserve_rng_state=False)
"""As `_convolve_block`, keeping nothing for the backward pass but its arguments."""


def _corners(positions: Tensor, factors: Tensor, size: torch.Size) -> tuple[Tensor, Tensor]:
    """The 8 rows of the framed table around each position, and their weights, both (P * 27, 8).

    Positions are clamped to the frame, whose rows are zero: that is how what lies outside becomes 0.
    """
    upper = torch.tensor(size, device=positions.device, dtype=positions.dtype)
    positions = positions.clamp(torch.full_like(upper, -1), upper)
    low = positions.detach().nan_to_num(nan=-1.0).floor().minimum(upper - 1)
    high_weight = positions - low
    x, y, z = torch.stack((1 - high_weight, high_weight), dim=-1).unbind(dim=2)
    z = z * factors[..., None]
    weights = x[..., :, None, None] * y[..., None, :, None] * z[..., None, None, :]

    step_y = size[2] + 2
    step_x = (size[1] + 2) * step_y
    low_x, low_y, low_z = low.long().unbind(dim=-1)
    row = (low_x + 1) * step_x + (low_y + 1) * step_y + low_z + 1
    pair = torch.arange(2, device=row.device)
    corner = (pair[:, None, None] * step_x + pair[:, None] * step_y + pair).flatten()
    return (row[..., None] + corner).flatten(0, 1), weights.flatten(2).flatten(0, 1)
