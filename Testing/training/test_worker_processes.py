"""Work that is shared by several processes ends at once when nobody waits for it any more."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from math import sqrt

import pytest
from ribfrac_testing.training_runs import environment
from RibFracTrainingLib.training.data.worker_processes import in_processes


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_items(count: int) -> None:
    assert list(in_processes(sqrt, [16, 9, 4, 1, 0], count)) == [4, 3, 2, 1, 0]


def _close(results: Iterator) -> None:
    results.close()


def _interrupt(results: Iterator) -> None:
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt)


@pytest.mark.parametrize("leave", [_close, _interrupt])
def test_whoever_leaves_early_waits_for_nothing(leave: Callable[[Iterator], None]) -> None:
    others = set(multiprocessing.active_children())
    results = in_processes(time.sleep, [0, 30, 30, 30, 30], 2)
    assert next(results) is None
    began = time.monotonic()
    leave(results)
    assert time.monotonic() - began < 20
    assert not set(multiprocessing.active_children()) - others


SHARED_WORK = """
import time
from RibFracTrainingLib.training.data.worker_processes import in_processes
results = in_processes(time.sleep, [0, 60, 60, 60, 60], 2)
next(results)
print("at work", flush=True)
next(results)
"""


def test_the_workers_of_a_killed_process_end() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SHARED_WORK], env=environment(), stdout=subprocess.PIPE, encoding="utf-8"
    )
    assert parent.stdout is not None
    assert parent.stdout.readline() == "at work\n"
    parent.kill()
    # The workers have inherited the pipe: it ends when all of them have.
    assert parent.communicate(timeout=20) == ("", None)
