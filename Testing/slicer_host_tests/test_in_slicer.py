"""`in_slicer.py` runs the tests of `in_application/` in an application, here the host as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.reference import REPOSITORY

SCRIPT = REPOSITORY / "Testing" / "in_slicer.py"


def run(
    folder: Path, slicer: Path | str, *arguments: str, script: Path = SCRIPT
) -> subprocess.CompletedProcess:
    """Run the command in `folder` with a program in the place of the application.

    What is temporary goes to `folder`, too: a program that dies leaves it.
    """
    return subprocess.run(
        [sys.executable, "-I", script, "--slicer", slicer, *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=120,
    )


def program(folder: Path, commands: str) -> Path:
    """A program made of shell commands."""
    path = folder / "Slicer"
    path.write_text(f"#!/bin/sh\n{commands}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """The test host as a program."""
    path = os.pathsep.join(
        str(REPOSITORY / name) for name in ("Testing", "RibFracDetector", "RibFracTraining")
    )
    return program(tmp_path, f'export PYTHONPATH="{path}"\nexec "{sys.executable}" -m slicer_host "$@"')


def test_every_test_is_reported(tmp_path: Path, host: Path) -> None:
    done = run(tmp_path, host)
    table = (tmp_path / "in_slicer.md").read_text(encoding="utf-8")
    assert done.returncode == 0, table
    assert "failed" not in done.stdout
    for name in ("test_modules.ModulesTest.test_modules_are_loaded", "test_pythonqt_rules.PythonQtRulesTest"):
        assert f"| {name}" in table
    assert "| test_api_surface.ApiSurfaceTest.test_names_exist | skipped |" in table
    assert "revision test-host" in table
    assert not list(tmp_path.glob("slicer-host-*")), "what was temporary is removed"


def planted(folder: Path, tests: str) -> Path:
    """A checkout with the command and one file of tests."""
    copy = folder / "checkout" / "Testing"
    (copy / "in_application").mkdir(parents=True)
    (copy / "in_slicer.py").write_bytes(SCRIPT.read_bytes())
    (copy / "in_application" / "test_planted.py").write_text(tests, encoding="utf-8")
    return copy / "in_slicer.py"


FAULTS = """
import unittest
import qt, slicer

class PlantedTest(unittest.TestCase):
    def test_fails(self):
        self.assertEqual(1, 2)
    def test_fails_in_a_part(self):
        for number in (1, 2):
            with self.subTest(number):
                self.assertEqual(number, 1)
    def test_raises(self):
        raise KeyError("planted")
    def test_slot(self):
        qt.QTimer.singleShot(0, lambda: 1 / 0)
        slicer.app.processEvents()
"""


def test_faults_are_told(tmp_path: Path, host: Path) -> None:
    done = run(tmp_path, host, script=planted(tmp_path, FAULTS))
    table = (tmp_path / "in_slicer.md").read_text(encoding="utf-8")
    assert done.returncode == 1
    for name, outcome in [
        ("test_fails", "failed"),
        ("test_fails_in_a_part", "failed"),
        ("test_raises", "error"),
        ("test_slot", "passed"),
    ]:
        assert f"| test_planted.PlantedTest.{name} | {outcome} |" in table
    assert "1 exceptions outside the tests" in table
    assert "ZeroDivisionError" in table


def test_an_application_that_dies_is_told(tmp_path: Path, host: Path) -> None:
    done = run(tmp_path, host, script=planted(tmp_path, "import os; os._exit(5)"))
    assert done.returncode == 1
    table = (tmp_path / "in_slicer.md").read_text(encoding="utf-8")
    assert "did not run the tests (exit status 5)" in table


def test_an_application_that_hangs_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, program(tmp_path, "exec sleep 60"), "--timeout", "1")
    assert done.returncode == 1
    assert "did not end in time" in (tmp_path / "in_slicer.md").read_text(encoding="utf-8")


def test_without_an_application_it_says_what_to_do(tmp_path: Path) -> None:
    done = run(tmp_path, "no-such-program")
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "error: no program 'no-such-program'; give the path of the application with --slicer"
    )
    assert not (tmp_path / "in_slicer.md").exists()
