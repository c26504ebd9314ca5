"""The engine that stands by after a detection: it is used by the next one, and is never missed.

Most engines here are made up, so that a test can say when one dies; the first test takes a real one.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.review_cases import StoredCase
from RibFracDetectorLib.case.handshake import hello_event
from RibFracDetectorLib.gui.process_tree import descendants

from .conftest import MODULE
from .made_up_engine import write_engine
from .processes import Wait, alive

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals, and scripts that are programs")

ENGINE = """
def detect(case, folder):
    say(event="note", text=f"process {{os.getpid()}} detects {{case}}")
    folder.mkdir(parents=True, exist_ok=True)
    for file in Path({files!r}).iterdir():
        shutil.copy(file, folder / file.name)
if "--standby" not in arguments:
    detect(option("--case"), Path(option("--output")))
    sys.exit()
{standing_by}
"""
OBEYS = """
say(event="ready")
job = json.loads(sys.stdin.readline() or sys.exit())
say(event="accepted", case=job["case"])
detect(job["case"], Path(job["output"]))
"""


class Desk:
    """Somebody who detects again and again, each time into another folder.

    Args:
        panel: with a CT chosen.
        wait: runs the event loop.
        folder: for the case files.
    """

    def __init__(self, panel: Any, wait: Wait, folder: Path) -> None:
        self.panel, self.ui = panel, panel.ui
        self.wait = wait
        self._folder = folder
        self._clicks = 0

    def click(self) -> None:
        """Click Detect as soon as it can be clicked."""
        self.wait(lambda: self.is_ready)
        self._clicks += 1
        self.ui.caseFolderButton.directory = str(self._folder / str(self._clicks))
        self.ui.detectButton.click()

    @property
    def is_ready(self) -> bool:
        """Whether nothing runs, as the panel shows it."""
        return self.ui.detectButton.text == "Detect fractures" and self.ui.detectButton.enabled

    def detect(self) -> int:
        """Click, wait for the case, and return the number of the process that made it."""
        self.click()
        return self.finish()

    def finish(self) -> int:
        """Wait for the case, and return the number of the process that made it."""
        self.wait(lambda: self.is_ready)
        assert self.ui.messageLabel.text == "Done: case_findings.json", self.ui.logView.toPlainText()
        return int(re.findall(r"process (\d+) detects", self.ui.logView.toPlainText())[-1])

    def standing_by(self) -> int:
        """Wait for the engine that stands by, and return the number of its process."""
        standby = self.panel.detect._standby
        self.wait(lambda: standby._engine is not None and standby._engine._engine_number)
        assert self.ui.detectButton.text == "Detect fractures", "nothing is shown of it"
        return standby._engine._engine_number

    @property
    def nobody_stands_by(self) -> bool:
        """Whether the panel holds no engine for later."""
        return self.panel.detect._standby._engine is None


def engines() -> list[int]:
    """Every process that was started here and runs."""
    return [number for number in descendants(os.getpid()) if alive(number)]


@pytest.fixture
def desk(panel: Any, stored: StoredCase, wait: Wait, tmp_path: Path) -> Callable[[str], Desk]:
    """A panel whose engine does what a test says while it stands by."""
    import slicer.util

    node = slicer.util.loadVolume(str(stored.ct.source))

    def sit_down(standing_by: str = OBEYS, keep_ready: bool = True) -> Desk:
        code = ENGINE.format(files=str(stored.files.folder), standing_by=standing_by)
        script = write_engine(tmp_path / "engine", code, hello_event())
        panel.ui.enginePythonEdit.currentPath = str(script)
        if keep_ready:
            panel.ui.keepReadyCheckBox.setChecked(True)
        panel.ui.ctSelector.setCurrentNode(node)
        wait(lambda: panel.ui.detectButton.enabled)
        return Desk(panel, wait, tmp_path / "cases")

    return sit_down


def copies(folder: Path) -> list[Path]:
    """What is left of copies of the CT."""
    return list(folder.glob("ribfrac-ct-*"))


def test_the_second_detection_is_made_by_the_engine_that_stood_by(
    ready: Any, wait: Wait, tmp_path: Path
) -> None:
    """With a real engine."""
    ui = ready.ui
    desk = Desk(ready, wait, tmp_path / "cases")
    ui.keepReadyCheckBox.setChecked(True)
    desk.click()
    wait(lambda: desk.is_ready)
    number = desk.standing_by()
    ui.caseFolderButton.directory = str(tmp_path / "cases" / "1")
    ui.detectButton.click()
    assert ready.detect._job._engine._engine_number == number
    assert ui.detectButton.text == "Cancel"
    wait(lambda: desk.is_ready)
    assert ui.messageLabel.text == "Done: chest-2_findings.json", ui.logView.toPlainText()
    assert ready.review.session.case.case_id == "chest-2"
    assert not alive(number), "every engine is for one detection"
    assert desk.standing_by() != number
    assert copies(tmp_path) == []


def test_it_is_off_until_it_is_chosen(desk: Callable[..., Desk]) -> None:
    here = desk(keep_ready=False)
    assert not here.ui.keepReadyCheckBox.checked
    here.detect()
    assert here.nobody_stands_by
    here.wait(lambda: not engines())


def test_one_engine_after_another(desk: Callable[..., Desk], tmp_path: Path) -> None:
    """Into other folders, which the engine did not know when it was started."""
    here = desk()
    first, second = here.detect(), here.standing_by()
    assert second != first
    assert here.detect() == second
    third = here.standing_by()
    assert here.detect() == third
    assert (tmp_path / "cases" / "3" / "case_findings.json").exists()
    assert copies(tmp_path) == []


def test_one_that_is_not_ready_yet_is_waited_for(desk: Callable[..., Desk], tmp_path: Path) -> None:
    go = tmp_path / "go"
    here = desk(f"while not Path({str(go)!r}).exists(): time.sleep(0.01)\n{OBEYS}")
    here.detect()
    number = here.standing_by()
    here.click()
    assert here.ui.detectButton.text == "Cancel"
    go.touch()
    assert here.finish() == number


CHANGES: dict[str, Callable[[Any], None]] = {
    "model": lambda ui: ui.modelComboBox.setCurrentIndex(ui.modelComboBox.count - 1),
    "device": lambda ui: ui.deviceComboBox.setCurrentIndex(1),
    "precision": lambda ui: ui.precisionComboBox.setCurrentIndex(0),
    "engine": lambda ui: ui.engineComboBox.setCurrentIndex(1),
    "interpreter": lambda ui: setattr(ui.enginePythonEdit, "currentPath", "/elsewhere/python"),
    "setting": lambda ui: ui.keepReadyCheckBox.setChecked(False),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_the_panel_ends_it_at_once(desk: Callable[..., Desk], change: str) -> None:
    here = desk()
    here.detect()
    number = here.standing_by()
    assert alive(number)
    CHANGES[change](here.ui)
    assert not alive(number)
    assert here.nobody_stands_by


def test_other_settings_of_the_scene_take_another_engine(desk: Callable[..., Desk]) -> None:
    here = desk()
    here.detect()
    number = here.standing_by()
    here.ui.originalModeCheckBox.setChecked(True)
    assert here.detect() != number
    assert not alive(number)


def test_replaced_weights_take_another_engine(desk: Callable[..., Desk], tmp_path: Path) -> None:
    here = desk()
    weights = tmp_path / "mine.pth"
    weights.write_bytes(b"weights")
    here.ui.modelPathEdit.currentPath = str(weights)
    here.ui.modelComboBox.setCurrentIndex(here.ui.modelComboBox.count - 1)
    here.detect()
    number = here.standing_by()
    os.utime(weights, ns=(0, 0))
    assert here.detect() != number
    assert not alive(number)


@pytest.mark.parametrize("noticed", [True, False])
def test_one_that_was_killed_is_not_missed(desk: Callable[..., Desk], noticed: bool, tmp_path: Path) -> None:
    here = desk()
    here.detect()
    number = here.standing_by()
    os.kill(number, signal.SIGKILL)
    if noticed:
        here.wait(lambda: "kept ready has ended" in here.ui.logView.toPlainText())
        assert here.ui.messageLabel.text.startswith("Done")
    assert here.detect() != number
    assert copies(tmp_path) == []


LAST_WORDS = {
    "waited long enough": "sys.exit()",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "failed": "print('ribfrac: no memory', file=sys.stderr)\nsys.exit(1)",
    "said something else": "print('Loading plugin …', flush=True)\ntime.sleep(300)",
}


@pytest.mark.parametrize("words", LAST_WORDS)
def test_one_that_ends_instead_of_accepting_is_not_missed(
    desk: Callable[..., Desk], words: str, tmp_path: Path
) -> None:
    here = desk(f"say(event='ready')\nsys.stdin.readline()\n{LAST_WORDS[words]}")
    here.detect()
    number = here.standing_by()
    assert here.detect() != number
    assert not alive(number)
    assert copies(tmp_path) == []


ACCEPTS = "sys.stdin.readline()\nsay(event='accepted', case='case')\n"


def test_what_fails_after_accepting_is_told_and_not_tried_again(
    desk: Callable[..., Desk], tmp_path: Path
) -> None:
    here = desk(f"{ACCEPTS}say(event='error', text='out of memory on cuda:0')\nsys.exit(1)")
    here.detect()
    here.standing_by()
    here.click()
    here.wait(lambda: here.is_ready)
    assert here.ui.messageLabel.text == "out of memory on cuda:0"
    assert here.nobody_stands_by
    assert copies(tmp_path) == []


@pytest.mark.parametrize("accepted", [True, False])
def test_cancelling_ends_it_and_starts_no_other(
    desk: Callable[..., Desk], accepted: bool, tmp_path: Path
) -> None:
    here = desk((ACCEPTS if accepted else "") + "sys.stdin.read()\nsys.exit(130)")
    here.detect()
    number = here.standing_by()
    here.click()
    here.wait(lambda: here.panel.detect._job._accepted or not accepted)
    here.ui.detectButton.click()
    here.wait(lambda: here.is_ready)
    assert here.ui.messageLabel.text == "Cancelled; nothing was changed."
    assert not alive(number)
    assert here.nobody_stands_by
    here.wait(lambda: not engines())
    assert copies(tmp_path) == []


def test_a_closed_panel_leaves_none_and_keeps_the_setting(
    desk: Callable[..., Desk], show_module: Callable[[Path], Any]
) -> None:
    from slicer_host.application.scripted_modules import unload_module

    here = desk()
    here.detect()
    number = here.standing_by()
    unload_module("RibFracDetector")
    assert not alive(number)
    assert show_module(MODULE).panel.ui.keepReadyCheckBox.checked
