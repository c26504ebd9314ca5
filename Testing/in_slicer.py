#!/usr/bin/env python3
"""Run the tests of `in_application/` in a real 3D Slicer, and write a table of what passed to send back.

    python3 Testing/in_slicer.py --slicer /path/to/Slicer

Any Python from 3.9 on will do: only its standard library is used. It starts the application with this same
file as its script. The table says which application, operating system and versions it was, each test with its
outcome, and the log of what failed. Exit status: 0 all passed, 1 something failed, 2 wrong input.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import unittest
from pathlib import Path

RESULTS = "RIBFRAC_IN_SLICER_RESULTS"  # environment variable: where the application writes what happened
NAMES = ("Slicer", "Slicer.exe", "/Applications/Slicer.app/Contents/MacOS/Slicer")
LAST_LINES = 40
EXPECTED = "ExpectedError"  # the class of exceptions that a test raises on purpose


def repository() -> Path:
    """The checkout that this file lies in."""
    return Path(__file__).resolve().parents[1]


# ---------------------------------------------------------------- outside: start the application


def main() -> int:
    """Start the application, wait for it, write the table."""
    options = parse_arguments()
    slicer = find_slicer(options.slicer)
    if slicer is None:
        wanted = options.slicer or "Slicer"
        print(
            f"error: no program '{wanted}'; give the path of the application with --slicer", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        status, log = run_application(slicer, results, options.timeout)
        found = json.loads(results.read_text(encoding="utf-8")) if results.is_file() else None
    table = make_table(found, status, log)
    write_whole(Path(options.output), table)
    print(f"{summary(found, status)}. Please send back: {options.output}")
    return 0 if passed(found, status) else 1


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--slicer", help="the application's program; by default Slicer on the path")
    parser.add_argument("--output", default="in_slicer.md", help="where the table goes (%(default)s)")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds to wait (%(default)s)")
    return parser.parse_args()


def find_slicer(wanted: str | None) -> str | None:
    """The program to start, or None."""
    for name in (wanted,) if wanted else NAMES:
        found = shutil.which(name)
        if found:
            return found
    return None


def command_of(slicer: str) -> list[str]:
    """The command line of the application."""
    modules = [str(repository() / name) for name in ("RibFracDetector", "RibFracTraining")]
    return [
        slicer,
        "--testing",
        "--no-splash",
        "--additional-module-paths",
        *modules,
        "--python-script",
        str(Path(__file__).resolve()),
    ]


def run_application(slicer: str, results: Path, timeout: float) -> tuple[int | None, str]:
    """Run the tests in the application; returns its exit status, None after `timeout`, and its log."""
    environment = {**os.environ, RESULTS: str(results), "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(
            command_of(slicer),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return None, (late.stdout or b"").decode("utf-8", errors="replace")
    return done.returncode, done.stdout.decode("utf-8", errors="replace")


def passed(found: dict | None, status: int | None) -> bool:
    """Whether the application ended well and every test passed or was skipped."""
    if found is None or status != 0:
        return False
    return not found["stray"] and all(test["outcome"] in ("passed", "skipped") for test in found["tests"])


def summary(found: dict | None, status: int | None) -> str:
    """One line."""
    if found is None:
        return f"The application did not run the tests ({ending(status)})"
    counts: dict[str, int] = {}
    for test in found["tests"]:
        counts[test["outcome"]] = counts.get(test["outcome"], 0) + 1
    parts = [f"{count} {outcome}" for outcome, count in sorted(counts.items())]
    stray = f", {len(found['stray'])} exceptions outside the tests" if found["stray"] else ""
    return f"{', '.join(parts) or 'no tests'}{stray}; {ending(status)}"


def ending(status: int | None) -> str:
    """How the application ended."""
    return "it did not end in time" if status is None else f"exit status {status}"


def make_table(found: dict | None, status: int | None, log: str) -> str:
    """The table, as Markdown."""
    lines = ["# RibFrac in 3D Slicer", "", summary(found, status) + ".", ""]
    if found is not None:
        lines += [f"- {name}: {value}" for name, value in found["versions"].items()]
        lines += ["", "| test | outcome | seconds |", "| --- | --- | --- |"]
        lines += [
            f"| {test['name']} | {test['outcome']} | {test['seconds']:.1f} |" for test in found["tests"]
        ]
        for test in found["tests"]:
            if test["details"]:
                lines += ["", f"## {test['name']}", "", "```", test["details"].rstrip(), "```"]
        for details in found["stray"]:
            lines += ["", "## An exception outside the tests", "", "```", details.rstrip(), "```"]
    if not passed(found, status):
        lines += ["", "## Last lines of the log", "", "```", *log.splitlines()[-LAST_LINES:], "```"]
    return "\n".join(lines) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


# ---------------------------------------------------------------- inside: run the tests


class Recorder(unittest.TestResult):
    """Keeps each test's outcome, and takes no test that fails in a part for one that passed."""

    def __init__(self) -> None:
        super().__init__()
        self.tests: list[dict] = []

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        """A test begins."""
        super().startTest(test)
        self.tests.append({"name": test.id(), "outcome": "passed", "seconds": 0.0, "details": ""})
        self.started = time.monotonic()

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        """It ended."""
        super().stopTest(test)
        self.tests[-1]["seconds"] = time.monotonic() - self.started

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        """It was skipped."""
        super().addSkip(test, reason)
        self.tests[-1].update(outcome="skipped", details=reason)

    def addFailure(self, test: unittest.TestCase, error: tuple) -> None:  # noqa: N802
        """An assertion did not hold."""
        super().addFailure(test, error)
        self.note("failed", error)

    def addError(self, test: unittest.TestCase, error: tuple) -> None:  # noqa: N802
        """It raised."""
        super().addError(test, error)
        self.note("error", error)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, error: tuple | None) -> None:  # noqa: N802
        """A part of a test ended."""
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.note("failed", error)

    def note(self, outcome: str, error: tuple) -> None:
        """Give the last test an outcome and add what was raised."""
        if not self.tests:  # raised before the first test, by a module that cannot be imported for instance
            self.tests.append({"name": "before the tests", "outcome": outcome, "seconds": 0.0, "details": ""})
        self.tests[-1]["outcome"] = outcome
        self.tests[-1]["details"] += "".join(traceback.format_exception(*error))


