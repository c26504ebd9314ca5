"""The combo box that chooses a node of the scene."""

from __future__ import annotations

from typing import Any

import vtk
from PySide6 import QtCore, QtWidgets

from .host_class import host_class, in_row, stored
from .mrml_base import KnowsScene, Observations, scene_events


@host_class
class qMRMLNodeComboBox(KnowsScene, QtWidgets.QWidget):
    """Offers the nodes of given classes; without `noneEnabled` the first becomes current by itself."""

    currentNodeChanged = QtCore.Signal(object)
    currentNodeIDChanged = QtCore.Signal(str)
    nodeAddedByUser = QtCore.Signal(object)
    nodeActivated = QtCore.Signal(object)
    _currentNodeExists = QtCore.Signal(bool)
    _signal_carriers = {"currentNodeChanged(bool)": "_currentNodeExists"}

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        QtWidgets.QWidget.__init__(self, parent)
        self._current_id = ""
        self._attributes: dict[str, str | None] = {}
        self._scene_observations = Observations(self, self._refresh)
        self._node_observations = Observations(self, self._rename)
        self._box = QtWidgets.QComboBox(self)
        in_row(self, self._box)
        self._box.activated.connect(self._choose)

    nodeTypes = stored("QStringList", "nodeTypes", [], changed="_refresh")
    hideChildNodeTypes = stored("QStringList", "hideChildNodeTypes", [], changed="_refresh")
    showChildNodeTypes = stored(bool, "showChildNodeTypes", True, changed="_refresh")
    showHidden = stored(bool, "showHidden", False, changed="_refresh")
    noneEnabled = stored(bool, "noneEnabled", False, changed="_refresh")
    noneDisplay = stored(str, "noneDisplay", "None", changed="_refresh")
    baseName = stored(str, "baseName", "")
    addEnabled = stored(bool, "addEnabled", True)
    removeEnabled = stored(bool, "removeEnabled", True)
    editEnabled = stored(bool, "editEnabled", False)
    renameEnabled = stored(bool, "renameEnabled", False)
    selectNodeUponCreation = stored(bool, "selectNodeUponCreation", True)
    interactionNodeSingletonTag = stored(str, "interactionNodeSingletonTag", "")

    def currentNode(self) -> Any:
        """The chosen node, or None."""
        return self._scene.GetNodeByID(self._current_id) if self._scene and self._current_id else None

    def setCurrentNode(self, node: Any) -> None:
        """Choose a node; one that is not offered counts as None."""
        self.setCurrentNodeID("" if node is None else node.GetID())

    def setCurrentNodeID(self, node_id: str | None) -> None:
        """Choose a node by its id."""
        self._become_current(self._offered_or_default(node_id or ""))

    currentNodeID = QtCore.Property(str, lambda self: self._current_id, setCurrentNodeID)
    currentNodeId = currentNodeID

    def nodeCount(self) -> int:
        """How many nodes are offered."""
        return len(self._offered())

    def addAttribute(self, class_name: str, name: str, value: str | None = None) -> None:
        """Offer only nodes with this attribute, of any value if none is given."""
        self._attributes[name] = value
        self._refresh()

    def removeAttribute(self, class_name: str, name: str) -> None:
        """Undo `addAttribute`."""
        self._attributes.pop(name, None)
        self._refresh()

    def addNode(self, class_name: str = "") -> Any:
        """What "Create new" does: make a node and choose it."""
        class_name = class_name or self.nodeTypes[0]
        name = self.baseName or class_name.removeprefix("vtkMRML").removesuffix("Node")
        node = self._scene.AddNewNodeByClass(class_name, self._scene.GenerateUniqueName(name))
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def _scene_changed(self, scene: Any) -> None:
        self._scene_observations.replace(scene, scene_events())
        self._refresh()

    def _offered(self) -> list[Any]:
        if not self._scene:
            return []
        nodes = []
        for kind in self.nodeTypes:
            found = self._scene.GetNodesByClass(kind)
            found.UnRegister(None)
            nodes += [found.GetItemAsObject(index) for index in range(found.GetNumberOfItems())]
        return [node for node in dict.fromkeys(nodes) if self._is_offered(node)]

    def _is_offered(self, node: Any) -> bool:
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        if any(node.IsA(kind) for kind in self.hideChildNodeTypes):
            return False
        kinds = self.nodeTypes
        if not any(
            node.IsA(kind) if self.showChildNodeTypes else node.GetClassName() == kind for kind in kinds
        ):
            return False
        wanted = self._attributes.items()
        return all(node.GetAttribute(name) is not None for name, _ in wanted) and all(
            value in (None, node.GetAttribute(name)) for name, value in wanted
        )

    def _offered_or_default(self, node_id: str) -> str:
        ids = [node.GetID() for node in self._offered()]
        if node_id in ids:
            return node_id
        return (
            "" if self.noneEnabled or not ids else (self._current_id if self._current_id in ids else ids[0])
        )

    def _refresh(self) -> None:
        blocked = self._box.blockSignals(True)
        self._box.clear()
        nodes = self._offered()
        if self.noneEnabled or not nodes:
            self._box.addItem(self.noneDisplay, "")
        for node in nodes:
            self._box.addItem(node.GetName(), node.GetID())
        self._box.blockSignals(blocked)
        self._become_current(self._offered_or_default(self._current_id))

    def _choose(self, index: int) -> None:
        self.setCurrentNodeID(self._box.itemData(index))
        self.nodeActivated.emit(self.currentNode())

    def _become_current(self, node_id: str) -> None:
        self._box.setCurrentIndex(max(self._box.findData(node_id), 0))
        if node_id == self._current_id:
            return
        self._current_id = node_id
        node = self.currentNode()
        self._node_observations.replace(node, [vtk.vtkCommand.ModifiedEvent])
        self.currentNodeChanged.emit(node)
        self._currentNodeExists.emit(node is not None)
        self.currentNodeIDChanged.emit(node_id)

    def _rename(self) -> None:
        node = self.currentNode()
        self._box.setItemText(self._box.findData(node.GetID()), node.GetName())
