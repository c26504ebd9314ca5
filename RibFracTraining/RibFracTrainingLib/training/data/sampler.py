"""The order of samples: a pure function of seed, epoch, step, rank and number of processes.

Every process computes the whole order of an epoch and takes its own part: step s of the epoch trains on the
positions from s * world_size * batch_size, of which rank r has the r-th batch. So the processes never share a
sample within an epoch, and an interrupted epoch goes on at any step. The loop says where to start; how far
loader workers have read ahead does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from .samples import SampleKey

_ORDER = 0x0DE2  # keeps the order's random numbers apart from those of the samples


class EpochBatches(Sampler[list[SampleKey]]):
    """A batch sampler whose batches are keys for `CropSamples`.

    What does not fill a batch on every process is left out; other samples in each epoch. A data set smaller
    than that is repeated, in another order, until one step is full.
    """

    def __init__(self, samples: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        """Set up; the first epoch starts at its beginning.

        Args:
            samples: length of the `CropSamples`.
            batch_size: samples (pairs of crops) of one process and step.
            seed: of the order.
            rank: of this process.
            world_size: number of processes.

        Raises:
            ValueError: a number is out of range.
        """
        if samples < 1 or batch_size < 1 or not 0 <= rank < world_size:
            raise ValueError(
                f"expected samples and a batch size of at least 1 and a rank below the number of processes, "
                f"not {samples}, {batch_size}, rank {rank} of {world_size}"
            )
        self.samples = samples
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0
        self.first_step = 0

    @property
    def steps(self) -> int:
        """Steps of a whole epoch, the same on every process."""
        return max(1, self.samples // (self.batch_size * self.world_size))

    def start(self, epoch: int, step: int = 0) -> None:
        """Let the next iteration be of `epoch`, from `step` on.

        Raises:
            ValueError: the epoch has no such step.
        """
        if epoch < 0 or not 0 <= step <= self.steps:
            raise ValueError(
                f"expected an epoch from 0 and a step from 0 to {self.steps}, not {epoch}, {step}"
            )
        self.epoch = epoch
        self.first_step = step

    def __len__(self) -> int:
        """Batches of the next iteration."""
        return self.steps - self.first_step

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """The batches of this process."""
        order = self.order(self.epoch)
        epoch = self.epoch
        for step in range(self.first_step, self.steps):
            first = (step * self.world_size + self.rank) * self.batch_size
            yield [SampleKey(epoch, place, order[place]) for place in range(first, first + self.batch_size)]

    def order(self, epoch: int) -> list[int]:
        """The items of an epoch over all processes."""
        generator = np.random.default_rng([self.seed, epoch, _ORDER])
        needed = self.steps * self.batch_size * self.world_size
        rounds = -(-needed // self.samples)
        return np.concatenate([generator.permutation(self.samples) for _ in range(rounds)]).tolist()[:needed]
