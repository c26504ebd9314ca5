"""Names that the panel knows and that must not leave the computer: folders, cases, volumes, the reader."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import slicer

from .preferences import DEFAULT_READER, Preferences
from .volumes import UNNAMED, case_id_of


class KnownNames:
    """Remembers them, because the log tells of volumes that have left the scene, too."""

    def __init__(self) -> None:
        self._stand_ins: dict[str, str] = {}

    def collect(self) -> dict[str, str]:
        """All names so far and those of the present scene and settings, each with what to write instead."""
        for volume in slicer.util.getNodesByClass("vtkMRMLVolumeNode"):
            self._stand_ins.update(_of_volume(volume))
        self._stand_ins.update(_of_settings())
        return dict(self._stand_ins)


def _of_settings() -> Iterator[tuple[str, str]]:
    preferences = Preferences()
    if preferences.reader != DEFAULT_READER:
        yield preferences.reader, "<reader>"
    if preferences.engine_python:
        yield preferences.engine_python, "<engine python>"
    folders = {
        str(Path.home()): "<home>",
        tempfile.gettempdir(): "<temporary folder>",
        preferences.case_folder: "<case folder>",
    }
    for folder, stand_in in folders.items():
        yield folder, stand_in
        yield str(Path(folder).resolve()), stand_in


def _of_volume(node: Any) -> Iterator[tuple[str, str]]:
    yield node.GetName() or "", "<volume>"
    case_id = case_id_of(node)
    if case_id != UNNAMED:
        yield case_id, "<case>"
    transform, storage = node.GetParentTransformNode(), node.GetStorageNode()
    if transform is not None:
        yield transform.GetName() or "", "<transform>"
    if storage is not None and storage.GetFileName():
        yield str(Path(storage.GetFileName()).parent), "<folder>"
