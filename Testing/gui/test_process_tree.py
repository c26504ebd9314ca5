"""A process ends with everything it started, also where the system's programs are missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest
from RibFracDetectorLib.gui import process_tree

from .processes import alive, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
LAUNCHER = (
    "import subprocess, sys\n"
    "sleep = [sys.executable, '-c', 'import time; time.sleep(300)']\n"
    "child = subprocess.Popen(sleep, stdout=subprocess.DEVNULL)\n"
    "print(child.pid, flush=True)\n"
    "child.wait()\n"
)


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small container: no `ps`."""
    monkeypatch.setenv("PATH", "/nowhere")


@pytest.fixture
def launcher() -> Any:
    process = subprocess.Popen([sys.executable, "-c", LAUNCHER], stdout=subprocess.PIPE, encoding="utf-8")
    yield process
    process_tree.kill_tree(process.pid)
    process.communicate()


@pytest.mark.usefixtures("no_programs")
def test_the_tree_ends_without_ps(launcher: Any) -> None:
    child = int(launcher.stdout.readline())
    assert process_tree.descendants(launcher.pid) == [child]
    process_tree.kill_tree(launcher.pid)
    assert launcher.wait(60) != 0
    wait_until(lambda: not alive(child))


@pytest.mark.usefixtures("no_programs")
def test_elsewhere_the_process_itself_ends(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    child = int(launcher.stdout.readline())
    process_tree.kill_tree(launcher.pid)
    assert launcher.wait(60) != 0
    os.kill(child, signal.SIGKILL)


def test_macos_is_asked_with_ps(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    child = int(launcher.stdout.readline())
    told = f"    1     0\n{launcher.pid:5}     1\n{child:5} {launcher.pid:5}\n"
    monkeypatch.setattr(process_tree, "_said_by", lambda *_command: told)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert process_tree.descendants(launcher.pid) == [child]


@pytest.mark.parametrize("fault", [FileNotFoundError(), subprocess.TimeoutExpired("taskkill", 30)])
def test_windows_opens_no_console_and_a_fault_is_no_error(
    fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[tuple[str, ...], dict[str, Any]]] = []

    def run(command: tuple[str, ...], **options: Any) -> None:
        started.append((command, options))
        raise fault

    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 1 << 27, raising=False)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(process_tree.os, "name", "nt")
    process_tree.kill_tree(77)
    monkeypatch.undo()
    ((command, options),) = started
    assert command == ("taskkill", "/PID", "77", "/T", "/F")
    assert options["creationflags"] == 1 << 27
