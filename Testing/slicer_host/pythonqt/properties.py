"""Qt properties as attributes of PySide6's classes: `label.text`, `label.text = "…"`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtCore

from .conversions import to_property

# Virtual functions: a property in their place would be taken for an override. `attributes` gives their value.
VIRTUAL = frozenset(["sizeHint", "minimumSizeHint"])
# Handled by itself, because PythonQt also calls it `name`.
NAME = "objectName"


def give_properties(cls: type[QtCore.QObject]) -> None:
    """Replace the accessor functions of the properties that `cls` declares by attributes."""
    meta = cls.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        declared = meta.property(index)
        name = declared.name()
        if name not in VIRTUAL and name != NAME and not _is_taken(getattr(cls, name, None)):
            setattr(cls, name, _property(cls, name, declared.typeName(), declared.isWritable()))


def give_name(cls: type[QtCore.QObject]) -> None:
    """`name` and `objectName` as attributes of `QObject`."""
    get, put = cls.objectName, cls.setObjectName
    cls.objectName = cls.name = property(lambda self: get(self), lambda self, value: put(self, str(value)))


def _is_taken(attribute: Any) -> bool:
    """Whether a static function (`QTimer.singleShot`) or a signal of that name hides the property."""
    return isinstance(attribute, QtCore.Signal) or type(attribute).__name__ == "builtin_function_or_method"


def _property(cls: type, name: str, kind: str, writable: bool) -> property:
    return property(_getter(cls, name, kind), _setter(cls, name, kind) if writable else None)


def _getter(cls: type, name: str, kind: str) -> Callable[[Any], Any]:
    is_name = getattr(cls, f"is{name[0].upper()}{name[1:]}", None)
    function = is_name if kind == "bool" and callable(is_name) else getattr(cls, name, None)
    if callable(function):
        return lambda self: function(self)
    return lambda self: self.property(name)


def _setter(cls: type, name: str, kind: str) -> Callable[[Any, Any], None]:
    function = getattr(cls, f"set{name[0].upper()}{name[1:]}", None)

    def assign(self: Any, value: Any) -> None:
        value = to_property(kind, name, value)
        if callable(function):
            function(self, value)
        elif not self.setProperty(name, value):
            raise AttributeError(f"property '{name}' of type '{kind}' does not take {value!r}")

    return assign
