"""Class, comment and box of the finding that the reader is at.

Numbers are shown with one digit after the point; one that the reader did not touch keeps all its digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from slicer.i18n import tr as _

from ..case.errors import InputError
from ..case.review_events import FRACTURE_CLASSES
from ..case.review_replay import ReviewedFinding
from ..review.session import ReviewSession

CENTER = ("centerRSpinBox", "centerASpinBox", "centerSSpinBox")
SIZE = ("sizeXSpinBox", "sizeYSpinBox", "sizeZSpinBox")


class FindingEditor:
    """Ties the widgets of the group Finding to the session.

    Args:
        ui: the panel's widgets.
        attempt: runs a change and tells the user what went wrong.
    """

    def __init__(self, ui: Any, attempt: Callable[[Callable[[], object]], None]) -> None:
        self._ui = ui
        self._attempt = attempt
        self._session: ReviewSession | None = None
        self._finding: ReviewedFinding | None = None
        self._shown: list[float] = []
        ui.classComboBox.addItem(_("not stated"), "")
        for name in FRACTURE_CLASSES:
            ui.classComboBox.addItem(name, name)
        ui.classComboBox.connect("activated(int)", self._classified)
        ui.commentEdit.connect("editingFinished()", self._commented)
        ui.commentEdit.connect("returnPressed()", lambda: ui.commentEdit.clearFocus())  # keys decide again
        self._boxes = [getattr(ui, name) for name in (*CENTER, *SIZE)]
        for box in self._boxes:
            box.connect("editingFinished()", self._box_typed)

    def show(self, session: ReviewSession | None, finding: ReviewedFinding | None) -> None:
        """Show a finding, or none; a comment that is being typed stays."""
        typing = self._is_typing(finding)
        self._session, self._finding = session, finding
        ui = self._ui
        ui.findingGroup.enabled = finding is not None and not session.state.complete
        ui.findingGroup.title = _("Finding") if finding is None else _("Finding {id}").format(id=finding.id)
        numbers = [0.0] * 6 if finding is None else [*finding.box_ras.center, *finding.box_ras.size]
        for box, number in zip(self._boxes, numbers, strict=True):
            blocked = box.blockSignals(True)
            box.setValue(number)
            box.blockSignals(blocked)
        self._shown = [box.value for box in self._boxes]
        chosen = (finding.fracture_class or "") if finding else ""
        ui.classComboBox.setCurrentIndex(ui.classComboBox.findData(chosen))
        comment = finding.comment if finding else ""
        if not typing and ui.commentEdit.text != comment:
            ui.commentEdit.text = comment

    def _is_typing(self, finding: ReviewedFinding | None) -> bool:
        """Whether a comment on the same finding is under way."""
        before, edit = self._finding, self._ui.commentEdit
        same = before is not None and finding is not None and before.id == finding.id
        return same and edit.hasFocus() and edit.text != before.comment

    def commit(self) -> None:
        """Take over what is typed: a button that takes no focus, as on macOS, does not end the typing."""
        for box in self._boxes:
            box.interpretText()
        self._commented()
        self._box_typed()

    def _classified(self, index: int) -> None:
        if self._finding is not None:
            name = self._ui.classComboBox.itemData(index) or None
            self._attempt(lambda: self._session.classify(self._finding.id, name))

    def _commented(self) -> None:
        if self._finding is not None:
            text = self._ui.commentEdit.text
            self._attempt(lambda: self._session.comment(self._finding.id, text))

    def _box_typed(self) -> None:
        if self._finding is None:
            return
        old = [*self._finding.box_ras.center, *self._finding.box_ras.size]
        typed = [box.value for box in self._boxes]
        if typed == self._shown:
            return
        new = [
            before if value == shown else value
            for before, value, shown in zip(old, typed, self._shown, strict=True)
        ]
        box = replace(self._finding.box_ras, center=tuple(new[:3]), size=tuple(new[3:]))
        before = self._finding
        self._attempt(lambda: self._session.edit_box_ras(before.id, box))
        self._show_again(before)

    def _show_again(self, before: ReviewedFinding) -> None:
        """Put the old numbers back where the new ones were refused."""
        if self._session is None:  # closed meanwhile
            return
        try:
            self.show(self._session, self._session.finding(before.id))
        except InputError:
            self.show(self._session, None)
