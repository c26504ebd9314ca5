"""The table of findings: shows what the session shows, and tells which one the reader turns to."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import qt
from slicer.i18n import tr as _

from ..review.rows import FindingRow
from ..review.rows import rows as rows_of
from ..review.session import ReviewSession
from ..scene.colors import Color, color_of

DOT_PIXELS = 10
ROW_HEIGHT, MINIMUM_HEIGHT, LEAST_WIDTH = 22, 240, 40
PLACE_COLUMN, CLASS_COLUMN = 2, 4


class FindingsTable:
    """Fills a `QTableWidget`; a row is rewritten only if what it says has changed.

    Args:
        table: the widget.
        on_select: gets the id of the finding that the reader clicked or moved to.
    """

    def __init__(self, table: Any, on_select: Callable[[int], None]) -> None:
        self._table = table
        self._on_select = on_select
        self._rows: tuple[FindingRow, ...] = ()
        headings = _headings()
        table.setColumnCount(len(headings))
        table.setHorizontalHeaderLabels([heading for heading, _tip in headings])
        for column, (_heading, tip) in enumerate(headings):
            table.horizontalHeaderItem(column).setToolTip(tip)
        table.verticalHeader().setVisible(False)
        table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setMinimumHeight(MINIMUM_HEIGHT)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        # The flags get what the other columns leave, and the class takes no more than it needs.
        table.horizontalHeader().setDefaultSectionSize(LEAST_WIDTH)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setSectionResizeMode(CLASS_COLUMN, qt.QHeaderView.ResizeToContents)
        table.connect("itemSelectionChanged()", self._selected)

    def show(self, session: ReviewSession | None) -> None:
        """Show what a session shows."""
        rows = rows_of(session) if session else ()
        table = self._table
        blocked = table.blockSignals(True)
        if len(rows) != len(self._rows):
            table.setRowCount(len(rows))
        for place, row in enumerate(rows):
            if place >= len(self._rows) or self._rows[place] != row:
                self._fill(place, row, color_of(session.finding(row.id)))
        if not self._rows and rows:
            table.resizeColumnsToContents()
        self._rows = rows
        table.blockSignals(blocked)

    def select(self, active: int | None) -> None:
        """Select a finding, or none, without telling."""
        blocked = self._table.blockSignals(True)
        place = next((n for n, row in enumerate(self._rows) if row.id == active), None)
        if place is None:
            self._table.clearSelection()
        else:
            self._table.selectRow(place)
            self._table.scrollToItem(self._table.item(place, 0))
        self._table.blockSignals(blocked)

    def _selected(self) -> None:
        place = self._table.currentRow()
        if 0 <= place < len(self._rows) and self._table.selectedItems():
            self._on_select(self._rows[place].id)

    def _fill(self, place: int, row: FindingRow, color: Color) -> None:
        for column, text in enumerate(cells(row)):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(row.comment or (_place(row) if column == PLACE_COLUMN else text))
            if column == 0:
                item.setIcon(_dot(color))
            self._table.setItem(place, column, item)


def _headings() -> list[tuple[str, str]]:
    """For each column its heading, and what that means; short, because all fit into the panel."""
    return [
        (_("Status"), _("What the reader said.")),
        (_("Score"), _("What the model gave it, 0 to 1.")),
        (_("Place"), _("Side of the patient, L or R, and part of the rib cage.")),
        (_("Slice"), _("The axial slice through the middle, counted from 0 at the feet.")),
        (_("Class"), _("What kind of fracture it is, as the reader stated.")),
        (_("mm"), _("Edges of the box along x, y and z of the scan, in mm.")),
        (_("Flags"), _("Remarks of the model; edited, where box or mask was changed; ✎ for a comment.")),
    ]


def cells(row: FindingRow) -> list[str]:
    """What a row says, a text a column."""
    return [
        f"{_symbol(row.status)} {status_title(row.status)}",
        _("added") if row.score is None else f"{row.score:.2f}",
        " ".join(filter(None, [_side_letter(row.side), row.region])) or "–",
        str(row.slice),
        row.fracture_class,
        "×".join(f"{edge:.0f}" for edge in row.size_mm),
        ", ".join([*(["✎"] if row.comment else []), *row.flags]),
    ]


def _place(row: FindingRow) -> str:
    return " ".join(filter(None, [row.side, row.region]))


def _side_letter(side: str) -> str:
    return {"left": _("L"), "right": _("R")}.get(side, side)


def status_title(status: str) -> str:
    """The name of a status for people."""
    titles = {
        "undecided": _("undecided"),
        "accepted": _("accepted"),
        "rejected": _("rejected"),
        "unsure": _("unsure"),
    }
    return titles[status]


def _symbol(status: str) -> str:
    """Tells the status without colour."""
    return {"undecided": "○", "accepted": "✔", "rejected": "✘", "unsure": "?"}[status]


@cache
def _dot(color: Color) -> Any:
    """The colour that the finding has in the views."""
    pixmap = qt.QPixmap(DOT_PIXELS, DOT_PIXELS)
    pixmap.fill(qt.QColor.fromRgbF(*color))
    return qt.QIcon(pixmap)
