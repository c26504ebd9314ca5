"""An engine that was started in advance: it loads, waits for one line, and is then like any other."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.command_line import SMALL, command, environment, files_of, ribfrac
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case import temporary_ct
from RibFracDetectorLib.case.findings_file import read_findings

PATIENCE_S = 240.0  # a busy machine must not fail a test; less than the command's own idle time
OPTIONS = ("--progress", "jsonl", "--lifeline", "--temporary-input")


class Engine:
    """A process that stands by.

    Args:
        command_line: what to start.
    """

    def __init__(self, command_line: list[str]) -> None:
        self.process = subprocess.Popen(
            command_line,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment(),
        )
        # Not the process's own, because its `communicate` would close it.
        self._input, self.process.stdin = self.process.stdin, None

    def say(self, text: str) -> None:
        """Write something to its standard input."""
        self._input.write(text)
        self._input.flush()

    def hang_up(self) -> None:
        """End its standard input."""
        self._input.close()

    def wait_for(self, kind: str) -> dict[str, Any]:
        """Read events until one of this kind, and return it."""
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == kind:
                return event
        pytest.fail(f"ended before {kind!r}: {self.process.stderr.read()}")

    def end(self) -> tuple[int, str]:
        """Wait until it ends by itself: its exit status, and what it said to people."""
        _, errors = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, errors

    def remove(self) -> None:
        """Leave nothing behind, whatever the test did."""
        self.process.kill()
        self.process.communicate()
        self._input.close()


@pytest.fixture
def copy(scan: Stored, tmp_path: Path) -> Path:
    """A temporary copy of the scan."""
    return scan.write(temporary_ct.new_folder(tmp_path) / "ct.nii.gz")


@pytest.fixture
def standby(busy_weights: Path, tmp_path: Path) -> Iterator[Callable[..., Engine]]:
    """Starts engines that stand by; a script is run first, in the same process. None is left behind."""
    started: list[Engine] = []

    def start(script: str = "", weights: Path = busy_weights) -> Engine:
        options = ["--output", tmp_path / "out", "--weights", weights, *SMALL, *OPTIONS]
        program, _, *rest = command("detect", "--standby", *options)
        whole = f"{script}\nimport runpy\nrunpy.run_module('RibFracDetectorLib', run_name='__main__')"
        started.append(Engine([program, "-c", whole, *rest[1:]] if script else [program, "-m", *rest]))
        return started[-1]

    yield start
    for engine in started:
        engine.remove()


@pytest.fixture
def engine(standby: Callable[..., Engine]) -> Engine:
    """One of them, as the application starts it."""
    return standby()


def job(copy: Path, output: Path, case: str = "told") -> str:
    """The line that asks for a detection."""
    return json.dumps({"input": str(copy), "case": case, "output": str(output)}) + "\n"


def test_it_detects_in_what_it_is_told_and_finds_the_same(
    engine: Engine, copy: Path, scan: Stored, busy_weights: Path, tmp_path: Path
) -> None:
    hello = engine.wait_for("hello")
    engine.wait_for("ready")
    engine.say(job(copy, tmp_path / "elsewhere"))
    assert engine.wait_for("accepted") == {"event": "accepted", "case": "told"}
    assert engine.wait_for("result")["case"] == "told"
    assert engine.end() == (0, "")
    assert hello["process"] == engine.process.pid
    assert len(files_of(tmp_path / "elsewhere")) == 7
    assert files_of(tmp_path / "out") == []
    assert not copy.parent.exists()
    source = scan.write(tmp_path / "scan.nii.gz")
    ribfrac("detect", source, "--output", tmp_path / "cold", "--weights", busy_weights, *SMALL)
    cold = read_findings(tmp_path / "cold" / "scan_findings.json")
    assert read_findings(tmp_path / "elsewhere" / "told_findings.json").findings == cold.findings


def test_a_job_that_comes_while_it_loads_waits(engine: Engine, copy: Path, tmp_path: Path) -> None:
    """Also with something after the line, which is nobody's."""
    engine.say(job(copy, tmp_path / "out") + "something else\n")
    engine.wait_for("result")
    assert engine.end() == (0, "")
    assert len(files_of(tmp_path / "out")) == 7


@pytest.mark.parametrize("moment", ["accepted", "stage"])
def test_the_lifeline_holds_from_the_job_on(engine: Engine, copy: Path, tmp_path: Path, moment: str) -> None:
    engine.say(job(copy, tmp_path / "out"))
    engine.wait_for(moment)
    engine.hang_up()
    status, _ = engine.end()
    assert status == 130
    assert not copy.parent.exists()
    assert files_of(tmp_path / "out") == []


