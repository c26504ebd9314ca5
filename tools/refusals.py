"""How the tools here refuse wrong input: one line on standard error, exit status 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from RibFracDetectorLib.case.errors import InputError


@contextmanager
def refusing_wrong_input() -> Iterator[None]:
    """Ends the tool that runs where its input is wrong."""
    try:
        yield
    except InputError as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
