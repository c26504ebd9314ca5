"""The findings as a table node, for the application's table views and for saving with the scene.

All findings that may be seen, whatever the threshold, so that a moving slider leaves it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import vtk

from ..review.rows import FindingRow


@dataclass(frozen=True)
class _Column:
    title: str
    array: type
    value: Callable[[FindingRow], Any]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


_COLUMNS = (
    _Column("Finding", vtk.vtkIntArray, lambda row: row.id),
    _Column("Status", vtk.vtkStringArray, lambda row: row.status),
    _Column("Score", vtk.vtkDoubleArray, lambda row: _number(row.score)),
    _Column("Side", vtk.vtkStringArray, lambda row: row.side),
    _Column("Region", vtk.vtkStringArray, lambda row: row.region),
    _Column("Slice", vtk.vtkIntArray, lambda row: row.slice),
    _Column("R (mm)", vtk.vtkDoubleArray, lambda row: row.center_ras[0]),
    _Column("A (mm)", vtk.vtkDoubleArray, lambda row: row.center_ras[1]),
    _Column("S (mm)", vtk.vtkDoubleArray, lambda row: row.center_ras[2]),
    _Column("Size x (mm)", vtk.vtkDoubleArray, lambda row: row.size_mm[0]),
    _Column("Size y (mm)", vtk.vtkDoubleArray, lambda row: row.size_mm[1]),
    _Column("Size z (mm)", vtk.vtkDoubleArray, lambda row: row.size_mm[2]),
    _Column("Volume (mm3)", vtk.vtkDoubleArray, lambda row: _number(row.volume_mm3)),
    _Column("Class", vtk.vtkStringArray, lambda row: row.fracture_class),
    _Column("Flags", vtk.vtkStringArray, lambda row: "; ".join(row.flags)),
    _Column("Comment", vtk.vtkStringArray, lambda row: row.comment),
    _Column("Reader", vtk.vtkStringArray, lambda row: row.reader),
)


def fill_table(node: vtk.vtkObject, rows: Sequence[FindingRow], note: str) -> None:
    """Replace the content of a table node, as one modification.

    Args:
        note: what every row says in its last column, such as that the model is a simulated one.
    """
    table = vtk.vtkTable()
    for column in (*_COLUMNS, _Column("Note", vtk.vtkStringArray, lambda _: note)):
        array = column.array()
        array.SetName(column.title)
        array.SetNumberOfValues(len(rows))
        for place, row in enumerate(rows):
            array.SetValue(place, column.value(row))
        table.AddColumn(array)
    was_modifying = node.StartModify()
    node.SetLocked(True)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetAndObserveTable(table)
    node.EndModify(was_modifying)