@pytest.mark.parametrize("moment", ["hello", "ready"])
def test_it_ends_when_standard_input_does(engine: Engine, moment: str, tmp_path: Path) -> None:
    engine.wait_for(moment)
    engine.hang_up()
    assert engine.end() == (0, "")
    assert files_of(tmp_path / "out") == []


IDLE = "from RibFracDetectorLib.commands import detect, standby\nstandby.IDLE_S = 0.0\n"
UNLOADED = "from RibFracDetectorLib.commands import detect\ndetect._Making.warm_up = lambda self: None\n"


def test_it_ends_when_nobody_wants_it(standby: Callable[..., Engine]) -> None:
    """The waiting time is over at once here, but it begins only when everything is loaded."""
    engine = standby(IDLE)
    engine.wait_for("ready")
    assert engine.end() == (0, "")


JOB_AT_THE_LAST_MOMENT = """
import threading, time
accepted = threading.Event()
hold = standby.lifeline.hold
def hold_slowly(arguments):
    accepted.set()
    time.sleep(0.5)
    hold(arguments)
standby.lifeline.hold = hold_slowly
detect._Making.warm_up = lambda self: accepted.wait()
"""


def test_a_job_that_is_accepted_is_done_though_the_time_is_over(
    standby: Callable[..., Engine], copy: Path, tmp_path: Path
) -> None:
    engine = standby(IDLE + JOB_AT_THE_LAST_MOMENT)
    engine.say(job(copy, tmp_path / "out"))
    engine.wait_for("result")
    assert engine.end() == (0, "")


FAILING = """
def fail(making):
    accepted.wait()
    raise RuntimeError("no memory for the moment")
detect._Making.warm_up = fail
"""


def test_loading_that_fails_costs_no_job(standby: Callable[..., Engine], copy: Path, tmp_path: Path) -> None:
    engine = standby(IDLE + JOB_AT_THE_LAST_MOMENT + FAILING)
    engine.say(job(copy, tmp_path / "out"))
    engine.wait_for("result")
    assert engine.end() == (0, "")


def test_without_a_job_loading_that_fails_is_the_end(standby: Callable[..., Engine], tmp_path: Path) -> None:
    engine = standby(weights=tmp_path / "none.pth")
    status, errors = engine.end()
    assert status == 2
    assert "none.pth" in errors
    assert errors.count("\n") == 1


WRONG = ("no JSON", "", "[1]", "7", '{"input": "a", "case": "b"}', '{"input": 1, "case": "b", "output": "c"}')


@pytest.mark.parametrize("line", [*WRONG, "é" * 300, "[" * 20_000], ids=range(len(WRONG) + 2))
def test_a_wrong_job_is_refused_in_one_line(standby: Callable[..., Engine], line: str) -> None:
    engine = standby(UNLOADED)
    engine.say(line + "\n")
    status, errors = engine.end()
    assert status == 2
    assert repr(line)[1:80] in errors
    assert "expected one line of JSON with the texts input, case, output" in errors
    assert errors.count("\n") == 1
    assert len(errors) < 300


def test_a_job_with_an_empty_path_is_refused(standby: Callable[..., Engine], tmp_path: Path) -> None:
    """It would be the current directory, and every scan in it."""
    engine = standby(UNLOADED)
    engine.say(json.dumps({"input": "", "case": "a", "output": str(tmp_path / "out")}) + "\n")
    status, errors = engine.end()
    assert status == 2
    assert "empty path" in errors


def test_a_job_removes_only_a_temporary_copy(standby: Callable[..., Engine], tmp_path: Path) -> None:
    source = Stored(chest((48, 48, 48))).write(tmp_path / "precious.nii.gz")
    engine = standby(UNLOADED)
    engine.say(job(source, tmp_path / "out"))
    status, errors = engine.end()
    assert status == 2
    assert "only a copy that the application made" in errors
    assert source.exists()


@pytest.mark.parametrize("told", [["scan.nii.gz"], ["--case", "a"]])
def test_a_scan_is_told_in_one_way(told: list[str], tmp_path: Path) -> None:
    run = ribfrac("detect", *told, "--standby", "--output", tmp_path)
    assert run.returncode == 2
    assert "leave INPUT and --case out" in run.stderr


def test_without_standby_a_scan_has_to_be_named(tmp_path: Path) -> None:
    run = ribfrac("detect", "--output", tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith("ribfrac: no INPUT")
