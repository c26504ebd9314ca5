"""`slicer.dicomDatabase`: empty until a test fills it."""

from __future__ import annotations

from PySide6 import QtCore

from ..widgets.host_class import host_class


@host_class
class ctkDICOMDatabase(QtCore.QObject):
    """Which files belong to which series."""

    databaseChanged = QtCore.Signal()

    def __init__(self, parent: QtCore.QObject | None = None) -> None:
        super().__init__(parent)
        self._files: dict[str, list[str]] = {}

    isOpen = QtCore.Property(bool, lambda self: True)

    def filesForSeries(self, series_uid: str) -> list[str]:
        """The files of a series, none for an unknown one."""
        return list(self._files.get(series_uid, ()))


def insert_series(database: ctkDICOMDatabase, series_uid: str, files: list[str]) -> None:
    """For tests: put a series into the database."""
    database._files[series_uid] = list(files)
    database.databaseChanged.emit()
