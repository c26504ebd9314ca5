"""Which files the bodies of a data set come from: known by what they hold, whatever they are called now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.reviewed_case import file_sha256

from ..bodies.atlas_labels import NAMES_FILE
from .settings import ATLAS, BodySpec

SUMS = "body_sums"
"""What a data set's settings call what `body_sums` gives."""


def body_sums(bodies: Iterable[BodySpec]) -> list[list[str]]:
    """The kind of each body and the SHA-256 of its files.

    Raises:
        InputError: a file cannot be read.
    """
    return [[body.kind, *(_sum(paths) for paths in _files_of(body))] for body in bodies]


def with_same_files(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """The settings `found` in a folder, with the bodies of `wanted` where the files of both hold the same.

    Where `found` is from before there were sums, paths are all that can be compared.

    Args:
        path: of the settings found.
        found: what was asked for when the folder was begun.
        wanted: what is asked for now.

    Raises:
        InputError: a file is another one, under the name that it had.
    """
    if SUMS not in found:
        return {**found, SUMS: wanted[SUMS]}
    if found[SUMS] == wanted[SUMS]:
        return {**found, "bodies": wanted["bodies"]}
    if found.get("bodies") == wanted["bodies"]:
        bodies = zip(wanted["bodies"], found[SUMS], wanted[SUMS], strict=False)
        changed = next((body["file"] for body, before, now in bodies if before != now), "a body's file")
        raise InputError(
            f"{path}: {changed} or its mask has changed since; bring back the file that it was, or choose "
            "another folder"
        )
    return found


def _files_of(body: BodySpec) -> list[list[Path]]:
    """The files of each part of a body."""
    parts = [_files_at(Path(name)) for name in (body.file, body.ribs) if name]
    if body.kind == ATLAS and Path(body.file).suffix != ".npz":
        names = Path(body.file).with_name(NAMES_FILE)
        parts += [[names]] if names.is_file() else []
    return parts


def _files_at(path: Path) -> list[Path]:
    """The file, or those of a folder of slices."""
    return sorted(entry for entry in path.rglob("*") if entry.is_file()) if path.is_dir() else [path]


def _sum(paths: list[Path]) -> str:
    """Of a file, or of the sums of several."""
    sums = [file_sha256(path) for path in paths]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()
