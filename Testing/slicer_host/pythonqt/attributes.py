"""Which attributes Python may read and assign: those of the application and no other.

PySide6 lets anybody add an attribute to any object, so a misspelt property passes every test and does nothing
in the application. Here an object of a C++ class takes no new attribute, a function cannot be assigned, and a
class of CTK or the application refuses every name that its C++ header lacks (`surface`).
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any

from PySide6 import QtCore

from .. import surface
from . import signals
from .properties import VIRTUAL

HOST = "slicer_host"
_PROPERTIES = (property, QtCore.Property)
_CPLUSPLUS = ("PySide6.", f"{HOST}.")


class NotInApplicationError(AttributeError):
    """The application's class has no such name."""


class NotInHostError(AttributeError):
    """The application's class has the name, the test host's does not yet."""


def guard(classes: list[type[QtCore.QObject]]) -> None:
    """Check every attribute that is read or assigned on objects of these classes."""
    signals.raw_attribute = QtCore.QObject.__getattribute__
    for cls in classes:
        if "__getattribute__" in cls.__dict__:  # some have a look-up of their own
            cls.__getattribute__ = _reader(cls.__getattribute__)
        cls.__setattr__ = _write


def _reader(original: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def read(self: Any, name: str) -> Any:
        # Native objects answer `connect` themselves before they look at their class.
        if name == "connect":
            return types.MethodType(signals.connect, self)
        if name == "disconnect":
            return types.MethodType(signals.disconnect, self)
        if name.startswith("__"):
            return original(self, name)
        inside = _called_by_host()
        if not inside:
            _refuse_unknown(type(self), name)
        value = _read(original, self, name)
        if isinstance(value, QtCore.SignalInstance):
            return signals.BoundSignal(self, name, value)
        if name in VIRTUAL and not inside and isinstance(value, types.BuiltinMethodType):
            return value()
        return value

    return read


def _read(original: Callable[[Any, str], Any], self: Any, name: str) -> Any:
    try:
        return original(self, name)
    except AttributeError as error:
        cls = _host_class(type(self))
        if cls is not None and name in surface.names(cls.__name__):
            raise NotInHostError(f"the test host's {cls.__name__} has no '{name}' yet") from error
        raise


def _write(self: Any, name: str, value: Any) -> None:
    """What assigning an attribute does; PySide6's own function cannot be called for a class it is not of."""
    cls = type(self)
    attribute = _class_attribute(cls, name)
    if not _called_by_host() and cls.__module__.startswith(_CPLUSPLUS):
        _refuse_unknown(cls, name)
        if not isinstance(attribute, _PROPERTIES):
            raise NotInApplicationError(
                f"'{name}' is no property of {cls.__name__}: it does not exist or is a function, and an "
                "object of a C++ class takes no new attribute"
            )
    if isinstance(attribute, QtCore.Property):
        attribute.fset(self, value)
    elif hasattr(type(attribute), "__set__"):
        attribute.__set__(self, value)
    else:
        self.__dict__[name] = value


def _class_attribute(cls: type, name: str) -> Any:
    return next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), None)


def _refuse_unknown(cls: type, name: str) -> None:
    host = _host_class(cls)
    if host is None or name in surface.names(host.__name__) or name in _qt_names(host):
        return
    # A Python class derived from a host class adds what it likes, but sees nothing that is the host's own.
    own = cls.__mro__[: cls.__mro__.index(host)]
    if host is cls or (hasattr(host, name) and not any(name in base.__dict__ for base in own)):
        raise NotInApplicationError(f"{host.__name__} has no '{name}' in the application")


@cache
def _host_class(cls: type) -> type | None:
    """The nearest class among `cls` and its bases that stands in for one of the application's."""
    for base in cls.__mro__:
        if base.__module__.startswith(f"{HOST}.") and base.__name__ in surface.classes():
            return base
        if base.__module__.startswith("PySide6."):
            return None
    return None


@cache
def _qt_names(cls: type) -> frozenset[str]:
    """The names of the Qt class that a host class stands on."""
    qt_class = next(base for base in cls.__mro__ if base.__module__.startswith("PySide6."))
    return frozenset(name for name in dir(qt_class) if not name.startswith("_"))


def _called_by_host() -> bool:
    """Whether the code that reads or assigns is the host's own, two frames up, or C++."""
    try:
        return sys._getframe(2).f_globals.get("__name__", "").startswith(HOST)
    except ValueError:  # no Python function called: while the interpreter ends, for instance
        return True
