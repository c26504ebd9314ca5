"""The mean of the probability maps of all passes, one map in memory at a time. Source: spec 5.4."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...case.errors import RibFracError


class RunningMean:
    """Collects maps of one size, float32 [x, y, z]."""

    def __init__(self) -> None:
        self._mean: NDArray[np.float32] | None = None
        self._count = 0

    def add(self, probability: NDArray[np.float32]) -> None:
        """Take one map into the mean; the first is kept and changed by later ones.

        Raises:
            RibFracError: the map has another size than those before. This happens in mode original alone,
                where the map of a pass may carry padding; the original system crashes there (spec 5.3 [bug]).
        """
        self._count += 1
        if self._mean is None:
            self._mean = probability
            return
        if probability.shape != self._mean.shape:
            raise RibFracError(
                f"mode original cannot merge maps of sizes {self._mean.shape} and {probability.shape}: the "
                "original system fails on a scan smaller than its window and outside its spacing range; use "
                "--mode standard"
            )
        self._mean += (probability - self._mean) / self._count

    def result(self) -> NDArray[np.float32]:
        """The mean of all maps, of which there must be one."""
        if self._mean is None:
            raise ValueError("no map was added")
        return self._mean
