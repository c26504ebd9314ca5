"""Boxes of all lesions of a batch at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class InstanceBoxes(NamedTuple):
    """The lesions that a batch of masks shows, by ascending patch and number.

    Attributes:
        patch: int64 (n,), index of the patch.
        number: int64 (n,), value in the mask.
        first: int64 (n, 3), least voxel index along x, y, z.
        last: int64 (n, 3), greatest voxel index.
    """

    patch: Tensor
    number: Tensor
    first: Tensor
    last: Tensor


def instance_boxes(masks: Tensor) -> InstanceBoxes:
    """The extents of every value but 0.

    Args:
        masks: (N, X, Y, Z) whole numbers from 0, of any integer type; the values need not be consecutive.
    """
    patch, x, y, z = masks.nonzero(as_tuple=True)
    values = masks[patch, x, y, z].long()
    radix = values.max() + 1 if len(values) else 1
    keys, which = torch.unique(patch * radix + values, return_inverse=True)
    voxels = torch.stack([x, y, z], dim=1)
    index = which[:, None].expand(-1, 3)
    empty = voxels.new_zeros((len(keys), 3))
    first = empty.scatter_reduce(0, index, voxels, reduce="amin", include_self=False)
    last = empty.scatter_reduce(0, index, voxels, reduce="amax", include_self=False)
    return InstanceBoxes(keys // radix, keys % radix, first, last)
