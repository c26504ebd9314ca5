"""What is wrong with a configuration, told so that it can be mended: key, who set it, nearest valid key."""

from __future__ import annotations

import difflib
import json
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from RibFracDetectorLib.case.errors import InputError

from .files import KeyPath, Origin

Origins = Mapping[KeyPath, Origin]
_KINDS = {
    "bool_type": "true or false",
    "dict_type": "keys and values",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_type": "keys and values",
    "string_type": "a text",
    "tuple_type": "a list",
}


class ConfigurationError(InputError):
    """Everything that is wrong, in one line."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = tuple(faults)
        count = "" if len(faults) == 1 else f"{len(faults)} faults: "
        super().__init__("configuration: " + count + "; ".join(faults))


def checked(model: type[BaseModel], tree: Mapping[str, Any], path: KeyPath, origins: Origins) -> BaseModel:
    """`tree` as `model`.

    Args:
        path: of `tree` in the configuration.
        origins: who set the keys.

    Raises:
        ConfigurationError: unknown keys, wrong types, impossible values.
    """
    try:
        # In JSON mode a list may become a tuple, while types stay strict.
        return model.model_validate_json(json.dumps(tree))
    except ValidationError as error:
        raise ConfigurationError(list(_sentences(error, model, tree, path, origins))) from None


def set_by(path: KeyPath, origins: Origins) -> str:
    """Who set a key, or the nearest mapping around it, in parentheses; empty for a default."""
    while path and path not in origins:
        path = path[:-1]
    return f" ({origins[path]})" if path else ""


def _sentences(
    error: ValidationError, model: type[BaseModel], tree: Mapping[str, Any], path: KeyPath, origins: Origins
) -> Iterable[str]:
    seen = set()
    for fault in error.errors(include_url=False):
        inside = _keys_in(tree, [str(part) for part in fault["loc"]])
        if inside in seen:  # each member of a union complains
            continue
        seen.add(inside)
        key = (*path, *inside)
        if named := _named_keys(fault):
            yield _about_keys(fault, [(*key, name) for name in named], origins)
            continue
        name = ".".join(key) or "the configuration"
        yield f"{name}{set_by(key, origins)}: {_complaint(fault, model, inside, path)}"


def _named_keys(fault: Any) -> list[str]:
    """The keys that do not fit each other, of a fault that is about a whole mapping and names them."""
    if fault["type"] != "value_error" or not isinstance(fault["input"], dict):
        return []
    return [key for key in fault["input"] if re.search(rf"\b{re.escape(key)}\b", fault["msg"])]


def _about_keys(fault: Any, keys: list[KeyPath], origins: Origins) -> str:
    """Who set each of them: the mapping around them may come from elsewhere."""
    told = " and ".join(f"{'.'.join(key)}{set_by(key, origins)}" for key in keys)
    found = " and ".join(json.dumps(fault["input"][key[-1]], default=str) for key in keys)
    return f"{told}: found {found}, expected {_expected(fault)}"


def _keys_in(tree: Any, location: list[str]) -> KeyPath:
    """The part of pydantic's location that is keys of `tree`: it also names members of unions."""
    keys: list[str] = []
    for part in location:
        if isinstance(tree, dict) and part in tree:
            tree = tree[part]
            keys.append(part)
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
            keys.append(part)
        elif part is location[-1] and isinstance(tree, dict) and part.isidentifier():
            keys.append(part)  # a missing key
    return tuple(keys)


def _complaint(fault: Any, model: type[BaseModel], inside: KeyPath, path: KeyPath) -> str:
    kind = fault["type"]
    if kind == "missing":
        return "has too few values" if isinstance(fault["loc"][-1], int) else "is missing"
    if kind == "extra_forbidden":
        return "unknown key" + _hint(inside[-1], _valid_keys(model, inside[:-1]), (*path, *inside[:-1]))
    return f"found {json.dumps(fault['input'], default=str)}, expected {_expected(fault)}"


def _expected(fault: Any) -> str:
    told = fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return _KINDS.get(fault["type"]) or told.removeprefix("expected ")


def _hint(key: str, valid: list[str], path: KeyPath) -> str:
    near = difflib.get_close_matches(key, valid, n=1)
    if near:
        return f"; did you mean {'.'.join([*path, near[0]])}?"
    return f"; valid here: {', '.join(sorted(valid))}" if valid else "; no key is valid here"


def _valid_keys(model: type[BaseModel], inside: KeyPath) -> list[str]:
    for key in inside:
        model = _model_in(model.model_fields[key].annotation)
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel]:
    """The model of a field, which may be optional."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        annotation = next(arg for arg in typing.get_args(annotation) if arg is not type(None))
    return annotation
