"""Ctrl-C, SIGTERM and kill -9 during `ribfrac detect`."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from ribfrac_testing.command_line import SMALL, command, environment, files_of, heed_ctrl_c, ribfrac
from ribfrac_testing.volumes import Stored, chest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

LONG = (*SMALL, "--set", "overlap=0.7")


@pytest.fixture(scope="module")
def long_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan of enough windows to be interrupted in."""
    return Stored(chest((80, 64, 48))).write(tmp_path_factory.mktemp("long") / "long.nii.gz")


def start(scan: Path, weights: Path, output: Path) -> subprocess.Popen[str]:
    """`ribfrac detect` in a process of its own."""
    return subprocess.Popen(
        command("detect", scan, "--output", output, "--weights", weights, *LONG, "--progress", "jsonl"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        preexec_fn=heed_ctrl_c,
        env=environment(),
    )


def wait_for_tile(process: subprocess.Popen[str], number: int) -> None:
    """Read events until window `number` is done."""
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "tile" and event["done"] == number:
            return
    pytest.fail(f"ended before window {number}: {process.stderr.read()}")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_an_interrupt_stops_within_one_window(
    sent: signal.Signals, long_scan: Path, busy_weights: Path, tmp_path: Path
) -> None:
    process = start(long_scan, busy_weights, tmp_path / "out")
    wait_for_tile(process, 3)
    assert any(name.endswith(".staging") for name in files_of(tmp_path / "out"))
    process.send_signal(sent)
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    (line,) = errors.splitlines()
    assert "interrupted" in line
    tiles = [event for event in map(json.loads, output.splitlines()) if event["event"] == "tile"]
    # One window may have been under way, and its event on the way to us, when the signal was sent.
    assert len(tiles) <= 2
    assert files_of(tmp_path / "out") == []


def test_a_killed_run_leaves_no_case_and_the_next_one_cleans_up(
    long_scan: Path, busy_weights: Path, tmp_path: Path
) -> None:
    process = start(long_scan, busy_weights, tmp_path / "out")
    wait_for_tile(process, 2)
    process.kill()
    process.communicate()
    assert all(name.endswith(".staging") for name in files_of(tmp_path / "out"))
    run = ribfrac("detect", long_scan, "--output", tmp_path / "out", "--weights", busy_weights, *SMALL)
    assert run.returncode == 0, run.stderr
    assert len(files_of(tmp_path / "out")) == 7


@pytest.mark.slow
def test_twenty_kills_at_random_moments(long_scan: Path, busy_weights: Path, tmp_path: Path) -> None:
    """Whatever the moment, the folder holds no finished case or a whole one, and the end is the same."""
    undisturbed = tmp_path / "undisturbed"
    arguments = ("--weights", busy_weights, *SMALL)
    assert ribfrac("detect", long_scan, "--output", undisturbed, *arguments).returncode == 0
    output = tmp_path / "out"
    moments = random.Random(0)
    for _ in range(20):
        process = subprocess.Popen(
            command("detect", long_scan, "--output", output, *arguments, "--overwrite"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        time.sleep(moments.uniform(0, 8))
        process.kill()
        process.wait()
        if (output / "long_findings.json").exists():
            _assert_equal_results(output, undisturbed)
    assert ribfrac("detect", long_scan, "--output", output, *arguments, "--overwrite").returncode == 0
    _assert_equal_results(output, undisturbed)


def _assert_equal_results(folder: Path, other: Path) -> None:
    findings = [
        json.loads((place / "long_findings.json").read_text())["findings"] for place in (folder, other)
    ]
    assert findings[0] == findings[1]
    for name in ("long_det_roi_infos.json", "long_seg_roi_infos.json"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()
