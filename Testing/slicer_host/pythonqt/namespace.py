"""The module `qt`: the classes of all Qt's modules in one namespace, with PythonQt's look."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from PySide6 import QtCore, QtGui, QtNetwork, QtSvg, QtUiTools, QtWidgets, QtXml

from .. import surface
from . import attributes, declared, properties

MODULES = (QtCore, QtGui, QtWidgets, QtNetwork, QtSvg, QtXml, QtUiTools)
# PySide6's own, which PythonQt lacks.
OF_PYSIDE = frozenset(["Signal", "Slot", "Property", "SignalInstance", "QtCore", "Shiboken", "loadUiType"])


def install() -> types.ModuleType:
    """Give PySide6 the look of PythonQt, in this process for good, and put `qt` where `import` finds it."""
    qt = types.ModuleType("qt", __doc__)
    for name, value in _public_names():
        setattr(qt, name, value)
    objects = [value for _, value in _public_names() if _is_qobject_class(value)]
    for cls in sorted(set(objects), key=lambda cls: len(cls.__mro__)):
        declared.remember(cls)
        properties.give_properties(cls)
    properties.give_name(QtCore.QObject)
    QtCore.QObject.className = _class_name
    QtCore.QObject.delete = lambda self: self.deleteLater()
    attributes.guard(objects)
    _return_first_value_alone()
    sys.modules["qt"] = qt
    return qt


def _public_names() -> Iterator[tuple[str, Any]]:
    for module in MODULES:
        for name in sorted({*dir(module), *getattr(module, "__all__", ())}):
            if not name.startswith("_") and name not in OF_PYSIDE:
                yield name, getattr(module, name)


def _is_qobject_class(value: Any) -> bool:
    return (
        isinstance(value, type) and issubclass(value, QtCore.QObject) and hasattr(value, "staticMetaObject")
    )


def _class_name(self: QtCore.QObject) -> str:
    """The C++ class of an object; the host's classes have the name of the one they stand in for."""
    named = (cls for cls in type(self).__mro__ if cls.__name__ in surface.classes())
    return next(named, declared.qt_class(type(self))).__name__


def _return_first_value_alone() -> None:
    """PySide6 returns a pair where C++ has an output argument; PythonQt returns the value alone."""
    pairs = {
        QtWidgets.QInputDialog: ("getText", "getInt", "getDouble", "getItem", "getMultiLineText"),
        QtWidgets.QFileDialog: ("getOpenFileName", "getOpenFileNames", "getSaveFileName"),
    }
    for cls, functions in pairs.items():
        for name in functions:
            setattr(cls, name, staticmethod(_first(getattr(cls, name))))


def _first(function: Callable[..., tuple]) -> Callable[..., Any]:
    return lambda *arguments, **named: function(*arguments, **named)[0]
