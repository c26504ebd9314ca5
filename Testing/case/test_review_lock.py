"""One case is in the hands of one program, and a program that died holds nothing."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.review_lock import CaseLock

HOLD = """
    import sys
    from pathlib import Path
    from RibFracDetectorLib.case.errors import InputError
    from RibFracDetectorLib.case.review_lock import CaseLock
    try:
        lock = CaseLock.acquire(Path(sys.argv[1]), "Anna", "browser")
    except InputError:
        print("refused", flush=True)
    else:
        print("held", flush=True)
        sys.stdin.read()
        lock.release()
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    """A process that takes the lock and holds it until its standard input ends."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "RibFracDetector")}
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    )


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "case_review.lock"


def test_another_program_is_refused_and_told_who_has_the_case(path: Path) -> None:
    child = start_holder(path)
    assert said(child) == "held"
    try:
        with pytest.raises(InputError) as caught:
            CaseLock.acquire(path, "Ben", "desktop")
        message = str(caught.value)
        for part in (str(path), "Anna", "browser", str(child.pid), platform.node(), "close it there"):
            assert part in message
        assert "\n" not in message
        assert json.loads(path.read_text())["reader"] == "Anna"
    finally:
        child.communicate()
    assert child.returncode == 0
    assert not path.exists()
    CaseLock.acquire(path, "Ben", "desktop").release()


def test_the_lock_of_a_killed_program_is_taken_over(path: Path) -> None:
    child = start_holder(path)
    assert said(child) == "held"
    child.kill()
    child.communicate()
    assert path.exists()
    lock = CaseLock.acquire(path, "Ben", "desktop")
    assert json.loads(path.read_text())["reader"] == "Ben"
    lock.release()
    assert not path.exists()


def test_one_program_cannot_open_a_case_twice(path: Path) -> None:
    lock = CaseLock.acquire(path, "Ben", "desktop")
    with pytest.raises(InputError, match="Ben"):
        CaseLock.acquire(path, "Ben", "desktop")
    lock.release()
    lock.release()
    CaseLock.acquire(path, "Ben", "desktop").release()


def test_the_lock_of_another_machine_is_refused_by_name(path: Path) -> None:
    holder = {
        "host": "reading-room-3",
        "process": 1,
        "program": "desktop",
        "reader": "Anna",
        "since": "2026-02-03T04:05:06Z",
    }
    path.write_text(json.dumps(holder))
    with pytest.raises(InputError, match=r"Anna .*reading-room-3") as caught:
        CaseLock.acquire(path, "Ben", "desktop")
    assert "delete this file" in str(caught.value)
    assert json.loads(path.read_text()) == holder
    path.unlink()
    CaseLock.acquire(path, "Ben", "desktop").release()


def test_an_unreadable_lock_file_without_a_holder_is_taken_over(path: Path) -> None:
    path.write_bytes(b'{"host": "hal')
    CaseLock.acquire(path, "Ben", "desktop").release()


def test_of_many_that_compete_one_gets_it(path: Path) -> None:
    children = [start_holder(path) for _ in range(6)]
    answers = sorted(said(child) for child in children)
    for child in children:
        child.communicate()
    assert answers == ["held", *["refused"] * 5]
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        CaseLock.acquire(tmp_path / "missing" / "case_review.lock", "Ben", "desktop")
