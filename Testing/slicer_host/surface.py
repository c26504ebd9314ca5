"""What Python sees of the application's own Qt classes (`api_surface.json`).

The file holds, for each class of CTK and of the application that the host stands in for, the class it derives
from and the names of its properties, methods (slots and invokables) and signals, as its C++ header declares
them. A host class refuses every name that is neither there nor in the Qt class at the end of the chain.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("api_surface.json")
# What PythonQt gives every object besides.
OF_EVERY_OBJECT = frozenset(["connect", "disconnect", "className", "name", "inherits", "delete", "help"])


@cache
def classes() -> dict[str, dict]:
    """The content of `api_surface.json`."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def chain(class_name: str) -> tuple[list[dict], str]:
    """The entries of a class and its bases, nearest first, and the name of the Qt class they end in.

    Raises:
        KeyError: the file does not hold the class.
    """
    entries = [classes()[class_name]]
    while (base := entries[-1]["base"]) in classes():
        entries.append(classes()[base])
    return entries, base


@cache
def names(class_name: str) -> frozenset[str]:
    """Every name that the headers of a class and its bases declare; without those of its Qt class."""
    found = set(OF_EVERY_OBJECT)
    for entry in chain(class_name)[0]:
        found.update(entry["properties"], entry["methods"])
        found.update(signature.partition("(")[0] for signature in entry["signals"])
    return frozenset(found)


@cache
def signals(class_name: str) -> frozenset[str]:
    """The signatures of the signals that the headers of a class and its bases declare."""
    return frozenset(signature for entry in chain(class_name)[0] for signature in entry["signals"])
