"""What PythonQt makes of a Python value that is assigned to a property."""

from __future__ import annotations

from typing import Any

NUMBERS = frozenset(["int", "double", "float"])


def to_property(kind: str, name: str, value: Any) -> Any:
    """`value` as a property of the C++ type `kind` takes it: any object as a string, `None` as "None" too.

    Raises:
        AttributeError: a string for a number.
    """
    if kind == "bool":
        return bool(value)
    if kind in ("QString", "str"):
        return str(value)
    if kind in NUMBERS and isinstance(value, str):
        raise AttributeError(f"property '{name}' of type '{kind}' takes no string: {value!r}")
    return value
