"""`--lifeline`: the command ends when its standard input does, because whoever started it is gone.

A killed application cannot tell its engine to stop, but the system closes the pipe between them. The
command then gets the same interrupt that Ctrl-C sends. One that is not over after a while, for example
inside one long computation, is ended for good.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .standard_input import read_input

PATIENCE_S = 3.0
INTERRUPTED = 130


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what only programs that start the command use."""
    add = parser.add_argument
    add("--lifeline", action="store_true", help="stop when standard input ends: the starter is gone")
    add("--temporary-input", action="store_true", help="remove the inputs at the end: the starter's copies")


def hold(arguments: argparse.Namespace) -> None:
    """Do what the options of `add_options` ask, for a command with `inputs` and `output`.

    Raises:
        InputError: an input to be removed is no temporary copy.
    """
    from ..case.case_files import remove_own_staging
    from ..case.temporary_ct import folder_of, remove_folder

    inputs = arguments.inputs if arguments.temporary_input else []
    copies = [folder_of(Path(source)) for source in inputs]

    def remove_copies() -> None:
        for folder in copies:
            remove_folder(folder)

    def tidy_up() -> None:
        remove_copies()
        remove_own_staging(arguments.output)

    atexit.register(remove_copies)
    if arguments.lifeline:
        end_with_standard_input(tidy_up)


def end_with_standard_input(tidy_up: Callable[[], None] | None = None) -> None:
    """Interrupt this process when its standard input ends.

    Args:
        tidy_up: called before the process is ended for good, `PATIENCE_S` after the interrupt; None leaves
            it all the time it wants.
    """

    def watch() -> None:
        with contextlib.suppress(OSError):
            while read_input(4096):
                pass
        signal.raise_signal(signal.SIGTERM) if os.name == "nt" else os.kill(os.getpid(), signal.SIGTERM)
        if tidy_up is not None:
            time.sleep(PATIENCE_S)
            tidy_up()
            os._exit(INTERRUPTED)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()
