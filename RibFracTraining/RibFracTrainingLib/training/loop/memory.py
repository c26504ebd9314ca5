"""How much memory a training step takes, told before the first one runs out of it.

The network runs once with a small patch on the CPU; what it keeps for the backward pass is summed up and
grows in proportion to the voxels. Weights, gradients and the optimizer's moments come on top.
"""

from __future__ import annotations

import math
from pathlib import Path

import psutil
import torch
from RibFracDetectorLib.case.errors import InputError
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

PROBE_SIZE = 32
"""Edge of the small patch, in voxels."""

STATE_COPIES = 4
"""Weights, gradients and AdamW's two moments, in float32."""

WORKING_SHARE = 1.25
"""On top of what is kept: temporary results, gradients of the largest maps, and the allocator's waste."""

_CGROUP = Path("/sys/fs/cgroup")


def bytes_of_step(network: nn.Module, patch_size: tuple[int, int, int], patches: int, half: bool) -> int:
    """Estimate of the memory of one training step.

    Args:
        network: on the CPU.
        patch_size: voxels (x, y, z).
        patches: in a batch.
        half: whether activations are in half precision.

    Raises:
        InputError: the network does not take patches of that size.
    """
    kept: dict[int, int] = {}
    parameters = {parameter.untyped_storage()._cdata for parameter in network.parameters()}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in parameters:
            kept[storage._cdata] = storage.nbytes()
        return tensor

    probe = tuple(min(n, PROBE_SIZE) for n in patch_size)
    with saved_tensors_hooks(count, lambda tensor: tensor):
        output = network(torch.zeros(1, 1, *probe))
    per_voxel = sum(kept.values()) / math.prod(probe)
    del output
    activations = per_voxel * math.prod(patch_size) * patches * (0.5 if half else 1.0)
    weights = sum(parameter.numel() * 4 for parameter in network.parameters())
    return int(activations * WORKING_SHARE + STATE_COPIES * weights)


def free_bytes(device: torch.device) -> int:
    """Memory that a training on `device` may still take."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return min(psutil.virtual_memory().available, _free_in_container())


def _free_in_container() -> int:
    """What a container's limit leaves, as cgroup version 2 tells it; no limit elsewhere."""
    try:
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = (_CGROUP / "memory.current").read_text().strip()
        return int(limit) - int(used) if limit != "max" else 2**63
    except (OSError, ValueError):
        return 2**63


def check_memory(needed: int, free: int, patch_size: tuple[int, int, int], patches: int, device: str) -> None:
    """Refuse a training that cannot fit.

    Raises:
        InputError: with both numbers, and which keys to lower.
    """
    if needed > free:
        size = " x ".join(map(str, patch_size))
        raise InputError(
            f"a step with {patches} patches of {size} voxels needs about {needed / 1e9:.1f} GB, {device} has "
            f"{free / 1e9:.1f} GB free: lower augmentation.patch_size or data.cases_per_step (with "
            f"loop.accumulate to keep the batch), or choose loop.precision=bf16"
        )
