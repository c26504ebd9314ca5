"""Parts that tests of the loop name in their configurations, as a user names classes of their own.

A network with the outputs of the real ones and a thousandth of their weights; callbacks that disturb a run.
"""

from __future__ import annotations

import os
import signal
from typing import Any

import pytorch_lightning as pl
import torch
from RibFracDetectorLib.engine.network import RawOutput
from torch import Tensor, nn

CHANNELS = 8


class TinyNetwork(nn.Module):
    """Strides 2 to 16 by strided convolutions; with dropout, whose random numbers a resumed run must repeat.

    Args:
        dropout: probability.
    """

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = self._down(1)
        self.levels = nn.ModuleList(self._down(CHANNELS) for _ in range(3))
        self.dropout = nn.Dropout3d(dropout)
        self.scores = nn.Conv3d(CHANNELS, 2, 1)
        self.boxes = nn.Conv3d(CHANNELS, 12, 1)
        self.voxels = nn.Conv3d(CHANNELS, 2, 1)

    def forward(self, images: Tensor) -> RawOutput:
        """See `RetinaUNet.forward`."""
        fine = features = self.stem(images)
        maps = []
        for level in self.levels:
            features = level(features)
            maps.append(self.dropout(features))
        return RawOutput(
            [self.scores(level) for level in maps],
            [self.boxes(level).float() for level in maps],
            self.voxels(fine),
        )

    def segment(self, images: Tensor) -> Tensor:
        """See `RetinaUNet.segment`."""
        return self.voxels(self.stem(images))

    @staticmethod
    def _down(channels: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv3d(channels, CHANNELS, 3, stride=2, padding=1), nn.InstanceNorm3d(CHANNELS), nn.ReLU()
        )


class SignalAt(pl.Callback):
    """Sends a signal to its own process when a step of the optimizer is done.

    Args:
        step: counted from 1; a resumed run is left alone.
        number: of the signal.
    """

    def __init__(self, step: int, number: int = signal.SIGTERM) -> None:
        self._step = step
        self._number = number

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Send it."""
        if trainer.global_step == self._step:
            os.kill(os.getpid(), self._number)


class PoisonAt(pl.Callback):
    """Makes the gradients of some steps NaN.

    Args:
        first, last: steps, counted from 0.
    """

    def __init__(self, first: int, last: int) -> None:
        self._steps = range(first, last + 1)

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Poison them."""
        if trainer.fit_loop.total_batch_idx in self._steps:
            for parameter in pl_module.network.parameters():
                parameter.grad.fill_(float("nan"))


class Spy(pl.Callback):
    """Writes which crops a process has seen, and its weights at the end, to `spy_{rank}.pt`."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._seen: list[list[str]] = []

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Note a batch."""
        self._seen.append(batch.sources)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write."""
        content = {"seen": self._seen, "weights": dict(pl_module.network.state_dict())}
        torch.save(content, f"{self._folder}/spy_{trainer.global_rank}.pt")
