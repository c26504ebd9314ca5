"""What the keys and buttons of the review do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..case.review_events import FRACTURE_CLASSES
from ..review import navigation
from ..review.export import export_case
from ..review.session import ReviewSession
from . import dialogs
from .case_on_screen import CaseOnScreen
from .cheat_sheet import show_cheat_sheet

STATUS_MS = 5000
DECISIONS = {"accept": "accepted", "reject": "rejected", "unsure": "unsure"}
BUTTONS = {
    "acceptButton": "accept",
    "rejectButton": "reject",
    "unsureButton": "unsure",
    "previousButton": "previous",
    "nextButton": "next",
    "nextUndecidedButton": "next_undecided",
    "addButton": "add",
    "deleteButton": "delete",
    "undoButton": "undo",
    "redoButton": "redo",
    "completeButton": "complete",
    "exportButton": "export",
    "recordReadButton": "record_first_read",
    "cheatSheetButton": "cheat_sheet",
}


class ReviewActions:
    """Actions by name; each does nothing where there is nothing to do it to.

    Args:
        ui: the panel's widgets.
        get_case: gives the open case, None if none is open.
        attempt: runs a change and tells the user what went wrong.
    """

    def __init__(
        self,
        ui: Any,
        get_case: Callable[[], CaseOnScreen | None],
        attempt: Callable[[Callable[[], object]], None],
    ) -> None:
        self._ui = ui
        self._get_case, self._attempt = get_case, attempt
        self.by_name: dict[str, Callable[[], None]] = {
            "next": lambda: self._move(navigation.next_finding),
            "previous": lambda: self._move(navigation.previous_finding),
            "next_undecided": lambda: self._move(navigation.next_undecided),
            "comment": lambda: ui.commentEdit.setFocus(),
            "mask": lambda: ui.editMaskButton.click(),
            "add": self._on_case(self._add),
            "delete": self._on_active(ReviewSession.delete),
            "undo": self._on_case(lambda case: self._show_step(case, case.session.undo())),
            "redo": self._on_case(lambda case: self._show_step(case, case.session.redo())),
            "complete": self._on_case(self._complete_or_reopen),
            "export": self._on_case(self._export),
            "record_first_read": self._on_case(lambda case: case.session.record_first_read()),
            "cheat_sheet": show_cheat_sheet,
        }
        for action, status in DECISIONS.items():
            self.by_name[action] = self._decider(status)
        for name in FRACTURE_CLASSES:
            self.by_name[name] = self._classifier(name)
        for button, action in BUTTONS.items():
            getattr(ui, button).connect("clicked()", self.by_name[action])

    def go_to(self, number: int) -> None:
        """Turn to a finding."""
        self._on_case(lambda case: case.session.activate(number))()

    def _on_case(self, change: Callable[[CaseOnScreen], object]) -> Callable[[], None]:
        def act() -> None:
            case = self._get_case()
            if case is not None:
                self._attempt(lambda: _drawn_once(change, case))

        return act

    def _on_active(self, change: Callable[[ReviewSession, int], object]) -> Callable[[], None]:
        def act(case: CaseOnScreen) -> None:
            if case.session.active is not None:
                change(case.session, case.session.active)

        return self._on_case(act)

    def _decider(self, status: str) -> Callable[[], None]:
        """Decide, then go to the next finding that waits: a case takes one key a finding."""

        def decide(session: ReviewSession, number: int) -> None:
            session.decide(number, status)
            following = navigation.next_undecided(session)
            if following is not None:
                session.activate(following)

        return self._on_active(decide)

    def _classifier(self, name: str) -> Callable[[], None]:
        return self._on_active(lambda session, number: session.classify(number, name))

    def _move(self, find: Callable[[ReviewSession], int | None]) -> None:
        case = self._get_case()
        number = find(case.session) if case is not None else None
        if number is not None:
            self.go_to(number)

    def _add(self, case: CaseOnScreen) -> None:
        case.session.activate(case.session.add_at(case.crosshair_voxel()))

    def _show_step(self, case: CaseOnScreen, number: int | None) -> None:
        """Turn to the finding that undo or redo changed, so that the change is seen."""
        if number is not None and number in case.session.shown():
            case.session.activate(number)

    def _complete_or_reopen(self, case: CaseOnScreen) -> None:
        if case.session.state.complete:
            case.session.reopen()
        else:
            case.session.complete()

    def _export(self, case: CaseOnScreen) -> None:
        folder = dialogs.choose_folder(_("Where to export the case"))
        if folder is not None:
            files = export_case(case.session, folder)
            text = _("{count} files are in {folder}").format(count=len(files), folder=folder)
            slicer.util.showStatusMessage(text, STATUS_MS)


def _drawn_once(change: Callable[[CaseOnScreen], object], case: CaseOnScreen) -> None:
    """What follows from one key, boxes and a jump for example, is drawn together."""
    with slicer.util.RenderBlocker():
        change(case)
