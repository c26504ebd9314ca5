"""The benchmark of the data pipeline tells what its workers really deliver, however many there are."""

from __future__ import annotations

import argparse
import importlib
import time

import numpy as np
import pytest
from ribfrac_testing.reference import REPOSITORY
from RibFracTrainingLib.training.data.samples import SampleKey

SECONDS = 0.1


class SlowSamples:
    """Samples of two crops that take `SECONDS` each."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, key: SampleKey) -> list[argparse.Namespace]:
        time.sleep(SECONDS)
        empty = np.zeros((1, 1, 1), np.int16)
        return [argparse.Namespace(image=empty, instances=empty, classes=np.zeros(0, int), source="")] * 2


@pytest.mark.parametrize("workers", [0, 1, 4])
def test_what_was_read_ahead_does_not_count(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(REPOSITORY / "Testing" / "Benchmarks")
    benchmark = importlib.import_module("training_data")
    options = argparse.Namespace(steps=2, workers=workers, samples_per_step=1)
    rate = benchmark.loader_rate(SlowSamples(), options, None)
    true = 2 * max(workers, 1) / SECONDS
    assert 0 < rate < 1.2 * true  # a busy machine makes it slower, nothing faster
