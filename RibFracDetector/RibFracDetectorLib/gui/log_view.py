"""The engine's words: the last line always, all of them on demand."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Any

from ..case.shortening import shortened

KEPT_LINES = 2000
SHOWN_CHARACTERS = 60


class LogView:
    """Shows lines in `logLineLabel` and `logView`, and keeps them for the diagnostics."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        ui.logView.visible = False
        ui.showLogButton.connect("toggled(bool)", ui.logView.setVisible)

    @property
    def lines(self) -> list[str]:
        """The lines so far, each with its time."""
        return list(self._lines)

    def add(self, text: str) -> None:
        """Add one line."""
        line = f"{datetime.now():%H:%M:%S} {text}"
        self._lines.append(line)
        self._ui.logView.appendPlainText(line)
        self._ui.logLineLabel.text = shortened(text, SHOWN_CHARACTERS)
        self._ui.logLineLabel.toolTip = text
