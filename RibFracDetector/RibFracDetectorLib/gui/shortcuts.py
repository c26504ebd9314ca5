"""The keys of the review: which they are, and that they never disturb anybody else.

None of them is a key of the Segment Editor (arrows, Q, W, Z, Y, I, Esc, Space, digits; X, A, Enter, + and -
of its effects), nor of the slice views (R, V, G, T, B, F). They belong to the main window while the module is
open, and rest while a text or number is being typed, and while a mask is edited.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

TEXT_FIELDS = ("QLineEdit", "QTextEdit", "QPlainTextEdit", "QAbstractSpinBox")


@dataclass(frozen=True)
class Key:
    """One key: the action it starts, and what it says in the cheat sheet."""

    action: str
    sequence: str
    title: str


def review_keys() -> list[Key]:
    """All keys, in the order of the cheat sheet."""
    return [
        Key("next", "N", _("Next finding")),
        Key("previous", "P", _("Previous finding")),
        Key("next_undecided", "J", _("Next finding without a decision")),
        Key("accept", "K", _("Accept: this is a fracture (keep)")),
        Key("reject", "D", _("Reject: this is no fracture (dismiss)")),
        Key("unsure", "U", _("Unsure: counts as reviewed, is not accepted")),
        Key("displaced", "Alt+1", _("Class: displaced")),
        Key("non-displaced", "Alt+2", _("Class: non-displaced")),
        Key("buckle", "Alt+3", _("Class: buckle")),
        Key("segmental", "Alt+4", _("Class: segmental")),
        Key("comment", "C", _("Write a comment")),
        Key("mask", "E", _("Edit the mask, on and off")),
        Key("add", "M", _("Mark a missed fracture at the crosshair")),
        Key("delete", "Delete", _("Delete a finding of your own")),
        Key("undo", "Backspace", _("Undo")),
        Key("redo", "Shift+Backspace", _("Redo")),
        Key("complete", "Ctrl+Return", _("Complete the case, or reopen it")),
        Key("cheat_sheet", "?", _("Show these keys")),
    ]


class Shortcuts:
    """The keys, while they are installed.

    Args:
        actions: by name, what each key starts.
        on_key: called before the action.
    """

    def __init__(self, actions: Mapping[str, Callable[[], None]], on_key: Callable[[], None]) -> None:
        self._actions, self._on_key = actions, on_key
        self._installed: dict[str, Any] = {}
        self._resting = False

    def install(self) -> None:
        """Give the keys to the main window; without one there are none."""
        window = slicer.util.mainWindow()
        if window is None or self._installed:
            return
        for key in review_keys():
            shortcut = qt.QShortcut(qt.QKeySequence(key.sequence), window)
            shortcut.connect("activated()", self._starter(key.action))
            self._installed[key.action] = shortcut
        slicer.app.connect("focusChanged(QWidget*,QWidget*)", self._focus_changed)
        self._focus_changed(None, slicer.app.focusWidget())

    def remove(self) -> None:
        """Take them away again."""
        if self._installed:
            slicer.app.disconnect("focusChanged(QWidget*,QWidget*)", self._focus_changed)
        for shortcut in self._installed.values():
            shortcut.setEnabled(False)
            shortcut.setParent(None)
            shortcut.delete()
        self._installed.clear()

    def rest(self, resting: bool) -> None:
        """Leave the keys to the Segment Editor for a while; the one that closes it stays."""
        self._resting = resting
        self._focus_changed(None, slicer.app.focusWidget())

    def _starter(self, action: str) -> Callable[[], None]:
        def start() -> None:
            self._on_key()
            self._actions[action]()

        return start

    def _focus_changed(self, _old: Any, now: Any) -> None:
        typing = now is not None and any(now.inherits(name) for name in TEXT_FIELDS)
        for action, shortcut in self._installed.items():
            shortcut.setEnabled(not typing and (not self._resting or action == "mask"))
