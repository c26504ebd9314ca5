"""One YAML file: found by path or shipped name, read with the line of every key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from RibFracDetectorLib.case.errors import InputError

SHIPPED = Path(__file__).resolve().parents[2] / "configs"
EXTENSIONS = (".yaml", ".yml")

KeyPath = tuple[str, ...]
Tree = dict[str, Any]


@dataclass(frozen=True)
class Origin:
    """Who set a key.

    Attributes:
        source: a file, or "the command line".
        line: 1-based, None on the command line.
        folder: what relative names of files in the value are relative to.
    """

    source: str
    line: int | None
    folder: Path

    def __str__(self) -> str:
        return self.source if self.line is None else f"{self.source}:{self.line}"


@dataclass(frozen=True)
class Layer:
    """One source of keys: nested mappings with string keys, and who set each of them.

    Attributes:
        tree: values; lists are values.
        origins: by key path, for mappings and values alike.
    """

    tree: Tree
    origins: Mapping[KeyPath, Origin]


def shipped_names() -> list[str]:
    """Names of the configurations that come with the library."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def find_configuration(name_or_path: str, folder: Path) -> Path:
    """The file that a name or path means.

    Args:
        name_or_path: with an extension a file, otherwise one of `shipped_names`.
        folder: what a relative path is relative to.

    Raises:
        InputError: there is no such file or name.
    """
    if name_or_path.endswith(EXTENSIONS):
        path = folder / name_or_path
        if not path.is_file():
            raise InputError(
                f"the configuration {path} does not exist; shipped: {', '.join(shipped_names())}"
            )
        return path
    shipped = SHIPPED / f"{name_or_path}.yaml"
    if "/" in name_or_path or not shipped.is_file():
        near = difflib.get_close_matches(name_or_path, shipped_names(), n=1)
        advice = f"did you mean {near[0]}?" if near else f"shipped: {', '.join(shipped_names())}"
        raise InputError(
            f"there is no configuration {name_or_path}: {advice} (a file's name ends with .yaml)"
        )
    return shipped


def read_file(path: Path) -> Layer:
    """The keys of one file.

    Raises:
        InputError: unreadable, not YAML, no mapping, or a key stands twice in one mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tree = OmegaConf.to_container(OmegaConf.create(text)) if text.strip() else {}
        lines = _lines(text)
    except OSError as error:
        raise InputError(f"the configuration {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, OmegaConfBaseException, ValueError) as error:
        raise InputError(f"the configuration {path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise InputError(f"the configuration {path} holds a {type(tree).__name__}; expected keys and values")
    folder = path.resolve().parent
    return Layer(
        with_string_keys(tree), {key: Origin(str(path), line, folder) for key, line in lines.items()}
    )


def with_string_keys(value: Any) -> Any:
    """`value` with the keys of every mapping made strings, so that 1 and "1" are the same key."""
    if isinstance(value, dict):
        return {str(key): with_string_keys(item) for key, item in value.items()}
    return [with_string_keys(item) for item in value] if isinstance(value, list) else value


def _lines(text: str) -> dict[KeyPath, int]:
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    return dict(_walk(node, ())) if node is not None else {}


def _walk(node: yaml.Node, path: KeyPath) -> Iterator[tuple[KeyPath, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*path, str(key.value))
            yield inner, key.start_mark.line + 1
            yield from _walk(value, inner)


@cache
def command_line_origin() -> Origin:
    """The origin of keys given as arguments."""
    return Origin("the command line", None, Path.cwd())
