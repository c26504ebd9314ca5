"""The engine's process: handshake, events, and every way to end, each in words for the user."""

from __future__ import annotations

import os
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest
from RibFracDetectorLib.case.handshake import LIBRARY, hello_event

from .processes import Wait, alive

HELLO = "print(json.dumps(hello_event()), flush=True)"
READY = "print(json.dumps({'event': 'ready'}), flush=True)"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")


class Run:
    """A process that says what a test wants, and what `EngineProcess` made of it."""

    def __init__(self, code: str, program: str = sys.executable) -> None:
        from RibFracDetectorLib.gui.child_process import Command
        from RibFracDetectorLib.gui.engine_process import EngineProcess, Listener

        self.events: list[dict[str, Any]] = []
        self.log: list[str] = []
        self.endings: list[Any] = []
        prelude = (
            "import json, os, signal, subprocess, sys, time\n"
            "from RibFracDetectorLib.case.handshake import hello_event\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(LIBRARY.parent), "PYTHONUNBUFFERED": "1"}
        self.process = EngineProcess(Listener(self.events.append, self.log.append, self.endings.append))
        self.process.start(Command(program, ["-c", prelude + textwrap.dedent(code)], environment))

    @property
    def error(self) -> str:
        """The one line for the user, which must be one."""
        (ending,) = self.endings
        assert ending.error
        assert "\n" not in ending.error
        return ending.error


@pytest.fixture
def finish(wait: Wait) -> Callable[[str], Run]:
    """Runs a process to its end."""

    def run(code: str, program: str = sys.executable) -> Run:
        running = Run(code, program)
        wait(lambda: running.endings)
        return running

    return run


def test_events_and_log_arrive_apart_and_in_order(finish: Callable[..., Run]) -> None:
    run = finish(
        f"""
        {HELLO}
        for number in range(300):
            print(json.dumps({{"event": "tile", "done": number, "name": "Rippe é"}}))
        print("words for people", file=sys.stderr)
        sys.stdout.write(json.dumps({{"event": "last"}}))
        """
    )
    assert run.endings[0].succeeded
    assert [event.get("done") for event in run.events] == [*range(300), None]
    assert run.events[0]["name"] == "Rippe é"
    assert run.events[-1] == {"event": "last"}, "also what came without a line end"
    assert run.log == ["words for people"]


@pytest.mark.parametrize(
    ("key", "value"), [("protocol", 2), ("version", "0.0.9"), ("library", "/elsewhere/RibFracDetectorLib")]
)
def test_another_library_is_refused_and_stopped(finish: Callable[..., Run], key: str, value: object) -> None:
    answer = {**hello_event(), key: value}
    run = finish(f"print({answer!r}.__class__ and json.dumps({answer!r}), flush=True); time.sleep(300)")
    assert f"its {key} is {value}" in run.error
    assert run.events == []


@pytest.mark.parametrize("line", ["Welcome to my site", "[1, 2]", '{"no": "event"}', '{"event": "tile", "do'])
def test_a_line_that_is_no_message_stops_the_engine(finish: Callable[..., Run], line: str) -> None:
    run = finish(f"{HELLO}\nprint({line!r}, flush=True)\ntime.sleep(300)")
    assert line[:10] in run.error
    assert "a message was expected" in run.error


def test_an_engine_that_begins_with_something_else_is_refused(finish: Callable[..., Run]) -> None:
    run = finish("print(json.dumps({'event': 'tile'}), flush=True); time.sleep(300)")
    assert "began with 'tile'" in run.error


def test_an_error_is_told_in_the_engines_words(finish: Callable[..., Run]) -> None:
    run = finish(
        f"""
        {HELLO}
        print(json.dumps({{"event": "error", "text": "out of memory on cuda:0: use --device cpu"}}))
        print("ribfrac: something later", file=sys.stderr)
        sys.exit(1)
        """
    )
    assert run.error == "out of memory on cuda:0: use --device cpu"


def test_without_an_error_event_the_last_words_count(finish: Callable[..., Run]) -> None:
    run = finish("print('ribfrac: --weights x: no such file', file=sys.stderr); sys.exit(2)")
    assert run.error == "--weights x: no such file"
    silent = finish("sys.exit(1)")
    assert "said nothing" in silent.error


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "sys.exit(137)"])
def test_a_kill_from_outside_is_called_one(finish: Callable[..., Run], end: str) -> None:
    """Also through a launcher, which turns the signal into a status."""
    run = finish(f"{HELLO}\nprint('a warning', file=sys.stderr)\n{end}")
    assert "ended from outside" in run.error
    assert "memory" in run.error


def test_a_python_that_is_not_there(finish: Callable[..., Run]) -> None:
    run = finish("", program="/nowhere/python")
    assert "/nowhere/python" in run.error
    assert "Engine Python" in run.error


def test_cancel_is_an_end_of_standard_input(wait: Wait) -> None:
    run = Run(f"{HELLO}\n{READY}\nsys.stdin.read()\nsys.exit(130)")
    wait(lambda: run.events)
    run.process.cancel()
    wait(lambda: run.endings)
    assert run.endings[0].cancelled
    assert run.endings[0].error is None


def test_an_engine_that_does_not_heed_is_killed_with_its_children(
    wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    from RibFracDetectorLib.gui import engine_process

    monkeypatch.setattr(engine_process, "CANCEL_PATIENCE_MS", 200)
    run = Run(
        f"""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
        {HELLO}
        print(json.dumps({{"event": "child", "process": child.pid}}), flush=True)
        time.sleep(300)
        """
    )
    wait(lambda: run.events)
    numbers = [run.events[0]["process"], run.process._engine_number]
    assert all(alive(number) for number in numbers)
    run.process.cancel()
    wait(lambda: run.endings)
    assert run.endings[0].cancelled
    wait(lambda: not any(alive(number) for number in numbers))


def test_abandoning_leaves_nothing_and_tells_nobody(app: Any, wait: Wait) -> None:
    run = Run(f"{HELLO}\n{READY}\ntime.sleep(300)")
    wait(lambda: run.events)
    number = run.process._engine_number
    run.process.abandon()
    assert not alive(number)
    for _ in range(20):
        app.processEvents()
        time.sleep(0.005)
    assert run.endings == []
