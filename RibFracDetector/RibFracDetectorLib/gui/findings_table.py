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
ROW_HEIGHT, MINIMUM_HEIGHT = 22, 240
SLICE_COLUMN = 3
CLASS_COLUMN, CLASS_WIDTH = 4, 92


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
        headings = self._headings()
        table.setColumnCount(len(headings))
        table.setHorizontalHeaderLabels(headings)
        table.horizontalHeaderItem(SLICE_COLUMN).setToolTip(
            _("The axial slice through the middle, counted from 0 at the feet.")
        )
        table.verticalHeader().setVisible(False)
        table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
        table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        table.setAlternatingRowColors(True)
        table.setShowGrid(False)
        table.setMinimumHeight(MINIMUM_HEIGHT)
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().setStretchLastSection(True)
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
            table.setColumnWidth(CLASS_COLUMN, CLASS_WIDTH)  # still empty, and filled later
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
            item.setToolTip(row.comment or text)
            if column == 0:
                item.setIcon(_dot(color))
            self._table.setItem(place, column, item)

    @staticmethod
    def _headings() -> list[str]:
        return [
            _("Status"),
            _("Score"),
            _("Place"),
            _("Slice"),
            _("Class"),
            _("Size (mm)"),
            _("Flags"),
        ]


def cells(row: FindingRow) -> list[str]:
    """What a row says, a text a column."""
    return [
        f"{_symbol(row.status)} {status_title(row.status)}",
        _("added") if row.score is None else f"{row.score:.2f}",
        " ".join(filter(None, [row.side, row.region])) or "–",
        str(row.slice),
        row.fracture_class,
        "×".join(f"{edge:.0f}" for edge in row.size_mm),
        ", ".join([*row.flags, *(["✎"] if row.comment else [])]),
    ]


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
