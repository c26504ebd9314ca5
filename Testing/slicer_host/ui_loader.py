"""`qt.QUiLoader` for `.ui` files that use classes of CTK and the application.

It makes host widgets, refuses a property or a class that does not exist, and makes the connections of the
file in Python, because Qt does not know the C++ argument types of the host's signals.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

from PySide6 import QtCore, QtUiTools, QtWidgets

from . import surface
from .pythonqt import declared, signals
from .widgets.host_class import REGISTRY

# Classes of the Designer that are no Qt class of their own: a line is a QFrame.
OF_DESIGNER = frozenset(["Line"])


@dataclass(frozen=True)
class UiConnection:
    """One `<connection>` of a `.ui` file."""

    sender: str
    signal: str
    receiver: str
    slot: str

    @classmethod
    def of(cls, element: ElementTree.Element) -> UiConnection:
        """From its XML element."""
        return cls(*(element.findtext(tag, "") for tag in ("sender", "signal", "receiver", "slot")))


class UiLoader(QtUiTools.QUiLoader):
    """Loads a `.ui` file; raises RuntimeError where the application would show an incomplete panel."""

    def createWidget(
        self, class_name: str, parent: QtWidgets.QWidget | None = None, name: str = ""
    ) -> QtWidgets.QWidget:
        """Make one widget of the file; Qt calls this."""
        try:
            widget = self._make(class_name, parent, name)
        except Exception as error:  # an exception that leaves here would leave Qt with a null pointer
            self._problems.append(f"{class_name} {name}: {error}")
            widget = QtWidgets.QWidget(parent)
        widget.setObjectName(name)
        return widget

    def load(self, file: QtCore.QFile, parent: QtWidgets.QWidget | None = None) -> QtWidgets.QWidget:
        """Load an opened file.

        Raises:
            RuntimeError: a class, a property or the end of a connection does not exist; it names each.
        """
        root = ElementTree.fromstring(bytes(file.readAll().data()))
        file.close()
        connections = self._take_connections(root)
        self._problems: list[str] = _unknown_properties(root)
        widget = self._load(root, parent)
        for connection in connections:
            self._connect(widget, connection)
        if self._problems:
            raise RuntimeError("\n".join(self._problems))
        return widget

    def _make(self, class_name: str, parent: QtWidgets.QWidget | None, name: str) -> QtWidgets.QWidget:
        if class_name in REGISTRY:
            return REGISTRY[class_name](parent)
        if class_name not in self.availableWidgets():
            raise RuntimeError("no such class in Qt or in the test host")
        return super().createWidget(class_name, parent, name)

    def _load(self, root: ElementTree.Element, parent: QtWidgets.QWidget | None) -> QtWidgets.QWidget:
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        return super().load(buffer, parent)

    def _take_connections(self, root: ElementTree.Element) -> list[UiConnection]:
        element = root.find("connections")
        if element is None:
            return []
        root.remove(element)
        return [UiConnection.of(connection) for connection in element.findall("connection")]

    def _connect(self, root: QtWidgets.QWidget, connection: UiConnection) -> None:
        sender, receiver = (_find(root, name) for name in (connection.sender, connection.receiver))
        slot = connection.slot.partition("(")[0]
        try:
            if sender is None or receiver is None:
                raise ValueError("no such widget")
            signals.connect(sender, connection.signal, getattr(receiver, slot))
        except (AttributeError, ValueError, NotImplementedError) as error:
            self._problems.append(f"{connection}: {error}")


def _find(root: QtWidgets.QWidget, name: str) -> QtCore.QObject | None:
    return root if root.objectName == name else root.findChild(QtCore.QObject, name)


def _unknown_properties(root: ElementTree.Element) -> list[str]:
    """The properties that are neither their class's nor marked as dynamic (`stdset="0"`)."""
    problems = []
    for widget in root.iter("widget"):
        class_name = widget.get("class", "")
        for element in widget.findall("property"):
            name = element.get("name", "")
            if element.get("stdset") != "0" and not _has_property(class_name, name):
                problems.append(f"{class_name} {widget.get('name')} has no property '{name}'")
    return problems


def _has_property(class_name: str, name: str) -> bool:
    qt_class = class_name
    if class_name in surface.classes():
        entries, qt_class = surface.chain(class_name)
        if any(name in entry["properties"] for entry in entries):
            return True
    cls = getattr(QtWidgets, qt_class, None)
    # An unknown class is reported where it is made.
    return cls is None or class_name in OF_DESIGNER or name in declared.of(cls).properties
