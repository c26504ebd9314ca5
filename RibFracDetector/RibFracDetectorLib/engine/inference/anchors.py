"""Anchors of the three detection levels, and the code that turns deltas into boxes and back.

Boxes are (x1, y1, z1, x2, y2, z2) in voxels of the network's input. Source: spec 3.6; the encoding is
that of Faster R-CNN (Ren et al. 2015) with a size clamp.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

STRIDES = (4, 8, 16)
ANCHOR_SCALES = (2.0, 2.0 * math.sqrt(2.0))
DELTA_STD = (0.1, 0.1, 0.1, 0.2, 0.2, 0.2)
MAX_LOG_SIZE_RATIO = abs(math.log(16 / 1000))


def level_anchors(
    feature_size: tuple[int, int, int], stride: int, device: torch.device | None = None
) -> Tensor:
    """Anchors of one level, centred on index * stride.

    Args:
        feature_size: extent (x, y, z) of the level's feature map.
        stride: input voxels per feature voxel, which is also the anchor's base size.
        device: where the tensor is made.

    Returns:
        float32 tensor (x * y * z * 2, 6) in the heads' flattening order: anchor index fastest, then z, y, x.
    """
    axes = [torch.arange(extent, dtype=torch.float32, device=device) * stride for extent in feature_size]
    centers = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 1, 3)
    half_edges = torch.tensor(ANCHOR_SCALES, device=device).reshape(1, -1, 1) * (stride / 2)
    return torch.cat([centers - half_edges, centers + half_edges], dim=-1).reshape(-1, 6)


def flatten_head_output(output: Tensor, channels_per_anchor: int) -> Tensor:
    """(N, anchors * c, X, Y, Z) -> (N, X * Y * Z * anchors, c), in the order of `level_anchors`."""
    return output.permute(0, 2, 3, 4, 1).reshape(output.shape[0], -1, channels_per_anchor)


def decode_boxes(anchors: Tensor, deltas: Tensor) -> Tensor:
    """Boxes from anchors and predicted deltas, both (..., 6); not clipped to the image."""
    scaled = deltas * deltas.new_tensor(DELTA_STD)
    sizes = anchors[..., 3:] - anchors[..., :3]
    centers = (anchors[..., :3] + anchors[..., 3:]) / 2 + scaled[..., :3] * sizes
    half = sizes * scaled[..., 3:].clamp(-MAX_LOG_SIZE_RATIO, MAX_LOG_SIZE_RATIO).exp() / 2
    return torch.cat([centers - half, centers + half], dim=-1)


def encode_boxes(anchors: Tensor, boxes: Tensor) -> Tensor:
    """Deltas that `decode_boxes` turns back into `boxes`; all (..., 6)."""
    anchor_sizes = anchors[..., 3:] - anchors[..., :3]
    box_sizes = boxes[..., 3:] - boxes[..., :3]
    shifts = (boxes[..., :3] + boxes[..., 3:] - anchors[..., :3] - anchors[..., 3:]) / 2 / anchor_sizes
    deltas = torch.cat([shifts, (box_sizes / anchor_sizes).log()], dim=-1)
    return deltas / deltas.new_tensor(DELTA_STD)
