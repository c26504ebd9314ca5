"""What may lie in the repository."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from ribfrac_testing.reference import REPOSITORY

MEBIBYTE = 2**20
MODULES = ("RibFracDetector", "RibFracTraining")
FORBIDDEN = {
    "a path of somebody's home": r"(?<![\w.])/(?:home|Users)/\w+|(?<![\w.])/root/\w+|[A-Z]:\\Users\\",
    "an option that names a package index": r"--(?:extra-)?index-url|--find-links|PIP_INDEX_URL|\bpypi\.org",
}


@cache
def tracked() -> tuple[Path, ...]:
    """The files that git tracks and that are there."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("no git repository, so what it tracks is unknown")
    command = ["git", "ls-files", "-z"]
    names = (
        subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode().split("\0")
    )
    return tuple(path for name in names if name and (path := REPOSITORY / name).is_file())


def test_size() -> None:
    size = sum(path.stat().st_size for path in tracked())
    assert size <= 55 * MEBIBYTE, f"the tracked files take {size / MEBIBYTE:.1f} MiB"


@pytest.mark.parametrize("module", MODULES)
def test_only_the_entry_file_lies_beside_the_library(module: str) -> None:
    # The application takes each Python file in this folder for a module and loads it when it starts.
    assert {path.name for path in (REPOSITORY / module).glob("*.py")} <= {f"{module}.py"}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_contains(what: str) -> None:
    pattern = re.compile(FORBIDDEN[what])
    found = []
    for path in tracked():
        # Binary files hold no text to search, and this file holds the patterns.
        if path.samefile(__file__) or b"\0" in (content := path.read_bytes())[:8192]:
            continue
        lines = content.decode("utf-8", errors="replace").splitlines()
        found += [f"{path.name}:{number}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    assert not found, f"{what} stands in {found}"


def test_line_ends_do_not_depend_on_the_system() -> None:
    """git for Windows writes others unless told not to, and `bash` ends at the first of them."""
    names = [str(path.relative_to(REPOSITORY)) for path in tracked() if path.suffix in (".sh", ".py", ".csv")]
    told = subprocess.run(
        ["git", "check-attr", "eol", "text", "--", "Makefile", ".ci/run", *names],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    values = {tuple(line.split(": ")[:2]): line.split(": ")[2] for line in told.stdout.splitlines()}
    assert all(values[name, "eol"] == "lf" or values[name, "text"] == "unset" for name, _ in values)


def test_testing_is_no_package() -> None:
    # The application has a package of this name.
    assert not (REPOSITORY / "Testing" / "__init__.py").exists()
