"""`--standby`: the command makes itself ready first and is told afterwards what to detect in.

Loading libraries and weights takes a while, so whoever expects another scan starts the command in advance.
It says `ready` once everything is loaded, and `accepted` once it has read its job, one line of JSON on
standard input. The job may come first. With both, the command goes on as if the job had been on the command
line, and standard input is the lifeline as ever.
Before `accepted` nothing has been touched: whoever sees the command end without it can start another one.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NothingCame
from typing import TYPE_CHECKING

from ..case.errors import InputError
from ..case.shortening import shortened
from . import lifeline
from .given_path import given_path
from .standard_input import read_input

if TYPE_CHECKING:
    from .reporters import NotesReporter

IDLE_S = 300.0
KEYS = ("input", "case", "output")
SHOWN_CHARACTERS = 80


def add_option(parser: argparse.ArgumentParser) -> None:
    """Add what only programs that start the command use."""
    parser.add_argument(
        "--standby",
        action="store_true",
        help="load the model, then wait for a line of JSON with input, case and output on standard input",
    )


def stand_by(
    arguments: argparse.Namespace, warm_up: Callable[[], None], reporter: NotesReporter
) -> argparse.Namespace | None:
    """Make ready and wait for the job; the process ends here when standard input does.

    Args:
        arguments: of the command line, without a scan.
        warm_up: loads what a scan will need.
        reporter: is told that the job is accepted, and that the command is ready.

    Returns:
        The arguments with the job's scan, whose lifeline is held; None if no job came for `IDLE_S`.

    Raises:
        InputError: a scan is on the command line, or the job is not as expected.
    """
    if arguments.inputs or arguments.case is not None:
        raise InputError("--standby is told its scan on standard input: leave INPUT and --case out")
    job: Future[argparse.Namespace] = Future()
    threading.Thread(target=_listen, args=(arguments, job, reporter), daemon=True, name="standby").start()
    try:
        warm_up()
    except Exception:
        # Without a job it is no use to anybody; with one, detecting tries again and tells what is wrong.
        if job.cancel():
            raise
    else:
        reporter.ready()
    try:
        return job.result(timeout=IDLE_S)
    except NothingCame:
        # A job that comes at this very moment is either accepted or left alone, never half of each.
        return None if job.cancel() else job.result()


def _listen(arguments: argparse.Namespace, job: Future[argparse.Namespace], reporter: NotesReporter) -> None:
    """Give the job, in a thread: waiting for a pipe with a time limit works nowhere else on Windows."""
    line = _read_line()
    if line is None:
        os._exit(0)  # whatever is being loaded: nothing has to be tidied up
    if not job.set_running_or_notify_cancel():
        return
    try:
        detection = _with_job(arguments, line)
        reporter.accepted(detection.case)
        lifeline.hold(detection)
    except Exception as error:
        job.set_exception(error)
    else:
        job.set_result(detection)


def _read_line() -> bytes | None:
    """The first line of standard input, None if it ends before; what follows is left to the lifeline."""
    line = b""
    while byte := read_input(1):
        if byte == b"\n":
            return line
        line += byte
    return None


def _with_job(arguments: argparse.Namespace, line: bytes) -> argparse.Namespace:
    """The arguments of the detection that a line asks for."""
    try:
        job = json.loads(line)
        source, case, output = (job[key] for key in KEYS)
        if not all(isinstance(text, str) for text in (source, case, output)):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        shown = shortened(line.decode("utf-8", errors="replace"), SHOWN_CHARACTERS)
        raise InputError(
            f"--standby: standard input said {shown!r}; expected one line of JSON with the texts "
            f"{', '.join(KEYS)}"
        ) from None
    told = {"inputs": [given_path(source)], "case": case, "output": given_path(output)}
    return argparse.Namespace(**{**vars(arguments), **told})
