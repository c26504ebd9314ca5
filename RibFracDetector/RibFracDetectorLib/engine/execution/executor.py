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
"""What the CPU is left for."""


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
