"""The command `ribfrac`: one parser, one place where errors become an exit status.

Exit status: 0 done, 1 failure, 2 wrong input, 130 interrupted. Every error is one line on standard error;
the traceback of an unexpected one goes to a log file. Commands import what they need when they run.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from . import __version__
from .case.errors import RibFracError
from .commands import detect, evaluate, info, prepare, publish, simulate, test, train
from .commands.crash_log import log_traceback

COMMANDS = (detect, test, evaluate, info, prepare, simulate, train, publish)
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 shows a question mark instead of ending the run.
        stream.reconfigure(errors="replace")
    try:
        arguments = _parse(argv)
        signal.signal(signal.SIGTERM, _interrupt)
        return arguments.run(arguments)
    except RibFracError as error:
        return _say(str(error), error.exit_status)
    except KeyboardInterrupt:
        return _say("interrupted: nothing was written for the case at hand", INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output went away; give Python nothing to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        return _say(f"unexpected {type(error).__name__}: {error} (traceback in {log_traceback(error)})", 1)


def _open_streams() -> None:
    """Give a process that was started without standard output or error one that nobody reads.

    The descriptors are filled as well: the next file to be opened would get their number, and with it what
    libraries print.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            sink = os.open(os.devnull, os.O_WRONLY)
            if sink != number:
                os.dup2(sink, number)
                os.close(sink)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments; `key=value` of a command that takes `overrides` may stand anywhere among its options."""
    parser = _parser()
    arguments, rest = parser.parse_known_args(argv)
    strange = [item for item in rest if item.startswith("-") or "overrides" not in arguments]
    if strange:
        parser.error(f"unrecognized arguments: {' '.join(strange)}")
    if rest:
        arguments.overrides += rest
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ribfrac",
        description="Detect rib fractures in CT. For research use only; not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"ribfrac {__version__}")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(subparsers)
    return parser


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str, status: int) -> int:
    print("ribfrac: " + " ".join(text.split()), file=sys.stderr, flush=True)
    return status
