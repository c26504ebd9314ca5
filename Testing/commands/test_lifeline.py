"""An engine does not outlive its starter, and neither does the copy of the CT that it was given."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from ribfrac_testing.command_line import SMALL, command, environment, files_of, ribfrac
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case import temporary_ct

LONG = (*SMALL, "--set", "overlap=0.7")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A temporary copy of a scan of enough windows to be interrupted in."""
    return Stored(chest((80, 64, 48))).write(temporary_ct.new_folder(tmp_path) / "ct.nii.gz")


def arguments(copy: Path, weights: Path, output: Path, settings: Sequence[str] = LONG) -> list[str]:
    """A detection as the application starts it."""
    options = ("--lifeline", "--temporary-input", "--progress", "jsonl")
    return command("detect", copy, "--output", output, "--weights", weights, *settings, *options)


def start(copy: Path, weights: Path, output: Path, settings: Sequence[str] = LONG) -> subprocess.Popen[str]:
    """The engine, with a pipe as its lifeline."""
    return subprocess.Popen(
        arguments(copy, weights, output, settings),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment(),
    )


def wait_for_tile(process: subprocess.Popen[str]) -> None:
    """Read events until a window is done."""
    for line in process.stdout:
        if json.loads(line)["event"] == "tile":
            return
    pytest.fail(f"ended before the first window: {process.stderr.read()}")


def test_the_end_of_standard_input_is_an_interrupt(copy: Path, busy_weights: Path, tmp_path: Path) -> None:
    process = start(copy, busy_weights, tmp_path / "out")
    wait_for_tile(process)
    process.stdin.close()
    errors = process.stderr.read()
    process.stdout.close()
    assert process.wait(timeout=60) == 130
    assert "interrupted" in errors
    assert files_of(tmp_path / "out") == []
    assert not copy.parent.exists()


def test_a_finished_run_removes_the_copy_and_keeps_the_case(
    scan: Stored, busy_weights: Path, tmp_path: Path
) -> None:
    copy = scan.write(temporary_ct.new_folder(tmp_path) / "ct.nii.gz")
    process = start(copy, busy_weights, tmp_path / "out", SMALL)
    events = [json.loads(line) for line in process.stdout]
    assert process.wait() == 0, process.stderr.read()
    assert (events[0]["event"], events[0]["process"]) == ("hello", process.pid)
    assert events[-1]["event"] == "result"
    assert len(files_of(tmp_path / "out")) == 7
    assert not copy.parent.exists()


HOLD_THE_INTERPRETER = """
import signal, sys, threading, time
from pathlib import Path
from argparse import Namespace
from RibFracDetectorLib.commands import lifeline
signal.signal(signal.SIGTERM, signal.SIG_IGN)
lifeline.PATIENCE_S = 0.2
copy, output = map(Path, sys.argv[1:])
lifeline.hold(Namespace(inputs=[copy], output=output, temporary_input=True, lifeline=True))
print("held", flush=True)
time.sleep(300)
"""


def test_a_command_that_does_not_heed_the_interrupt_is_ended(copy: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_INTERPRETER, str(copy), str(tmp_path / "out")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment(),
    )
    assert process.stdout.readline() == "held\n"
    staging = tmp_path / "out" / f".ct.{temporary_ct.this_host()}-{process.pid}.staging"
    others = tmp_path / "out" / f".ct.{temporary_ct.this_host()}-{process.pid + 1}.staging"
    for folder in (staging, others):
        folder.mkdir(parents=True)
    process.stdin.close()
    process.stdout.close()
    assert process.wait(timeout=60) == 130
    assert not staging.exists()
    assert others.exists()
    assert not copy.parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_a_killed_starter_takes_the_engine_with_it(copy: Path, busy_weights: Path, tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, json.dumps(arguments(copy, busy_weights, tmp_path / "out"))],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment(),
    )
    engine = int(starter.stdout.readline())
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    for _ in range(600):
        if not copy.parent.exists() and not _runs(engine):
            break
        time.sleep(0.1)
    assert not _runs(engine)
    assert not copy.parent.exists()


STARTER = """
import json, subprocess, sys, time
engine = subprocess.Popen(json.loads(sys.argv[1]), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for line in engine.stdout:
    if json.loads(line)["event"] == "tile":
        break
print(engine.pid, flush=True)
time.sleep(300)
"""


def _runs(number: int) -> bool:
    """Whether a process computes; a dead one that nobody has waited for does not."""
    state = Path(f"/proc/{number}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"


def test_only_a_temporary_copy_is_removed(busy_weights: Path, tmp_path: Path) -> None:
    source = Stored(chest((48, 48, 48))).write(tmp_path / "precious.nii.gz")
    run = ribfrac(
        "detect", source, "--output", tmp_path / "out", "--weights", busy_weights, "--temporary-input"
    )
    assert run.returncode == 2
    assert "only a copy that the application made" in run.stderr
    assert source.exists()


def test_what_dead_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = temporary_ct.new_folder(tmp_path)
    host = temporary_ct.this_host()
    dead = tmp_path / f"ribfrac-ct-{host}-{ended.pid}-abc"
    elsewhere = tmp_path / f"ribfrac-ct-{'0' * 8}-{ended.pid}-abc"
    users = tmp_path / "ribfrac-ct-of-the-user"
    for folder in (dead, elsewhere, users):
        folder.mkdir()
        (folder / "ct.nrrd").write_bytes(b"ct")
    assert temporary_ct.remove_left_behind(tmp_path) == [dead]
    assert {path.name for path in tmp_path.iterdir()} == {own.name, elsewhere.name, users.name}


def test_a_folder_of_another_name_is_never_removed(tmp_path: Path) -> None:
    mine = tmp_path / "ribfrac-ct-of-mine"
    mine.mkdir()
    with pytest.raises(ValueError, match="was not made by new_folder"):
        temporary_ct.remove_folder(mine)
    assert mine.is_dir()
    own = temporary_ct.new_folder(tmp_path)
    temporary_ct.remove_folder(own)
    temporary_ct.remove_folder(own)
    assert not own.exists()
