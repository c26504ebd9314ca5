"""Detect, from a volume in the scene to a case on the screen, with a real engine in a process of its own."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from RibFracDetectorLib.gui.process_tree import descendants

from .processes import Wait, alive, wait_until

HOST_SCRIPT = Path(__file__).with_name("detect_in_host.py")


def is_ready(panel: Any) -> bool:
    """Whether nothing runs."""
    return panel.ui.detectButton.text == "Detect fractures"


def node_ids() -> set[str]:
    """Every node of the scene but boxes: an open case goes on making its own while nothing else is to do."""
    import slicer

    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(place) for place in range(scene.GetNumberOfNodes())]
    boxes = ("vtkMRMLMarkupsROINode", "vtkMRMLMarkupsROIDisplayNode")
    return {node.GetID() for node in nodes if node.GetClassName() not in boxes}


def cancel_when(panel: Any, wait: Wait, due: Callable[[], bool]) -> bool:
    """Detect, and cancel when due; then nothing runs, and the scene is as before if it came in time.

    False: the case was finished already, before the click or by the time the engine heard of it.
    """
    before = node_ids()
    panel.ui.detectButton.click()
    wait(lambda: due() or is_ready(panel))
    engines = descendants(os.getpid())
    cancelled = not is_ready(panel)
    if cancelled:
        panel.ui.detectButton.click()
        wait(lambda: is_ready(panel))
        cancelled = not panel.ui.messageLabel.text.startswith("Done")
    if cancelled:
        assert panel.ui.messageLabel.text == "Cancelled; nothing was changed."
        assert node_ids() == before
    assert not any(alive(number) for number in engines if number not in descendants(os.getpid()))
    return cancelled


def temporary_copies(folder: Path) -> list[Path]:
    """What is left of copies of the CT."""
    return list(folder.glob("ribfrac-ct-*"))


def test_cancelled_thrice_then_detected(ready: Any, wait: Wait, tmp_path: Path) -> None:
    ui = ready.ui
    for stage in ("Starting", "Reading", "Searching"):
        assert cancel_when(ready, wait, lambda stage=stage: ui.progressLabel.text.startswith(stage))
    assert temporary_copies(tmp_path) == []
    ui.detectButton.click()
    assert ui.detectButton.text == "Cancel"
    assert not ui.ctSelector.enabled
    seen = set()

    def done() -> bool:
        seen.add((ui.progressLabel.text.partition(" –")[0], ui.progressBar.value))
        return is_ready(ready)

    wait(done)
    assert ui.messageLabel.text == "Done: chest_findings.json", ui.logView.toPlainText()
    assert {"Reading", "Searching"} <= {stage for stage, _ in seen}
    assert len({value for _, value in seen}) > 3, "the bar moves"
    assert (tmp_path / "cases" / "chest_findings.json").exists()
    assert ready.review.session.case.case_id == "chest"
    assert ready.review.session.case.provenance.settings["roi_size"] == [32, 32, 32]
    ui.thresholdSlider.value = 0.0
    assert ui.findingsTable.rowCount == len(ready.review.session.case.findings) > 3
    assert "UNTRAINED" in ui.bannerLabel.text
    assert "judging by the last run" in ui.preflightLabel.text
    assert temporary_copies(tmp_path) == []


def test_a_name_that_is_taken_where_capitals_do_not_count_is_not_free(app: Any, tmp_path: Path) -> None:
    """The engine would take the other case for this one, finished already."""
    from RibFracDetectorLib.gui.detection import free_case_id

    assert app is not None
    (tmp_path / "Chest_findings.json").touch()
    (tmp_path / unicodedata.normalize("NFD", "Lösche_findings.json")).touch()
    ids = [free_case_id(tmp_path, name) for name in ("chest", "ches", "lösche")]
    assert ids == ["chest-2", "ches", "lösche-2"]
    assert free_case_id(tmp_path / "new", "chest") == "chest"


@pytest.mark.slow
def test_cancel_at_twenty_random_moments(ready: Any, wait: Wait, tmp_path: Path) -> None:
    moments = random.Random(20)
    duration, cancelled = 8.0, 0
    for _ in range(20):
        begun = time.monotonic()
        end = begun + moments.uniform(0, duration)
        if cancel_when(ready, wait, lambda end=end: time.monotonic() > end):
            cancelled += 1
        else:
            duration = time.monotonic() - begun  # a fast machine: the next moments lie within a run
        assert temporary_copies(tmp_path) == []
    assert cancelled > 10
    assert not cancel_when(ready, wait, lambda: False)
    assert ready.ui.messageLabel.text.startswith("Done")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kill -9")
def test_a_killed_application_takes_the_engine_with_it(
    catalogue: Path, ct_file: Path, tmp_path: Path
) -> None:
    environment = {
        **os.environ,
        "RIBFRAC_MODELS": str(catalogue),
        "TMPDIR": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    application = subprocess.Popen(
        [sys.executable, str(HOST_SCRIPT), str(ct_file), str(tmp_path / "cases")],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
    )
    for line in application.stdout:
        if line == "searching\n":
            break
    engines = descendants(application.pid)
    assert engines
    assert temporary_copies(tmp_path)
    application.send_signal(signal.SIGKILL)
    application.wait()
    wait_until(lambda: not any(alive(number) for number in engines))
    wait_until(lambda: not temporary_copies(tmp_path))
    assert not (tmp_path / "cases" / "chest_findings.json").exists()
