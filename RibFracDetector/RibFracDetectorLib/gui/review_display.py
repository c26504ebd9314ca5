"""Shows the state of the open case in the panel's widgets: one function maps it to all of them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from slicer.i18n import tr as _

from ..case.review_replay import ReviewedFinding
from ..review import texts
from ..review.expected import expected_false_positives
from ..review.session import ReviewSession
from ..review.timing import CaseTiming, case_timing
from .finding_editor import FindingEditor
from .findings_table import FindingsTable

DECIDING = ("acceptButton", "rejectButton", "unsureButton")
MOVING = ("previousButton", "nextButton", "nextUndecidedButton")


class ReviewDisplay:
    """Everything that a change of the session changes on the screen, but for the views.

    Args:
        ui: the panel's widgets.

    Attributes:
        measured: the threshold table of the open case's model, empty if there is none.
    """

    def __init__(self, ui: Any, table: FindingsTable, editor: FindingEditor) -> None:
        self._ui, self._table, self._editor = ui, table, editor
        self.measured: Mapping[str, Any] = {}
        ui.noCaseLabel.text = _("Findings appear here after Detect, or after opening a stored case.")

    def show(self, session: ReviewSession | None) -> None:
        """Show a session, or that there is none."""
        self._ui.caseFrame.visible = session is not None
        self._ui.noCaseLabel.visible = session is None
        if session is not None:
            self._show_case(session)
        self._table.show(session)
        self.show_active(session)

    def show_active(self, session: ReviewSession | None) -> None:
        """Show another active finding; nothing else has changed."""
        finding = None
        if session is not None:
            finding = None if session.active is None else session.finding(session.active)
            self._enable(session, finding)
            self._table.select(session.active)
        self._editor.show(session, finding)

    def _show_case(self, session: ReviewSession) -> None:
        ui = self._ui
        state = _("complete") if session.state.complete else _("open")
        case_id = html.escape(session.case.case_id)
        progress = html.escape(texts.progress_text(session))
        ui.caseLabel.text = " · ".join([f"<b>{case_id}</b>", state, progress])
        ui.caseLabel.toolTip = timing_text(case_timing(session.events))
        expected = expected_false_positives(self.measured, session.threshold)
        told = [texts.empty_text(session), texts.hidden_text(session), expected and str(expected)]
        ui.hiddenLabel.text = " · ".join(filter(None, told))
        ui.recordReadButton.visible = session.findings_hidden
        ui.completeButton.text = _("Reopen case") if session.state.complete else _("Complete case")
        blocked = ui.thresholdSlider.blockSignals(True)
        ui.thresholdSlider.value = session.threshold
        ui.thresholdSlider.blockSignals(blocked)

    def _enable(self, session: ReviewSession, finding: ReviewedFinding | None) -> None:
        ui = self._ui
        changeable = not session.state.complete
        chosen = changeable and finding is not None
        for name in DECIDING:
            getattr(ui, name).enabled = chosen
        for name in MOVING:
            getattr(ui, name).enabled = bool(session.shown())
        ui.addButton.enabled = changeable
        ui.deleteButton.enabled = chosen and finding.model is None
        ui.undoButton.enabled, ui.redoButton.enabled = session.can_undo, session.can_redo
        reason = None if session.state.complete else session.why_not_complete()
        ui.completeButton.enabled = reason is None
        ui.completeButton.toolTip = reason or _("Close the review; it can be reopened (Ctrl+Return).")


def timing_text(timing: CaseTiming) -> str:
    """How long the case took so far."""
    if timing.to_first_finding is None or timing.seconds_per_finding is None:
        return _("Nothing is decided yet.")
    text = _("First finding after {first:.0f} s; {seconds:.1f} s and {keys:.1f} keys a finding.")
    return text.format(
        first=timing.to_first_finding, seconds=timing.seconds_per_finding, keys=timing.keys_per_finding
    )
