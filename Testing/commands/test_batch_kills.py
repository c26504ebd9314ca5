"""Batches that are killed at random and started again end as undisturbed ones do, byte for byte.

Compared are the names of all files, hidden ones too, and their bytes: boxes, masks, pictures and findings. Of
the findings two entries differ by their nature and are left out: when the case was detected in, and how long
each stage took.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ribfrac_testing.batch_data import comparable_results, write_scans
from ribfrac_testing.command_line import SMALL, command, environment, ribfrac

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="POSIX signals")]

SCANS, KILLS, SHARDS = 20, 5, 3
FILES_OF_A_CASE = 7


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    write_scans(folder, [f"scan{number:02d}" for number in range(SCANS)])
    return folder


@pytest.fixture(scope="module")
def undisturbed(
    scans: Path, busy_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    run = ribfrac("detect", scans, "--output", output, "--weights", busy_weights, *SMALL)
    assert run.returncode == 0, run.stderr
    results = comparable_results(output)
    assert len(results) == SCANS * FILES_OF_A_CASE
    return results


def start(arguments: Sequence[str | Path], more: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env={**environment(), **more},
    )


def finished(output: Path) -> int:
    return len(list(output.glob("*_findings.json")))


def kill_at_random(
    processes: Sequence[subprocess.Popen[bytes]], output: Path, moments: random.Random
) -> None:
    """Kill all once some new case is finished, and a random while after that."""
    before = finished(output)
    while finished(output) == before and any(process.poll() is None for process in processes):
        time.sleep(0.05)
    time.sleep(moments.uniform(0, 2))
    for process in processes:
        process.kill()
        process.wait()


def test_five_kills(scans: Path, busy_weights: Path, undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    output, moments = tmp_path / "out", random.Random(1)
    arguments = ("detect", scans, "--output", output, "--weights", busy_weights, *SMALL)
    seen = [0]
    for _ in range(KILLS):
        kill_at_random([start(arguments, {})], output, moments)
        seen.append(finished(output))
    assert 0 < seen[1] < SCANS, "the first kill came before or after all the work"
    assert seen == sorted(seen)
    run = ribfrac(*arguments)
    assert run.returncode == 0, run.stderr
    assert f"{seen[-1]} finished before" in run.stdout
    assert comparable_results(output) == undisturbed


def test_five_kills_of_three_shards(
    scans: Path, busy_weights: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    output, moments = tmp_path / "out", random.Random(2)
    arguments = ("detect", scans, "--output", output, "--weights", busy_weights, *SMALL)
    ranks = [{"RANK": str(rank), "WORLD_SIZE": str(SHARDS)} for rank in range(SHARDS)]
    for _ in range(KILLS):
        kill_at_random([start(arguments, rank) for rank in ranks], output, moments)
    last = [start(arguments, rank) for rank in ranks]
    assert [process.wait() for process in last] == [0] * SHARDS
    assert comparable_results(output) == undisturbed
