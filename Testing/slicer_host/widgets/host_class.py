"""How the host declares a class that stands in for one of CTK or the application."""

from __future__ import annotations

import sys
import types
from typing import Any, TypeVar

import slicer
from PySide6 import QtCore, QtWidgets

from .. import surface
from ..pythonqt.conversions import to_property

ctk = types.ModuleType("ctk", "The host's CTK classes.")
sys.modules["ctk"] = ctk

# Class name -> host class, for the loader of `.ui` files.
REGISTRY: dict[str, type] = {}
T = TypeVar("T", bound=type)


def host_class(cls: T) -> T:
    """Make a class known to `.ui` files and to `ctk` or `slicer`, whichever its name says.

    Raises:
        KeyError: `api_surface.json` does not hold the class; copy its entry.
        TypeError: the class derives from another Qt class than the application's.
    """
    qt_class = getattr(QtWidgets, surface.chain(cls.__name__)[1], QtCore.QObject)
    if not issubclass(cls, qt_class):
        raise TypeError(f"the application's {cls.__name__} is a {qt_class.__name__}, the host's is not")
    REGISTRY[cls.__name__] = cls
    setattr(ctk if cls.__name__.startswith("ctk") else slicer, cls.__name__, cls)
    return cls


def stored(kind: type | str, name: str, default: Any, changed: str | None = None) -> QtCore.Property:
    """A Qt property that keeps its value in the object; assigning it calls the function named `changed`."""
    key = f"_stored_{name}"
    kind_name = kind if isinstance(kind, str) else kind.__name__

    def put(self: Any, value: Any) -> None:
        self.__dict__[key] = to_property(kind_name, name, value)
        if changed is not None:
            getattr(self, changed)()

    return QtCore.Property(kind, lambda self: self.__dict__.get(key, default), put)


def delegated(kind: type | str, child: str, name: str) -> QtCore.Property:
    """A Qt property that is the property `name` of the widget in the attribute `child`."""
    return QtCore.Property(
        kind,
        lambda self: getattr(getattr(self, child), name),
        lambda self, value: setattr(getattr(self, child), name, value),
    )


def in_row(parent: QtWidgets.QWidget, *widgets: QtWidgets.QWidget) -> None:
    """Lay widgets out in `parent` from left to right without margins."""
    _lay_out(QtWidgets.QHBoxLayout(parent), widgets)


def in_column(parent: QtWidgets.QWidget, *widgets: QtWidgets.QWidget) -> None:
    """Lay widgets out in `parent` from top to bottom without margins."""
    _lay_out(QtWidgets.QVBoxLayout(parent), widgets)


def _lay_out(layout: QtWidgets.QBoxLayout, widgets: tuple[QtWidgets.QWidget, ...]) -> None:
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0 if isinstance(layout, QtWidgets.QVBoxLayout) else 4)
    for widget in widgets:
        layout.addWidget(widget)
