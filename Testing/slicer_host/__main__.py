"""The host as a command that takes the application's options: `python -m slicer_host --python-script FILE …`.

`sys.argv` of the script is `[script, …]`, it runs in `__main__` with `__file__` set and its folder first in
`sys.path`. With `--testing` the application ends by itself after the script, with 1 if that raised; without
it only `slicer.util.exit(code)` ends it; a script that returns leaves it open, which gives `STAYED_OPEN`.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

import slicer_host

STAYED_OPEN = 99


def main(arguments: list[str]) -> int:
    """Start, load the modules, run the script; returns the exit status."""
    options = _parser().parse_args(arguments)
    app = slicer_host.start()
    app.commandOptions().testingEnabled = options.testing
    app.commandOptions().runPythonAndExit = options.testing
    _load_modules([Path(folder) for folder in options.additional_module_paths])
    if not options.no_main_window:
        slicer_host.main_window()
    slicer_host.complete_startup()
    raised = _run(options.python_script)
    if slicer_host.exit_code() is not None:
        return slicer_host.exit_code()
    return int(raised) if options.testing else STAYED_OPEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slicer_host")
    for switch in ("--testing", "--no-splash", "--no-main-window"):
        parser.add_argument(switch, action="store_true")
    parser.add_argument("--additional-module-paths", nargs="*", default=[])
    parser.add_argument("--python-script", nargs=argparse.REMAINDER, required=True)
    return parser


def _load_modules(folders: list[Path]) -> None:
    """Every Python file directly in a folder is a module."""
    from .application.scripted_modules import load_module

    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            load_module(path)


def _run(arguments: list[str]) -> bool:
    """Run a script; returns whether it raised, after printing what."""
    script = Path(arguments[0])
    sys.argv = list(arguments)
    sys.path.insert(0, str(script.parent))
    main_module = sys.modules["__main__"].__dict__
    main_module["__file__"] = str(script)
    try:
        exec(compile(script.read_text(encoding="utf-8"), str(script), "exec"), main_module)
    except BaseException:  # SystemExit does not end the application either
        traceback.print_exc()
        return True
    return False


if __name__ == "__main__":
    status = main(sys.argv[1:])
    slicer_host.remove_temporary_files()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # neither Qt nor VTK likes the order in which Python would end
