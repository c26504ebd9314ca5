"""The Segment Editor as a widget: its state without its tools.

What a module around the editor does can be tested: which segmentation, volume and segment are current, which
effect is active, whether the shortcuts are installed. Painting cannot: a test writes the voxels itself.
"""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtGui, QtWidgets

from .host_class import host_class, stored
from .mrml_base import qMRMLWidget

EFFECTS = ("Threshold", "Paint", "Draw", "Erase", "Level tracing", "Grow from seeds", "Scissors", "Islands")
# The keys that the editor takes while its shortcuts are installed; a module must not take them at that time.
SHORTCUTS = ("q", "w", "Ctrl+Z", "Ctrl+Y", "Esc", "Space", *"1234567890", *"`~")


@host_class
class qMRMLSegmentEditorWidget(qMRMLWidget):
    """Keeps what the editor's nodes say about the current segmentation, volume, segment and effect."""

    segmentationNodeChanged = QtCore.Signal(object)
    sourceVolumeNodeChanged = QtCore.Signal(object)
    masterVolumeNodeChanged = QtCore.Signal(object)
    currentSegmentIDChanged = QtCore.Signal(str)

    def __init__(self, parent: QtWidgets.QWidget | None = None) -> None:
        super().__init__(parent)
        self._editor_node: Any = None
        self._shortcuts: list[QtGui.QShortcut] = []
        layout = QtWidgets.QVBoxLayout(self)
        layout.addWidget(QtWidgets.QLabel("Segment Editor", self))

    readOnly = stored(bool, "readOnly", False)
    undoEnabled = stored(bool, "undoEnabled", True)
    maximumNumberOfUndoStates = stored(int, "maximumNumberOfUndoStates", 5)
    effectColumnCount = stored(int, "effectColumnCount", 2)
    unorderedEffectsVisible = stored(bool, "unorderedEffectsVisible", True)
    segmentationNodeSelectorVisible = stored(bool, "segmentationNodeSelectorVisible", True)
    sourceVolumeNodeSelectorVisible = stored(bool, "sourceVolumeNodeSelectorVisible", True)
    addRemoveSegmentButtonsVisible = stored(bool, "addRemoveSegmentButtonsVisible", True)
    specifyGeometryButtonVisible = stored(bool, "specifyGeometryButtonVisible", True)
    switchToSegmentationsButtonVisible = stored(bool, "switchToSegmentationsButtonVisible", True)
    show3DButtonVisible = stored(bool, "show3DButtonVisible", True)
    maskingSectionVisible = stored(bool, "maskingSectionVisible", True)
    autoShowSourceVolumeNode = stored(bool, "autoShowSourceVolumeNode", True)
    jumpToSelectedSegmentEnabled = stored(bool, "jumpToSelectedSegmentEnabled", False)

    def setSegmentationNodeSelectorVisible(self, visible: bool) -> None:
        """Whether another segmentation can be chosen."""
        self.segmentationNodeSelectorVisible = visible

    def setSourceVolumeNodeSelectorVisible(self, visible: bool) -> None:
        """Whether another volume can be chosen."""
        self.sourceVolumeNodeSelectorVisible = visible

    def setSwitchToSegmentationsButtonVisible(self, visible: bool) -> None:
        """Whether the button to the module Segmentations is shown."""
        self.switchToSegmentationsButtonVisible = visible

    def setAddRemoveSegmentButtonsVisible(self, visible: bool) -> None:
        """Whether segments can be added and removed."""
        self.addRemoveSegmentButtonsVisible = visible

    def setShow3DButtonVisible(self, visible: bool) -> None:
        """Whether the button for surfaces is shown."""
        self.show3DButtonVisible = visible

    def setMaximumNumberOfUndoStates(self, count: int) -> None:
        """How many states are kept for undo."""
        self.maximumNumberOfUndoStates = count

    def setUndoEnabled(self, enabled: bool) -> None:
        """Whether states are kept for undo."""
        self.undoEnabled = enabled

    def setEffectNameOrder(self, names: list[str]) -> None:
        """Which effects come first."""
        self._order = list(names)

    def effectNameOrder(self) -> list[str]:
        """The order that was set."""
        return list(self.__dict__.get("_order", ()))

    def availableEffectNames(self) -> list[str]:
        """The names that `setActiveEffectByName` takes."""
        return list(EFFECTS)

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        """Keep the state in this `vtkMRMLSegmentEditorNode`."""
        self._editor_node = node

    def mrmlSegmentEditorNode(self) -> Any:
        """The node that keeps the state."""
        return self._editor_node

    def _state(self) -> Any:
        if self._editor_node is None:
            raise RuntimeError("the Segment Editor keeps nothing before setMRMLSegmentEditorNode")
        return self._editor_node

    def setSegmentationNode(self, node: Any) -> None:
        """Edit this segmentation; its first segment becomes current."""
        self._state().SetAndObserveSegmentationNode(node)
        self.segmentationNodeChanged.emit(node)
        segmentation = None if node is None else node.GetSegmentation()
        has_segment = segmentation is not None and segmentation.GetNumberOfSegments() > 0
        self.setCurrentSegmentID(segmentation.GetNthSegmentID(0) if has_segment else "")

    def segmentationNode(self) -> Any:
        """The segmentation that is edited."""
        return self._state().GetSegmentationNode()

    def setSourceVolumeNode(self, node: Any) -> None:
        """Use the grey values of this volume."""
        self._state().SetAndObserveSourceVolumeNode(node)
        self.sourceVolumeNodeChanged.emit(node)
        self.masterVolumeNodeChanged.emit(node)

    def sourceVolumeNode(self) -> Any:
        """The volume whose grey values are used."""
        return self._state().GetSourceVolumeNode()

    def setCurrentSegmentID(self, segment_id: str) -> None:
        """Edit this segment."""
        self._state().SetSelectedSegmentID(segment_id)
        self.currentSegmentIDChanged.emit(segment_id)

    def currentSegmentID(self) -> str:
        """The segment that is edited."""
        return self._state().GetSelectedSegmentID() or ""

    def setActiveEffectByName(self, name: str) -> None:
        """Take up a tool; the empty name puts it down."""
        if name and name not in EFFECTS:
            raise ValueError(f"no effect '{name}'; there are {', '.join(EFFECTS)}")
        self._state().SetActiveEffectName(name)

    def setActiveEffect(self, effect: Any) -> None:
        """Put the tool down; the host has no effect objects to take up."""
        if effect is not None:
            raise NotImplementedError("the test host has no Segment Editor effects")
        self._state().SetActiveEffectName("")

    def activeEffect(self) -> str | None:
        """The active effect; the host gives its name, the application the effect itself."""
        return self._state().GetActiveEffectName() or None

    def installKeyboardShortcuts(self, parent: QtWidgets.QWidget | None = None) -> None:
        """Take the editor's keys in a window, this one if none is given."""
        self.uninstallKeyboardShortcuts()
        owner = self if parent is None else parent
        self._shortcuts = [QtGui.QShortcut(QtGui.QKeySequence(key), owner) for key in SHORTCUTS]

    def uninstallKeyboardShortcuts(self) -> None:
        """Give the keys back."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []

    def setupViewObservations(self) -> None:
        """Listen to the views; the host's editor has nothing to hear."""

    def removeViewObservations(self) -> None:
        """Stop listening to the views."""

    def updateWidgetFromMRML(self) -> None:
        """Show what the nodes say; the host reads them whenever it is asked."""