def run_inside() -> None:
    """Run the tests in the application, write what happened and end it."""
    import slicer.util

    stray: list[str] = []

    def keep(kind: type, error: BaseException, trace: object) -> None:
        # In a slot or an observer: the application prints the exception and goes on.
        if kind.__name__ != EXPECTED:
            stray.append("".join(traceback.format_exception(kind, error, trace)))

    sys.excepthook = keep
    recorder = Recorder()
    folder = str(Path(__file__).resolve().parent / "in_application")
    suite = unittest.TestLoader().discover(folder, top_level_dir=folder)
    suite.run(recorder)
    results = {"versions": versions(), "tests": recorder.tests, "stray": stray}
    write_whole(Path(os.environ[RESULTS]), json.dumps(results))
    slicer.util.exit(0 if recorder.wasSuccessful() and not stray else 1)


def versions() -> dict[str, str]:
    """What the tests ran in."""
    import qt
    import slicer
    import vtk

    app = slicer.app
    version = f"{app.majorVersion}.{app.minorVersion}"
    return {
        "application": f"{app.applicationName} {version}, revision {app.revision}",
        "Qt": qt.qVersion(),
        "VTK": vtk.vtkVersion().GetVTKVersion(),
        "Python": platform.python_version(),
        "system": platform.platform(),
    }


if __name__ == "__main__":
    if getattr(sys.modules.get("slicer"), "app", None) is None:
        sys.exit(main())
    run_inside()
