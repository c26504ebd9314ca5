"""The application's doors: `train.py` inside and outside it, under torchrun, and the headless module."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ribfrac_testing import script_host
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.training_runs import (
    callback,
    checkpoint,
    environment,
    shared_data,
)

SCRIPT = REPOSITORY / "RibFracTraining" / "Scripts" / "train.py"
MODULE = REPOSITORY / "RibFracTraining" / "RibFracTraining.py"
LONG = "loop.epochs=1000"
PYTHON = sys.executable
"""Of these tests; some put a launcher in its place."""


def overrides(tiny: Path) -> list[str]:
    return [*shared_data(tiny), "loop.epochs=1"]


def alone() -> dict[str, str]:
    """An environment that does not say where the libraries are."""
    return {key: value for key, value in environment().items() if key != "PYTHONPATH"}


def in_application(*arguments: object) -> list[str]:
    """The simulated application, running train.py."""
    return [sys.executable, script_host.__file__, str(SCRIPT), *map(str, arguments)]


def outside(*arguments: object) -> list[str]:
    return [sys.executable, str(SCRIPT), *map(str, arguments)]


BOTH_DOORS = pytest.mark.parametrize("how", [in_application, pytest.param(outside, marks=pytest.mark.slow)])


@BOTH_DOORS
def test_success(tiny: Path, tmp_path: Path, how) -> None:
    command = how(tiny, *overrides(tiny), "--output", tmp_path / "run")
    done = subprocess.run(
        command, env=alone(), cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 1: loss" in done.stderr
    assert checkpoint(tmp_path / "run" / "latest.pth")["meta"]["epoch"] == 1


@pytest.mark.slow
@BOTH_DOORS
def test_wrong_input(tiny: Path, tmp_path: Path, how) -> None:
    command = how(tiny, "loop.epochz=1", "--output", tmp_path / "run")
    done = subprocess.run(command, env=alone(), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2
    assert "did you mean loop.epochs?" in done.stderr


@BOTH_DOORS
def test_failure(tiny: Path, tmp_path: Path, how) -> None:
    poisoned = callback("PoisonAt", first=0, last=99)
    command = how(tiny, *overrides(tiny), poisoned, "loop.nonfinite_limit=2", "--output", tmp_path / "run")
    done = subprocess.run(command, env=alone(), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert "diverged" in done.stderr


@pytest.mark.slow
@BOTH_DOORS
def test_sigterm_saves_and_ends(tiny: Path, tmp_path: Path, how) -> None:
    command = how(tiny, *overrides(tiny)[:-1], LONG, "--output", tmp_path / "run")
    process = subprocess.Popen(command, env=alone(), stderr=subprocess.PIPE, encoding="utf-8")
    wait_for(tmp_path / "run" / "train.csv", process)
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1]
    assert process.returncode == 130, said
    assert "--resume auto goes on from there" in said
    assert checkpoint(tmp_path / "run" / "latest.pth")["global_step"] > 0


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes here")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["scancel", "ctrl-c"])
def test_a_signal_to_the_whole_group_spares_the_loaders_worker(tiny: Path, tmp_path: Path, number) -> None:
    command = outside(tiny, *shared_data(tiny), "data.workers=1", LONG, "--output", tmp_path / "run")
    process = subprocess.Popen(
        command, env=alone(), stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True
    )
    wait_for(tmp_path / "run" / "train.csv", process)
    os.killpg(process.pid, number)
    said = process.communicate()[1]
    assert process.returncode == 130, said
    assert checkpoint(tmp_path / "run" / "latest.pth")["global_step"] > 0


@pytest.mark.slow
def test_a_killed_application_leaves_no_training_behind(tiny: Path, tmp_path: Path) -> None:
    command = in_application(tiny, *overrides(tiny)[:-1], LONG, "--output", tmp_path / "run")
    process = subprocess.Popen(command, env=alone(), stderr=subprocess.DEVNULL)
    wait_for(tmp_path / "run" / "train.csv", process)
    process.kill()
    process.wait()
    assert_grows_no_more(tmp_path / "run" / "train.csv")
    assert (tmp_path / "run" / "latest.pth").exists()


def assert_grows_no_more(path: Path) -> None:
    """Wait until a file has not grown for a while."""
    size, since, end = -1, time.monotonic(), time.monotonic() + 120
    while time.monotonic() - since < 5:
        assert time.monotonic() < end, "the training goes on"
        if path.stat().st_size != size:
            size, since = path.stat().st_size, time.monotonic()
        time.sleep(0.2)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    """Wait until a run has come as far as to write a file."""
    end = time.monotonic() + 120
    while not path.exists():
        assert process.poll() is None, "the run has ended"
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_torchrun(tiny: Path, tmp_path: Path) -> None:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    arguments = [SCRIPT, tiny, *overrides(tiny), "--output", tmp_path / "run"]
    done = subprocess.run(
        [*launcher, *map(str, arguments)], env=alone(), capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert checkpoint(tmp_path / "run" / "latest.pth")["meta"]["epoch"] == 1


QUESTION = """
import importlib.util, sys
sys.path[:0] = {folders!r}
spec = importlib.util.spec_from_file_location("RibFracTraining", {module!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
"""


def test_module_loads_no_torch() -> None:
    folders = [str(MODULE.parent), str(REPOSITORY / "RibFracDetector")]
    # What the application's own package `slicer` loads, numpy for one, is there already.
    application = "import contextlib, sys\nwith contextlib.suppress(ImportError):\n    import slicer\n"
    script = application + "there = set(sys.modules)\n" + QUESTION.format(folders=folders, module=str(MODULE))
    script += (
        "heavy = {'torch', 'numpy', 'pytorch_lightning', 'RibFracTrainingLib'}\n"
        "print(sorted(heavy & (set(sys.modules) - there)))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == "[]"


def load_module():
    import importlib.util

    spec = importlib.util.spec_from_file_location("RibFracTraining", MODULE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LAUNCHER = """#!/bin/sh
{python} -c 'import sys; print("at work", file=sys.stderr, flush=True); sys.stdin.read(); sys.exit(130)'
"""


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Starts a process that ends with its standard input; keeps signals to itself, as PythonSlicer does."""
    program = tmp_path / "PythonSlicer"
    program.write_text(LAUNCHER.format(python=sys.executable), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    return program


@pytest.mark.skipif(os.name == "nt", reason="a script that is a program")
@pytest.mark.usefixtures("launcher")
def test_logic_stops_a_training_behind_a_launcher() -> None:
    logic = load_module().RibFracTrainingLogic()
    logic.start("smoke")
    until(lambda: logic.messages)
    logic.stop()
    assert logic.wait(60) == 130


@pytest.mark.skipif(os.name == "nt", reason="signals, and a script that is a program")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_script_stops_a_training_behind_a_launcher(launcher: Path, name: str) -> None:
    code = f"import sys; sys.executable = {str(launcher)!r}\n" + in_process_of(SCRIPT)
    process = subprocess.Popen(
        [PYTHON, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
    )
    assert process.stderr.readline() == "at work\n"
    process.send_signal(getattr(signal, name))
    assert process.wait(60) == 130
    process.communicate()


def in_process_of(script: Path) -> str:
    """Code that runs a script's training in a process of its own."""
    return (
        f"import runpy; names = runpy.run_path({str(script)!r})\nsys.exit(names['run_in_child'](['smoke']))\n"
    )


def test_no_console_opens_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """One would, because the application has none that its child could use."""
    import runpy

    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 1 << 27, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 1 << 9, raising=False)
    monkeypatch.setattr(os, "name", "nt")
    options = load_module()._without_console(), runpy.run_path(str(SCRIPT))["_apart"]()
    assert all(option["creationflags"] & subprocess.CREATE_NO_WINDOW for option in options)


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_logic_starts_watches_and_stops(tiny: Path, tmp_path: Path) -> None:
    logic = load_module().RibFracTrainingLogic()
    assert logic.exit_status is None
    logic.start(str(tiny), [*overrides(tiny)[:-1], LONG], output=str(tmp_path / "run"))
    with pytest.raises(RuntimeError, match="running already"):
        logic.start(str(tiny))
    events, end = [], time.monotonic() + 120
    while not any(event["event"] == "step" for event in events):
        assert logic.is_running, logic.messages
        assert time.monotonic() < end
        events += logic.poll()
        time.sleep(0.05)
    assert events[0]["event"] == "hello"
    assert Path(events[0]["library"]) == REPOSITORY / "RibFracDetector" / "RibFracDetectorLib"
    logic.stop()
    assert logic.wait(120) == logic.exit_status == 130
    assert "--resume auto" in logic.messages[-1]
    logic.start(str(tiny), [*overrides(tiny), "loop.epochs=0"], output=str(tmp_path / "other"))
    assert logic.wait(120) == 2
    assert "loop.epochs" in logic.messages[-1]


@pytest.mark.slow
def test_two_runs_of_two_processes_at_once(tiny: Path, tmp_path: Path) -> None:
    """Each finds a free port, and waits for its own second process."""
    commands = [
        outside(tiny, *overrides(tiny), "devices.count=2", "--output", tmp_path / name) for name in "ab"
    ]
    environments = {key: value for key, value in alone().items() if key != "MASTER_PORT"}
    processes = [subprocess.Popen(command, env=environments) for command in commands]
    assert [process.wait() for process in processes] == [0, 0]
    one, other = (checkpoint(tmp_path / name / "latest.pth")["state_dict"] for name in "ab")
    assert all((one[key] == other[key]).all() for key in one)
