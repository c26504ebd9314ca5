"""Lays configuration files over each other: bases first, then the file itself, then the command line.

Three keys are instructions, not values: `_base_` (a file or shipped name, or a list of them),
`_delete_: true` inside a mapping (forget what the bases say of it), `_deprecated_` (old key: new key, or
{use, reason}). The value `_delete_` removes one inherited key, as `~key` does on the command line. Deprecated
keys are renamed in each layer before it is laid, so that what overrides what does not depend on the name
that was used.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from RibFracDetectorLib.case.errors import InputError

from .files import (
    KeyPath,
    Layer,
    Origin,
    Tree,
    command_line_origin,
    find_configuration,
    read_file,
    with_string_keys,
)

BASE, DELETE, DEPRECATED = "_base_", "_delete_", "_deprecated_"


class DeprecatedKeyWarning(UserWarning):
    """A key still works under a name that will go."""


@dataclass(frozen=True)
class Deprecation:
    """What became of a key: `use` is its new name, None if it has none."""

    use: str | None
    reason: str


@dataclass
class Composition:
    """Layers laid over each other.

    Attributes:
        tree: the values that won, interpolations unresolved.
        origins: who set each key of `tree`, mappings included.
        deprecations: by old key.
    """

    tree: Tree = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    deprecations: dict[str, Deprecation] = field(default_factory=dict)

    def lay(self, layer: Layer) -> None:
        """Let `layer` override what is there.

        Raises:
            InputError: it deletes what is not there or with another value than true, or uses a removed key.
        """
        layer = _renamed(layer, self.deprecations)
        self._lay_mapping(self.tree, layer.tree, (), layer.origins)

    def _lay_mapping(
        self, target: Tree, source: Tree, path: KeyPath, origins: Mapping[KeyPath, Origin]
    ) -> None:
        for key, value in source.items():
            inner = (*path, key)
            if value == DELETE:
                self._delete(target, inner, origins[inner])
            elif isinstance(value, dict):
                _check_instruction(value, inner, origins)
                if value.get(DELETE) is True or not isinstance(target.get(key), dict):
                    self._forget(target, inner)
                    target[key] = {}
                self.origins.setdefault(inner, origins[inner])
                inside = {name: item for name, item in value.items() if name != DELETE}
                self._lay_mapping(target[key], inside, inner, origins)
            else:
                self._forget(target, inner)
                target[key] = value
                self.origins[inner] = origins[inner]

    def _delete(self, target: Tree, path: KeyPath, origin: Origin) -> None:
        if path[-1] not in target:
            near = difflib.get_close_matches(path[-1], target, n=1)
            hint = f"; did you mean {'.'.join([*path[:-1], near[0]])}?" if near else ""
            raise InputError(f"{'.'.join(path)} ({origin}): there is nothing to delete{hint}")
        self._forget(target, path)

    def _forget(self, target: Tree, path: KeyPath) -> None:
        target.pop(path[-1], None)
        for known in [known for known in self.origins if known[: len(path)] == path]:
            del self.origins[known]


def _check_instruction(mapping: Tree, path: KeyPath, origins: Mapping[KeyPath, Origin]) -> None:
    """Refuse a `_delete_` that would delete nothing without a word."""
    found = mapping.get(DELETE, True)
    if not isinstance(found, bool):
        raise InputError(f"{'.'.join(path)}.{DELETE} ({origins[path]}): found {found!r}, expected true")


def compose_file(path: Path, stack: tuple[Path, ...] = ()) -> Composition:
    """A file with its bases.

    Raises:
        InputError: a base is missing, bases form a circle, or two of them set the same key; see `read_file`.
    """
    path = path.resolve()
    if path in stack:
        circle = " -> ".join(part.name for part in (*stack[stack.index(path) :], path))
        raise InputError(f"configurations are based on each other in a circle: {circle}")
    layer = read_file(path)
    bases = _list(layer.tree.pop(BASE, []), f"{BASE} ({path})")
    composed = _joined(
        [compose_file(find_configuration(base, path.parent), (*stack, path)) for base in bases]
    )
    composed.deprecations |= _deprecations(layer.tree.pop(DEPRECATED, {}), path)
    composed.lay(layer)
    return composed


def command_line_layer(overrides: Sequence[str]) -> Layer:
    """Arguments `key=value` (the value in YAML) and `~key`.

    Raises:
        InputError: an argument is neither.
    """
    composed = Composition()
    for text in overrides:
        key, separator, _ = text.partition("=")
        if not text.startswith("~") and (not separator or not key.strip()):
            raise InputError(f"{text}: expected key=value, as in optimizer.lr=1e-4, or ~key to delete a key")
        assignment = f"{text[1:]}={DELETE}" if text.startswith("~") else text
        try:
            tree = with_string_keys(OmegaConf.to_container(OmegaConf.from_dotlist([assignment])))
        except (OmegaConfBaseException, ValueError) as error:
            raise InputError(
                f"{text}: not a key and a value in YAML: {' '.join(str(error).split())}"
            ) from None
        _put(composed.tree, tree)
    origin = command_line_origin()
    return Layer(composed.tree, {path: origin for path, _ in walk(composed.tree)})


def walk(tree: Tree, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Every key of nested mappings with its value."""
    for key, value in tree.items():
        yield (*path, key), value
        if isinstance(value, dict):
            yield from walk(value, (*path, key))


