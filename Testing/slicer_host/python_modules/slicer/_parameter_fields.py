"""How each type of parameter is kept in a node, and the limits that annotations set."""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from dataclasses import dataclass
from typing import Any

import slicer

UNSET = object()


@dataclass(frozen=True)
class Default:
    """Annotation: the value of a new parameter node."""

    value: Any


class _Limit:
    """Annotation: which values are allowed."""

    def check(self, name: str, value: Any) -> None:
        """Raise ValueError for a value that is not."""
        if not self.allows(value):
            raise ValueError(f"{name} = {value!r} is not allowed: {self}")


@dataclass(frozen=True)
class WithinRange(_Limit):
    """Annotation: `minimum` ≤ value ≤ `maximum`."""

    minimum: float
    maximum: float

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True)
class Minimum(_Limit):
    """Annotation: `minimum` ≤ value."""

    minimum: float

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        return value >= self.minimum


@dataclass(frozen=True)
class Maximum(_Limit):
    """Annotation: value ≤ `maximum`."""

    maximum: float

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        return value <= self.maximum


@dataclass(frozen=True)
class Choice(_Limit):
    """Annotation: one of `choices`, the first by default."""

    choices: list[Any]

    def allows(self, value: Any) -> bool:
        """Whether a value is allowed."""
        return value in self.choices


@dataclass(frozen=True)
class ValueField:
    """A parameter kept as text: str, bool, int, float, Path or an enumeration."""

    name: str
    kind: type
    default: Any
    limits: tuple[_Limit, ...]

    def read(self, node: Any, prefix: str) -> Any:
        """The value in the node."""
        text = node.GetParameter(prefix + self.name)
        if self.kind is bool:
            return text.lower() == "true"
        if issubclass(self.kind, enum.Enum):
            return self.kind[text]
        return self.kind(text)

    def write(self, node: Any, prefix: str, value: Any) -> None:
        """Put a value into the node; an int is taken for a float and text for a path, nothing else."""
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if self.kind is pathlib.Path and isinstance(value, (str, pathlib.PurePath)):
            value = pathlib.Path(value)
        if not isinstance(value, self.kind) or (isinstance(value, bool) and self.kind is not bool):
            raise TypeError(f"{self.name} takes {self.kind.__name__}, not {value!r}")
        for limit in self.limits:
            limit.check(self.name, value)
        node.SetParameter(prefix + self.name, value.name if isinstance(value, enum.Enum) else str(value))

    def write_default(self, node: Any, prefix: str) -> None:
        """Put the default into a node that has no value yet."""
        if self.default != "" and not node.GetParameter(prefix + self.name):
            self.write(node, prefix, self.default)


@dataclass(frozen=True)
class NodeField:
    """A parameter kept as a reference to a node of the scene, or None."""

    name: str
    kind: type
    default: None = None

    def read(self, node: Any, prefix: str) -> Any:
        """The node that is referred to."""
        return node.GetNodeReference(prefix + self.name)

    def write(self, node: Any, prefix: str, value: Any) -> None:
        """Refer to another node."""
        if isinstance(value, str):
            value = slicer.mrmlScene.GetNodeByID(value) if value else None
        if value is not None and not isinstance(value, self.kind):
            raise TypeError(f"{self.name} takes {self.kind.__name__}, not {value.GetClassName()}")
        node.SetNodeReferenceID(prefix + self.name, None if value is None else value.GetID())

    def write_default(self, node: Any, prefix: str) -> None:
        """A new parameter node refers to nothing."""


def fields_of(cls: type) -> dict[str, ValueField | NodeField]:
    """The annotated attributes of a class, by name.

    Raises:
        TypeError: an annotation is of a type that this stand-in does not keep.
    """
    hints = typing.get_type_hints(cls, include_extras=True)
    return {name: _field(name, hint, cls.__dict__.get(name, UNSET)) for name, hint in hints.items()}


def _field(name: str, hint: Any, assigned: Any) -> ValueField | NodeField:
    annotations: tuple[Any, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *annotations = typing.get_args(hint)
    kind = _without_none(hint)
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return NodeField(name, kind)
    if not isinstance(kind, type) or not issubclass(kind, (str, bool, int, float, pathlib.Path, enum.Enum)):
        raise TypeError(f"the test host's parameterNodeWrapper keeps no {hint} ('{name}')")
    limits = tuple(note for note in annotations if isinstance(note, _Limit))
    return ValueField(name, kind, _default(kind, annotations, assigned), limits)


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        others = [member for member in typing.get_args(hint) if member is not type(None)]
        return others[0] if len(others) == 1 else hint
    return hint


def _default(kind: type, annotations: tuple[Any, ...], assigned: Any) -> Any:
    for note in annotations:
        if isinstance(note, Default):
            return note.value
    if assigned is not UNSET:
        return assigned
    for note in annotations:
        if isinstance(note, Choice):
            return note.choices[0]
        if isinstance(note, (WithinRange, Minimum)):
            return kind(max(note.minimum, 0) if note.allows(max(note.minimum, 0)) else note.minimum)
    return next(iter(kind)) if issubclass(kind, enum.Enum) else kind()
