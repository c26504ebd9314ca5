"""A window with all keys of the review."""

from __future__ import annotations

import html

import qt
import slicer
from slicer.i18n import tr as _

from .shortcuts import review_keys


def cheat_sheet_html() -> str:
    """The keys as a table."""
    rows = "".join(
        f"<tr><td style='padding:3px 18px 3px 6px'><b>{html.escape(_shown(key.sequence))}</b></td>"
        f"<td style='padding:3px 6px'>{html.escape(key.title)}</td></tr>"
        for key in review_keys()
    )
    arrows = html.escape(_("In the table, the arrow keys move from finding to finding as well."))
    return f"<table>{rows}</table><p style='margin:8px 6px'>{arrows}</p>"


def show_cheat_sheet() -> qt.QDialog:
    """Open it beside the work; it does not block anything."""
    dialog = qt.QDialog(slicer.util.mainWindow())
    dialog.setAttribute(qt.Qt.WA_DeleteOnClose)
    dialog.setWindowTitle(_("Keys of the review"))
    layout = qt.QVBoxLayout(dialog)
    label = qt.QLabel(cheat_sheet_html())
    layout.addWidget(label)
    close = qt.QPushButton(_("Close"))
    close.connect("clicked()", dialog.close)
    layout.addWidget(close)
    dialog.show()
    return dialog


def _shown(sequence: str) -> str:
    return str(qt.QKeySequence(sequence).toString(qt.QKeySequence.NativeText))
