"""Signals as PythonQt shows them: connected by their C++ signature, to slots that may not break the sender.

`connect` raises for a signal that does not exist; the application prints a warning that nobody reads. A slot
gets as many arguments as it has positional parameters, those with defaults included: the slot `f(self, x=7)`
connected to `clicked(bool)` gets False. An exception in a slot goes to `slot_errors`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6 import QtCore

from .. import slot_errors, surface

# Set by `attributes`: PySide6's own look-up, which gives the signals without this module's wrapper.
raw_attribute: Callable[[Any, str], Any] = object.__getattribute__
# Attribute of a host class: C++ signature -> the Python attribute that carries it, where the names differ.
CARRIERS = "_signal_carriers"
_SELECTABLE = frozenset(["bool", "int", "QString", "double"])


@dataclass(frozen=True)
class Connection:
    """One connection that Python made: the signal's name, who receives it, and Qt's handle to undo it."""

    name: str
    receiver: Any
    handle: QtCore.QMetaObject.Connection


class BoundSignal:
    """A signal of one object, as the attribute `object.signal`."""

    def __init__(self, sender: QtCore.QObject, name: str, signal: QtCore.SignalInstance) -> None:
        self._sender, self._name, self._signal = sender, name, signal

    def connect(self, receiver: Callable[..., Any]) -> bool:
        """Call `receiver` whenever the signal is emitted."""
        return _make(self._sender, self._name, self._signal, receiver)

    def disconnect(self, receiver: Callable[..., Any]) -> bool:
        """Undo `connect`."""
        return _break(self._sender, self._name, receiver)

    def emit(self, *arguments: Any) -> None:
        """Emit the signal."""
        self._signal.emit(*arguments)

    __call__ = emit


def connect(sender: QtCore.QObject, signature: str, receiver: Any, slot: str | None = None) -> bool:
    """Connect the signal `signature`, such as "clicked(bool)", to a callable or to a slot of an object.

    Raises:
        ValueError: `sender` has no such signal.
    """
    if isinstance(
        signature, QtCore.QObject
    ):  # PySide6's own `QTimer.singleShot` calls it as a static function
        sender, signature, receiver, slot = signature, str(receiver).lstrip("2"), slot, None
    if slot is not None:
        receiver = getattr(receiver, slot.partition("(")[0])
    if not callable(receiver):
        raise TypeError(f"{receiver!r} cannot be connected to {signature}: it is not callable")
    return _make(sender, signature.partition("(")[0], _find(sender, signature), receiver)


def disconnect(
    sender: QtCore.QObject, signature: str | None = None, receiver: Any = None, slot: str | None = None
) -> bool:
    """Undo the connections of a signal, of all signals, or of one receiver (a callable or an object)."""
    if slot is not None:
        receiver = getattr(receiver, slot.partition("(")[0])
    return _break(sender, None if signature is None else signature.partition("(")[0], receiver)


def known_signals(sender: QtCore.QObject) -> set[str]:
    """The signatures of the signals that Python sees of an object in the application."""
    meta = sender.metaObject()
    methods = [meta.method(index) for index in range(meta.methodCount())]
    known = {
        bytes(method.methodSignature()).decode()
        for method in methods
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal
    }
    for cls in type(sender).__mro__:
        if cls.__name__ in surface.classes():
            known = {signature for signature in known if "PyObject" not in signature}
            return known | surface.signals(cls.__name__)
    return known


def _find(sender: QtCore.QObject, signature: str) -> QtCore.SignalInstance:
    wanted = signature.replace(" ", "")
    name, _, kinds = wanted.partition("(")
    known = {known.replace(" ", "") for known in known_signals(sender)}
    if not any(found == wanted or ("(" not in wanted and found.startswith(f"{name}(")) for found in known):
        alike = sorted(found for found in known if found.lower().startswith(f"{name.lower()}("))
        raise ValueError(
            f"{type(sender).__name__} has no signal {signature}; it has {alike or sorted(known)}"
        )
    carrier = getattr(type(sender), CARRIERS, {}).get(wanted, name)
    try:
        signal = raw_attribute(sender, carrier)
    except AttributeError as error:
        message = f"the test host does not emit {signature} of {type(sender).__name__} yet"
        raise NotImplementedError(message) from error
    kind = kinds.rstrip(")")
    if kind in _SELECTABLE:
        try:
            return signal[kind]
        except (IndexError, KeyError, TypeError):
            return signal  # not overloaded, or declared by the host with Python's types
    return signal


def _make(
    sender: QtCore.QObject, name: str, signal: QtCore.SignalInstance, receiver: Callable[..., Any]
) -> bool:
    handle = signal.connect(_guarded(receiver))
    _connections(sender).append(Connection(name, receiver, handle))
    return True


def _break(sender: QtCore.QObject, name: str | None, receiver: Any) -> bool:
    connections = _connections(sender)
    broken = [
        connection
        for connection in connections
        if name in (None, connection.name)
        and (
            receiver is None
            or connection.receiver == receiver
            or getattr(connection.receiver, "__self__", None) is receiver
        )
    ]
    for connection in broken:
        QtCore.QObject.disconnect(connection.handle)
        connections.remove(connection)
    return bool(broken)


def _connections(sender: QtCore.QObject) -> list[Connection]:
    return sender.__dict__.setdefault("_connections", [])


def _guarded(receiver: Callable[..., Any]) -> Callable[..., None]:
    count = _positional_parameters(receiver)

    def call(*arguments: Any) -> None:
        try:
            receiver(*arguments[:count])
        except Exception as error:
            slot_errors.report(error)

    return call


def _positional_parameters(receiver: Callable[..., Any]) -> int | None:
    """How many arguments a slot gets; None for as many as there are."""
    if isinstance(receiver, BoundSignal):
        return None
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):  # a C++ function
        return None
    if any(parameter.kind == parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in positional for parameter in parameters)
