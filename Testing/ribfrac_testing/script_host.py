"""A simulation of how the application runs a script with `--python-script` (design: testing of the doors).

`sys.argv` is `[script, ...]`; the file is executed in `__main__` with `__file__` set and its folder first in
`sys.path`; `slicer.app` exists; nothing exits by itself, only `slicer.util.exit(code)` ends the application.
If the script returns without it, the application goes on for ever, which ends here with `STAYED_OPEN`.
"""

from __future__ import annotations

import os
import sys
import traceback
import types
from pathlib import Path

STAYED_OPEN = 99


def run_script(script: str, arguments: list[str]) -> None:
    """Run a script as the application does; never returns."""
    slicer = types.ModuleType("slicer")
    slicer.app = object()
    slicer.util = types.ModuleType("slicer.util")
    slicer.util.exit = _exit
    slicer.util.mainWindow = lambda: None
    sys.modules["slicer"] = slicer
    sys.modules["slicer.util"] = slicer.util
    main = sys.modules["__main__"].__dict__
    main["__file__"] = script
    sys.argv = [script, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    try:
        exec(compile(Path(script).read_text(encoding="utf-8"), script, "exec"), main)
    except BaseException:  # the application prints the error and stays open, also for SystemExit
        traceback.print_exc()
    _exit(STAYED_OPEN)


def _exit(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    run_script(sys.argv[1], sys.argv[2:])
