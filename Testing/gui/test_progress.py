"""What the panel shows while the engine works; the engine is one of the test's making."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .processes import Wait

HALF = "say(event='stage', stage='network')\nsay(event='tile', done=30, total=60, seconds_left=40.0)\n"
ALL = "say(event='stage', stage='network')\nsay(event='tile', done=60, total=60, seconds_left=0.0)\n"
STAY = "\ntime.sleep(300)"


def test_between_two_passes_the_bar_stays_where_it_is(
    panel: Any, detect: Callable[[str], Any], wait: Wait
) -> None:
    detect(HALF + "say(event='stage', stage='resample')" + STAY)
    ui = panel.ui
    wait(lambda: ui.progressLabel.text.startswith("Resampling"))
    assert (ui.progressBar.value, ui.progressBar.maximum) == (30, 60)
    assert "window 30 of 60" in ui.progressLabel.text


def test_after_the_last_window_the_end_is_not_known(
    panel: Any, detect: Callable[[str], Any], wait: Wait
) -> None:
    detect(ALL + "say(event='stage', stage='write')" + STAY)
    ui = panel.ui
    wait(lambda: ui.progressLabel.text == "Writing files")
    assert ui.progressBar.maximum == 0
