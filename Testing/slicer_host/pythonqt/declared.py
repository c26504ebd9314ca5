"""The properties and signals that each Qt class declares, read once, before anything is changed.

They are read only once because PySide6's object for the meta-object of a class does not live as long as the
class.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6 import QtCore


@dataclass(frozen=True)
class Declared:
    """What a Qt class declares, its bases included.

    Attributes:
        properties: their names.
        signals: their signatures in the order of the header; of a signal with default arguments the
            signature with all of them comes first.
    """

    properties: frozenset[str]
    signals: tuple[str, ...]


_known: dict[type, Declared] = {}


def remember(cls: type[QtCore.QObject]) -> None:
    """Read what a class of PySide6 declares."""
    meta = cls.staticMetaObject
    methods = [meta.method(index) for index in range(meta.methodCount())]
    signal = QtCore.QMetaMethod.MethodType.Signal
    _known[cls] = Declared(
        frozenset(meta.property(index).name() for index in range(meta.propertyCount())),
        tuple(
            bytes(method.methodSignature().data()).decode()
            for method in methods
            if method.methodType() == signal
        ),
    )


def qt_class(cls: type) -> type:
    """The nearest class of PySide6 among a class and its bases."""
    return next(base for base in cls.__mro__ if base in _known)


def of(cls: type) -> Declared:
    """What the Qt class of `cls` declares."""
    return _known[qt_class(cls)]
