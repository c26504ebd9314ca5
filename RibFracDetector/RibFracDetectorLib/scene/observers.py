"""Observations of VTK objects that end together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vtk


class Observers:
    """Remembers what it observes, so that nothing is left behind in a scene that lives on."""

    def __init__(self) -> None:
        self._tags: list[tuple[vtk.vtkObject, int]] = []

    def add(self, subject: vtk.vtkObject, event: int | str, callback: Callable[[Any], None]) -> None:
        """Call back with the object that changed."""

        def called(caller: vtk.vtkObject, _: str) -> None:
            callback(caller)

        self._tags.append((subject, subject.AddObserver(event, called)))

    def add_for_nodes(self, scene: vtk.vtkObject, event: int | str, callback: Callable[[Any], None]) -> None:
        """Call back with the node that a scene's event is about."""

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def called(_: vtk.vtkObject, __: str, node: vtk.vtkObject) -> None:
            callback(node)

        self._tags.append((scene, scene.AddObserver(event, called)))

    def remove_all(self) -> None:
        """End every observation; again does nothing."""
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags.clear()
