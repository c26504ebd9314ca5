"""Detect, from a volume in the scene to a case on the screen, with a real engine in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Wait = Callable[[Callable[[], object]], None]


@pytest.fixture
def ready(panel: Any, ct_node: Any, wait: Wait) -> Any:
    """A panel with a CT chosen, ready to detect."""
    panel.ui.ctSelector.setCurrentNode(ct_node)
    wait(lambda: panel.ui.detectButton.enabled)
    return panel


def is_ready(panel: Any) -> bool:
    """Whether nothing runs."""
    return panel.ui.detectButton.text == "Detect fractures"


def test_detect_shows_progress_and_opens_the_case(ready: Any, wait: Wait, tmp_path: Path) -> None:
    ui = ready.ui
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
    assert ui.findingsTable.rowCount == len(ready.review.session.case.findings) > 3
    assert "UNTRAINED" in ui.bannerLabel.text
    assert "as last time" not in ui.preflightLabel.text
    assert "judging by the last run" in ui.preflightLabel.text
    assert temporary_copies(tmp_path) == []


def temporary_copies(folder: Path) -> list[Path]:
    """What is left of copies of the CT."""
    return list(folder.glob("ribfrac-ct-*"))
