"""The loader of training crops under Lightning."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import torch
from RibFracDetectorLib.case.errors import InputError
from torch.utils.data import DataLoader

from ..data.sampler import EpochBatches
from ..data.samples import CropSamples, SampleKey, collate
from ..module import Position
from .stopping import SIGNALS


class ResumableBatches(EpochBatches):
    """Batches of one epoch after the other, of the first one only what is left of it.

    Lightning counts the batches of an interrupted epoch from where they stopped, so the length is always that
    of the whole epoch.

    Raises:
        InputError: the epoch has too few steps to go on at the position.
    """

    def __init__(
        self, samples: int, batch_size: int, seed: int, rank: int, world_size: int, position: Position
    ) -> None:
        super().__init__(samples, batch_size, seed, rank, world_size)
        if position.step and position.step >= self.steps:
            raise InputError(
                f"--resume: the checkpoint stands after step {position.step} of an epoch, which has "
                f"{self.steps} now; expected the data, data.cases_per_step and devices of that run: set them "
                f"so, or resume an epoch_N.pth"
            )
        self._position = position
        self.set_epoch(position.epoch)

    @property
    def sampler(self) -> ResumableBatches:
        """Where Lightning looks for `set_epoch`."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """The epoch of the next iteration."""
        self.start(epoch, self._position.step if epoch == self._position.epoch else 0)

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self.steps

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """See `EpochBatches`."""
        return super().__iter__()


def make_loader(samples: CropSamples, batches: ResumableBatches, workers: int, on_gpu: bool) -> DataLoader:
    """A loader whose workers stay; they see one thread each, since they are many."""
    parallel: dict[str, Any] = {"persistent_workers": True, "prefetch_factor": 4} if workers else {}
    return DataLoader(
        samples,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        pin_memory=on_gpu,
        worker_init_fn=_enter_worker if workers else None,
        **parallel,
    )


def _enter_worker(_worker: int) -> None:
    """One thread; and signals to the whole group (Ctrl-C, `scancel`) are for the main process alone.

    It goes on needing batches until the step's end; a worker ends when its queue does, or its parent.
    """
    torch.set_num_threads(1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
