"""Ties parameters to widgets: a change of either changes the other."""

from __future__ import annotations

import enum
import pathlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ctk
import qt
import slicer
import vtk


@dataclass(frozen=True)
class Connector:
    """How a class of widgets shows a value: the signal of a change, and how to read and to show."""

    widget_class: type
    signal: str
    read: Callable[[Any], Any]
    show: Callable[[Any, Any], None]


def _show_choice(box: Any, value: Any) -> None:
    text = value.value if isinstance(value, enum.Enum) else str(value)
    index = box.findText(text)
    if index < 0:
        box.addItem(text)
        index = box.findText(text)
    box.setCurrentIndex(index)


def _show_path(widget: Any, value: Any) -> None:
    # An empty path is "." for pathlib.
    widget.currentPath = "" if value == pathlib.Path() else str(value)


CONNECTORS = (
    Connector(
        slicer.qMRMLNodeComboBox,
        "currentNodeChanged(vtkMRMLNode*)",
        lambda widget: widget.currentNode(),
        lambda widget, value: widget.setCurrentNode(value),
    ),
    Connector(
        ctk.ctkSliderWidget,
        "valueChanged(double)",
        lambda widget: widget.value,
        lambda widget, value: widget.setValue(value),
    ),
    Connector(
        ctk.ctkDoubleSpinBox,
        "valueChanged(double)",
        lambda widget: widget.value,
        lambda widget, value: widget.setValue(value),
    ),
    Connector(
        ctk.ctkPathLineEdit, "currentPathChanged(QString)", lambda widget: widget.currentPath, _show_path
    ),
    Connector(
        ctk.ctkDirectoryButton,
        "directoryChanged(QString)",
        lambda widget: widget.directory,
        lambda widget, value: setattr(widget, "directory", str(value)),
    ),
    Connector(
        qt.QDoubleSpinBox,
        "valueChanged(double)",
        lambda widget: widget.value,
        lambda widget, value: widget.setValue(value),
    ),
    Connector(
        qt.QSpinBox,
        "valueChanged(int)",
        lambda widget: widget.value,
        lambda widget, value: widget.setValue(value),
    ),
    Connector(
        qt.QSlider,
        "valueChanged(int)",
        lambda widget: widget.value,
        lambda widget, value: widget.setValue(value),
    ),
    Connector(
        qt.QLineEdit,
        "textChanged(QString)",
        lambda widget: widget.text,
        lambda widget, value: widget.setText(value),
    ),
    Connector(qt.QComboBox, "currentIndexChanged(int)", lambda widget: widget.currentText, _show_choice),
    Connector(
        qt.QAbstractButton,
        "toggled(bool)",
        lambda widget: widget.checked,
        lambda widget, value: widget.setChecked(value),
    ),
)


def connector_for(widget: Any) -> Connector:
    """The connector of a widget's class.

    Raises:
        TypeError: no widget of that class can show a parameter.
    """
    for connector in CONNECTORS:
        if isinstance(widget, connector.widget_class):
            return connector
    raise TypeError(f"no parameter can be tied to a {widget.className()} ('{widget.name}')")


class Connections:
    """The ties of one call of `connectGui`."""

    def __init__(self, parameters: Any, widgets: dict[str, Any]) -> None:
        self._parameters = parameters
        self._ties = [(name, widget, connector_for(widget)) for name, widget in widgets.items()]
        self._showing = False
        for name, _, _ in self._ties:
            getattr(parameters, name)
        self._show()
        self._slots = [self._connect(*tie) for tie in self._ties]
        node = parameters.parameterNode
        self._observer = node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())

    def close(self) -> None:
        """Undo the ties."""
        self._parameters.parameterNode.RemoveObserver(self._observer)
        for widget, signal, slot in self._slots:
            widget.disconnect(signal, slot)

    def _connect(self, name: str, widget: Any, connector: Connector) -> tuple[Any, str, Callable[[], None]]:
        def slot() -> None:
            if not self._showing:
                self._store(name, connector.read(widget))

        widget.connect(connector.signal, slot)
        return widget, connector.signal, slot

    def _store(self, name: str, value: Any) -> None:
        present = getattr(self._parameters, name)
        if isinstance(present, enum.Enum):
            value = type(present)(value)
        elif isinstance(present, int) and not isinstance(present, bool):
            value = int(value)
        setattr(self._parameters, name, value)

    def _show(self) -> None:
        if self._showing:
            return
        self._showing = True
        try:
            for name, widget, connector in self._ties:
                connector.show(widget, getattr(self._parameters, name))
        finally:
            self._showing = False
