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
# `QTimer.singleShot(…)` hides the property of that name also on a timer.
HIDDEN = frozenset([(QtCore.QTimer, "singleShot")])


class StaticProperty(property):
    """A property with a static getter, such as `applicationName`; the class keeps the function."""

    def __init__(self, get: Callable[[], Any], put: Callable[[Any, Any], None] | None) -> None:
        super().__init__(lambda _: get(), put)
        self._function = get

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self._function if instance is None else super().__get__(instance, owner)


def give_properties(cls: type[QtCore.QObject]) -> None:
    """Replace the accessor functions of the properties that `cls` declares by attributes."""
    meta = cls.staticMetaObject
    for index in range(meta.propertyOffset(), meta.propertyCount()):
        declared = meta.property(index)
        name = declared.name()
        if name in VIRTUAL or name == NAME or (cls, name) in HIDDEN:
            continue
        if not isinstance(getattr(cls, name, None), QtCore.Signal):
            setattr(cls, name, _property(cls, name, declared.typeName(), declared.isWritable()))


def give_name(cls: type[QtCore.QObject]) -> None:
    """`name` and `objectName` as attributes of `QObject`."""
    get, put = cls.objectName, cls.setObjectName
    cls.objectName = cls.name = property(lambda self: get(self), lambda self, value: put(self, str(value)))


def _is_static(function: Any) -> bool:
    return type(function).__name__ == "builtin_function_or_method"


def _property(cls: type, name: str, kind: str, writable: bool) -> property:
    setter = _setter(cls, name, kind) if writable else None
    function = getattr(cls, name, None)
    return (
        StaticProperty(function, setter)
        if _is_static(function)
        else property(_getter(cls, name, kind), setter)
    )


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
        if _is_static(function):
            function(value)
        elif callable(function):
            function(self, value)
        elif not self.setProperty(name, value):
            raise AttributeError(f"property '{name}' of type '{kind}' does not take {value!r}")

    return assign
