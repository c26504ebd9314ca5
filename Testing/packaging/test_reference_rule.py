"""With `CI=true` a test that needs the golden data must not be skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from ribfrac_testing.reference import REPOSITORY

TESTS = """
import pytest

def test_fixture(golden_common): pass

@pytest.mark.reference
def test_other_reason(): pytest.skip("tired")

@pytest.mark.skip(reason="not about golden data")
def test_unmarked(): pass
"""


def outcomes(folder: Path, ci: str) -> tuple[int, str]:
    """Exit status and last line of a run of TESTS under the suite's rules, without golden data."""
    shutil.copy(REPOSITORY / "Testing" / "conftest.py", folder)
    (folder / "test_it.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = reference: golden\n")
    environment = os.environ | {
        "CI": ci,
        "RIBFRAC_REFERENCE": str(folder / "absent"),
        "PYTHONPATH": str(REPOSITORY / "Testing"),
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(folder),
        str(folder),
    ]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    return done.returncode, done.stdout.strip().splitlines()[-1]


def test_skips_for_a_person(tmp_path: Path) -> None:
    status, closing = outcomes(tmp_path, ci="")
    assert status == 0
    assert "3 skipped" in closing


def test_fails_under_ci(tmp_path: Path) -> None:
    status, closing = outcomes(tmp_path, ci="true")
    assert status == 1
    # The fixture skips before the test proper begins, which pytest counts as an error.
    assert all(part in closing for part in ("1 failed", "1 error", "1 skipped"))
