"""The application's tables of a table node and of segments."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from .ctk_texts import ctkMenuButton
from .host_class import host_class, stored
from .mrml_base import KnowsScene, Observations, qMRMLWidget


def fill(model: QtGui.QStandardItemModel, header: list[str], rows: list[list[str]]) -> None:
    """Make a model show these rows and no others."""
    model.clear()
    model.setHorizontalHeaderLabels(header)
    for row in rows:
        model.appendRow([QtGui.QStandardItem(text) for text in row])


@host_class
class qMRMLTableView(KnowsScene, QtWidgets.QTableView):
    """The cells of a table node."""

    mrmlSceneChanged = QtCore.Signal(object)
    # Under its own name the signal would be taken for the view's virtual function.
    _selected = QtCore.Signal()
    _signal_carriers = {"selectionChanged()": "_selected"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QTableView.__init__(self, parent)
        self._node = None
        self._observations = Observations(self, self._refresh)
        self._items = QtGui.QStandardItemModel(self)
        self.setModel(self._items)
        self.selectionModel().selectionChanged.connect(lambda: self._selected.emit())

    transposed = stored(bool, "transposed", False)
    firstRowLocked = stored(bool, "firstRowLocked", False)
    firstColumnLocked = stored(bool, "firstColumnLocked", False)

    def setFirstRowLocked(self, locked: bool) -> None:
        """Whether the first row is the header."""
        self.firstRowLocked = locked

    def setMRMLTableNode(self, node: Any) -> None:
        """Show a table node, or nothing."""
        self._node = node
        self._observations.replace(node, [vtk.vtkCommand.ModifiedEvent])
        self._refresh()

    def mrmlTableNode(self) -> Any:
        """The table node that is shown."""
        return self._node

    def _refresh(self) -> None:
        node = self._node
        columns = range(0 if node is None else node.GetNumberOfColumns())
        rows = range(0 if node is None else node.GetNumberOfRows())
        cells = [[node.GetCellText(row, column) for column in columns] for row in rows]
        fill(self._items, [node.GetColumnName(column) for column in columns], cells)


@host_class
class qMRMLSegmentsTableView(qMRMLWidget):
    """The segments of a segmentation."""

    selectionChanged = QtCore.Signal(object, object)
    segmentAboutToBeModified = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._node = None
        self._observations = Observations(self, self._refresh)
        self._items = QtGui.QStandardItemModel(self)
        self._table = QtWidgets.QTableView(self)
        self._table.setModel(self._items)
        self._table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectionBehavior.SelectRows)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._table)
        self._table.selectionModel().selectionChanged.connect(
            lambda on, off: self.selectionChanged.emit(on, off)
        )

    headerVisible = stored(bool, "headerVisible", True)
    visibilityColumnVisible = stored(bool, "visibilityColumnVisible", True)
    colorColumnVisible = stored(bool, "colorColumnVisible", True)
    opacityColumnVisible = stored(bool, "opacityColumnVisible", True)
    statusColumnVisible = stored(bool, "statusColumnVisible", False)
    layerColumnVisible = stored(bool, "layerColumnVisible", False)
    filterBarVisible = stored(bool, "filterBarVisible", False)
    readOnly = stored(bool, "readOnly", False)
    segmentCount = QtCore.Property(int, lambda self: len(self._ids()))

    def setSegmentationNode(self, node: Any) -> None:
        """Show the segments of a node, or nothing."""
        kinds = slicer.vtkSegmentation
        events = [kinds.SegmentAdded, kinds.SegmentRemoved, kinds.SegmentModified]
        self._node = node
        self._observations.replace(node, events)
        self._refresh()

    def segmentationNode(self) -> Any:
        """The segmentation that is shown."""
        return self._node

    def selectedSegmentIDs(self) -> list[str]:
        """The ids of the selected segments."""
        ids = self._ids()
        return [ids[index.row()] for index in self._table.selectionModel().selectedRows()]

    def setSelectedSegmentIDs(self, ids: list[str]) -> None:
        """Select these segments."""
        self._table.clearSelection()
        for segment_id in ids:
            self._table.selectRow(self._ids().index(segment_id))

    def clearSelection(self) -> None:
        """Select nothing."""
        self._table.clearSelection()

    def _ids(self) -> list[str]:
        segmentation = None if self._node is None else self._node.GetSegmentation()
        count = 0 if segmentation is None else segmentation.GetNumberOfSegments()
        return [segmentation.GetNthSegmentID(index) for index in range(count)]

    def _refresh(self) -> None:
        names = [self._node.GetSegmentation().GetSegment(segment_id).GetName() for segment_id in self._ids()]
        fill(self._items, ["Name"], [[name] for name in names])


@host_class
class qMRMLSegmentationShow3DButton(ctkMenuButton):
    """Makes or removes the closed surfaces of a segmentation."""

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__("Show 3D", parent)
        self._node = None
        self.setCheckable(True)
        self.toggled.connect(self._show)

    def setSegmentationNode(self, node: Any) -> None:
        """Control this segmentation."""
        self._node = node

    def segmentationNode(self) -> Any:
        """The controlled segmentation."""
        return self._node

    def _show(self, shown: bool) -> None:
        if self._node is None:
            return
        if shown:
            self._node.CreateClosedSurfaceRepresentation()
        else:
            self._node.RemoveClosedSurfaceRepresentation()
