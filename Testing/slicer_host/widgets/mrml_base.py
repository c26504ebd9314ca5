"""What the application's widgets that know a scene share."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .ctk_containers import ctkCollapsibleButton
from .ctk_inputs import ctkSliderWidget
from .host_class import host_class, stored


class KnowsScene:
    """The scene of a widget; `_scene_changed` is called when it gets one."""

    _scene: Any = None

    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        """Show this scene."""
        self._scene = scene
        self._scene_changed(scene)

    def _scene_changed(self, scene: Any) -> None:
        """Do what a subclass does with a new scene."""


class Observations:
    """VTK observers that are removed together."""

    def __init__(self) -> None:
        self._tags: list[tuple[Any, int]] = []

    def replace(self, observed: Any, events: list[Any], function: Any) -> None:
        """Call `function` for `events` of `observed`, if that is not None, and for nothing else any more."""
        for other, tag in self._tags:
            other.RemoveObserver(tag)
        self._tags = (
            [] if observed is None else [(observed, observed.AddObserver(e, function)) for e in events]
        )


class _SceneWidget(KnowsScene, QtWidgets.QWidget):
    """A widget that announces its scene."""

    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QWidget.__init__(self, parent)

    def _scene_changed(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)


@host_class
class qMRMLWidget(_SceneWidget):
    """The usual outermost widget of a `.ui` file."""


@host_class
class qSlicerWidget(_SceneWidget):
    """The base of the panels of modules."""


@host_class
class qMRMLCollapsibleButton(KnowsScene, ctkCollapsibleButton):
    """A section that knows the scene."""

    mrmlSceneChanged = QtCore.Signal(object)

    def _scene_changed(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)


@host_class
class qMRMLSliderWidget(KnowsScene, ctkSliderWidget):
    """A slider whose decimals and unit come from the scene; the host keeps them as they are set."""

    quantity = stored(str, "quantity", "")

    def setQuantity(self, quantity: str) -> None:
        """What is measured, "length" for instance."""
        self.quantity = quantity


def scene_events() -> list[Any]:
    """The events after which a scene may hold other nodes."""
    scene = slicer.vtkMRMLScene
    return [scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndCloseEvent, scene.EndImportEvent]