def _put(target: Tree, source: Tree) -> None:
    """Merge `source` into `target`; a later argument wins."""
    for key, value in source.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            _put(target[key], value)
        else:
            target[key] = value


def _joined(bases: Sequence[Composition]) -> Composition:
    """Several bases side by side.

    Raises:
        InputError: two set the same key; that both got it from the same line of a common base is no conflict.
    """
    joined = Composition()
    for base in bases:
        for path, value in walk(base.tree):
            owner = _owner(joined, path, value)
            if owner is not None and owner != base.origins[path]:
                raise InputError(
                    f"{'.'.join(path)} is set by two bases, {owner} and {base.origins[path]}: "
                    f"keep it in one of them, or base one on the other"
                )
        _put(joined.tree, base.tree)
        joined.origins = {**base.origins, **joined.origins}
        joined.deprecations |= base.deprecations
    return joined


def _owner(joined: Composition, path: KeyPath, value: Any) -> Origin | None:
    """Who of the bases before set a key that `value` cannot share."""
    node: Any = joined.tree
    for depth, key in enumerate(path):
        if not isinstance(node, dict):
            return joined.origins[path[:depth]]
        if key not in node:
            return None
        node = node[key]
    both_are_mappings = isinstance(node, dict) and isinstance(value, dict)
    return None if both_are_mappings else joined.origins[path]


def _list(value: Any, where: str) -> list[str]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise InputError(f"{where}: found {value!r}; expected a file or a list of files")
    return items


def _deprecations(block: Any, path: Path) -> dict[str, Deprecation]:
    where = f"{DEPRECATED} ({path})"
    if not isinstance(block, dict):
        raise InputError(f"{where}: found {block!r}; expected old key: new key")
    found = {}
    for old, entry in block.items():
        entry = {"use": entry} if isinstance(entry, str) else entry
        if not isinstance(entry, dict) or not entry or entry.keys() - {"use", "reason"}:
            raise InputError(f"{where}: {old} is {entry!r}; expected the new key, or {{use, reason}}")
        found[old] = Deprecation(entry.get("use"), str(entry.get("reason", "")))
    return found


def _renamed(layer: Layer, deprecations: Mapping[str, Deprecation]) -> Layer:
    """`layer` with deprecated keys under their new names.

    Raises:
        InputError: a key has no new name, or stands under both.
    """
    origins = dict(layer.origins)
    for old, deprecation in deprecations.items():
        path = tuple(old.split("."))
        holder = _holder(layer.tree, path)
        if holder is None:
            continue
        reason = f" ({deprecation.reason})" if deprecation.reason else ""
        if deprecation.use is None:
            raise InputError(f"{old} ({origins[path]}) is no longer a key{reason}")
        new = tuple(deprecation.use.split("."))
        if _holder(layer.tree, new) is not None:
            raise InputError(
                f"{old} ({origins[path]}) and {deprecation.use} ({origins[new]}) are the same key; "
                f"keep the latter"
            )
        warnings.warn(
            f"{old} ({origins[path]}) is deprecated, use {deprecation.use}{reason}",
            DeprecatedKeyWarning,
            stacklevel=2,
        )
        _move(layer.tree, origins, path, new)
    return Layer(layer.tree, origins)


def _holder(tree: Tree, path: KeyPath) -> Tree | None:
    """The mapping that holds the last key of `path`, if it is there."""
    node: Any = tree
    for key in path[:-1]:
        node = node.get(key) if isinstance(node, dict) else None
    return node if isinstance(node, dict) and path[-1] in node else None


def _move(tree: Tree, origins: dict[KeyPath, Origin], old: KeyPath, new: KeyPath) -> None:
    origin = origins[old]
    value = _holder(tree, old).pop(old[-1])  # type: ignore[union-attr]
    for depth in range(len(old) - 1, 0, -1):  # mappings that held nothing else
        holder = _holder(tree, old[:depth])
        if holder is not None and not holder[old[depth - 1]]:
            del holder[old[depth - 1]]
    node = tree
    for depth, key in enumerate(new[:-1], 1):
        node = node.setdefault(key, {})
        origins.setdefault(new[:depth], origin)
    node[new[-1]] = value
    inside = {path: item for path, item in origins.items() if path[: len(old)] == old}
    origins.update({(*new, *path[len(old) :]): item for path, item in inside.items()})
