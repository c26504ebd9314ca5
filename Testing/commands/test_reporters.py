"""What `--progress` tells while scans are searched: the time that is left, and a line of each scan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.evaluation_data import write_findings_file
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.findings_file import read_findings
from RibFracDetectorLib.commands import reporters
from RibFracDetectorLib.commands.reporters import JsonLinesReporter, NotesReporter

BOX = (10, 10, 10, 30, 30, 20)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The reporters' clock."""
    clock = Clock()
    monkeypatch.setattr(reporters, "time", clock)
    return clock


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What programs have been told since."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_time_left_is_that_of_the_windows_to_come(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = JsonLinesReporter()
    assert events(capsys)[0]["event"] == "hello"
    reporter.begin_case("a")
    for done, now in ((1, 110.0), (2, 114.0), (5, 120.0)):
        clock.now = now
        reporter.tile(done, 10)
    _, *tiles = events(capsys)
    assert [tile["case"] for tile in tiles] == ["a"] * 3
    # Nothing is known at the first, as loading comes before it; then 8 windows of 4 s, 5 of 2.5 s.
    assert [tile.get("seconds_left") for tile in tiles] == [None, 32.0, 12.5]


def test_the_time_left_of_a_batch_does_not_count_what_was_finished_before(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    reporter = JsonLinesReporter()
    clock.now += 50
    for done in (6, 7, 8):
        reporter.batch(done, 10)
        clock.now += 20
    _, *told = events(capsys)
    assert [event.get("seconds_left") for event in told] == [None, 60.0, 40.0]


def test_an_error_carries_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    JsonLinesReporter().failure("a", InputError("no CT"))
    _, error = events(capsys)
    assert error == {"event": "error", "case": "a", "text": "no CT", "exit_status": 2}


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([0.9, 0.7, 0.1], "2 findings, best score 0.90"),
        ([0.6, 0.1], "1 finding, best score 0.60"),
        ([0.1], "no findings"),
    ],
)
def test_a_scan_of_a_batch_is_one_line_of_what_reaches_the_threshold(
    scores: list[float], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_findings_file(tmp_path, "a", [(BOX, score) for score in scores], threshold=0.5)
    NotesReporter().batch_result(read_findings(path), tmp_path)
    assert capsys.readouterr().err == f"ribfrac: a: {words}\n"
    JsonLinesReporter().batch_result(read_findings(path), tmp_path)
    assert events(capsys)[-1]["findings"] == len([score for score in scores if score >= 0.5])
