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
from . import declared

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
        return connect(self._sender, self._name, receiver)

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


def known_signals(sender: QtCore.QObject) -> tuple[str, ...]:
    """The signatures of the signals that Python sees of an object in the application."""
    of_qt = declared.of(type(sender)).signals
    host = next((cls for cls in type(sender).__mro__ if cls.__name__ in surface.classes()), None)
    return of_qt if host is None else (*sorted(surface.signals(host.__name__)), *of_qt)


def _find(sender: QtCore.QObject, signature: str) -> QtCore.SignalInstance:
    """The signal of a signature; a name alone stands for the first signal of that name."""
    wanted, known = signature.replace(" ", ""), known_signals(sender)
    matching = [found for found in known if wanted in (found, found.partition("(")[0])]
    if not matching:
        name = wanted.partition("(")[0].lower()
        alike = [found for found in known if found.lower().startswith(f"{name}(")]
        raise ValueError(f"{type(sender).__name__} has no signal {signature}; it has {alike or list(known)}")
    name, _, kinds = matching[0].rstrip(")").partition("(")
    try:
        signal = raw_attribute(sender, getattr(type(sender), CARRIERS, {}).get(matching[0], name))
    except AttributeError as error:
        message = f"the test host does not emit {signature} of {type(sender).__name__} yet"
        raise NotImplementedError(message) from error
    try:
        return signal[kinds] if kinds in _SELECTABLE else signal
    except (IndexError, KeyError, TypeError):
        return signal  # not overloaded, or declared by the host with Python's types


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
