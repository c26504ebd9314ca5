"""What the application's widgets that know a scene share."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from .ctk_containers import ctkCollapsibleButton
from .ctk_inputs import ctkSliderWidget
from .host_class import host_class, stored


class TakesScene:
    """A widget that is given a scene; `_scene_changed` is called then."""

    _scene: Any = None

    def setMRMLScene(self, scene: Any) -> None:
        """Show this scene."""
        self._scene = scene
        self._scene_changed(scene)

    def _scene_changed(self, scene: Any) -> None:
        """Do what a subclass does with a new scene."""


class KnowsScene(TakesScene):
    """A widget that also tells its scene; not every class of the application does."""

    def mrmlScene(self) -> Any:
        """The scene, or None."""
        return self._scene


class Observations:
    """VTK observers of one widget, which end with it; they do not keep it alive."""

    def __init__(self, owner: QtCore.QObject, function: Callable[[], None]) -> None:
        self._function = weakref.WeakMethod(function)
        self._tags: list[tuple[Any, int]] = []
        owner.destroyed.connect(self._remove)

    def replace(self, observed: Any, events: list[Any]) -> None:
        """Call the function for these events of `observed`, which may be None, and no longer for others."""
        self._remove()
        if observed is not None:
            self._tags = [(observed, observed.AddObserver(event, self._call)) for event in events]

    def _call(self, caller: Any, event: str) -> None:
        function = self._function()
        if function is not None:
            function()

    def _remove(self) -> None:
        for observed, tag in self._tags:
            observed.RemoveObserver(tag)
        self._tags = []


class _AnnouncesScene(TakesScene, QtWidgets.QWidget):
    """A widget that announces its scene."""

    mrmlSceneChanged = QtCore.Signal(object)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QWidget.__init__(self, parent)

    def _scene_changed(self, scene: Any) -> None:
        self.mrmlSceneChanged.emit(scene)


@host_class
class qMRMLWidget(KnowsScene, _AnnouncesScene):
    """The usual outermost widget of a `.ui` file."""


@host_class
class qSlicerWidget(_AnnouncesScene):
    """The base of the panels of modules."""


@host_class
class qMRMLCollapsibleButton(TakesScene, ctkCollapsibleButton):
    """A section that passes its scene on."""

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
