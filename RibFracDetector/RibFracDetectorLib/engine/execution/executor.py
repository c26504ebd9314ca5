"""What the sliding window needs of the thing that computes the network."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from ...case.errors import RibFracError
from ..network import RawOutput
from ..progress import Reporter


class DeviceFullError(RibFracError):
    """The device has no memory for a single window."""


OUT_OF_MEMORY = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
"""What PyTorch raises on a full device; of this name since torch 2.5."""

DEVICE_FAILURES = (
    DeviceFullError,
    OUT_OF_MEMORY,
    # A GPU that is full before its first window, or for which this torch has no kernels; since torch 2.8.
    getattr(torch, "AcceleratorError", OUT_OF_MEMORY),
)
"""What a device is left for the CPU for."""

METAL_FAILURES = (*DEVICE_FAILURES, RuntimeError, TypeError)
"""The same on Apple's Metal: what it has no operation, type or memory for has no kind of its own."""


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether it is for want of memory on a device, which Metal tells in words alone."""
    return isinstance(error, OUT_OF_MEMORY) or "MPS backend out of memory" in str(error)


class NoNumbersError(RibFracError):
    """The network's answer is not finite: half precision overflowed, or weights and settings do not fit."""


class Executor(Protocol):
    """Runs windows through one network.

    Attributes:
        device: where outputs are.
        batch_limit: how many windows to give at once; may fall while it works.
    """

    device: torch.device
    batch_limit: int

    def __call__(self, windows: Tensor, reporter: Reporter) -> list[RawOutput]:
        """Outputs for normalised windows (N, 1, X, Y, Z) in their order, in batches of any size.

        Raises:
            DeviceFullError: there is no memory even for one window.
            RibFracError: they cannot be computed for another reason.
        """
