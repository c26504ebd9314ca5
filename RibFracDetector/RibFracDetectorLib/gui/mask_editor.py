"""The Segment Editor inside the panel, made when it is first needed."""

from __future__ import annotations

from typing import Any

import slicer

NODE_TAG = "RibFracDetector"


class MaskEditor:
    """Edits one segment at a time.

    Args:
        frame: the widget in which the editor appears.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._editor: Any = None
        self.is_open = False
        frame.visible = False

    def open(self, segmentation: Any, segment_id: str, volume: Any) -> None:
        """Show the editor on a segment."""
        if self._editor is None:
            self._editor = self._make()
        editor = self._editor
        editor.setMRMLScene(slicer.mrmlScene)
        editor.setMRMLSegmentEditorNode(self._node())
        editor.setSegmentationNode(segmentation)
        editor.setSourceVolumeNode(volume)
        editor.setCurrentSegmentID(segment_id)
        editor.setupViewObservations()
        editor.installKeyboardShortcuts()
        self._frame.visible = True
        self.is_open = True

    def close(self) -> None:
        """Hide the editor and let go of the segment."""
        if not self.is_open:
            return
        self.is_open = False
        self._frame.visible = False
        self._editor.setActiveEffectByName("")
        self._editor.uninstallKeyboardShortcuts()
        self._editor.removeViewObservations()
        self._editor.setSegmentationNode(None)
        self._editor.setSourceVolumeNode(None)

    def _make(self) -> Any:
        editor = slicer.qMRMLSegmentEditorWidget()
        editor.setSegmentationNodeSelectorVisible(False)
        editor.setSourceVolumeNodeSelectorVisible(False)
        editor.setSwitchToSegmentationsButtonVisible(False)
        editor.setAddRemoveSegmentButtonsVisible(False)
        self._frame.layout().addWidget(editor)
        return editor

    def _node(self) -> Any:
        """The editor's state: our own, so that the module Segment Editor keeps the user's."""
        node = slicer.mrmlScene.GetSingletonNode(NODE_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag(NODE_TAG)
            node.SetHideFromEditors(True)
            node = slicer.mrmlScene.AddNode(node)
        # Else drawing one fracture erases its neighbours. Closing a scene keeps the node and resets it.
        node.SetOverwriteMode(node.OverwriteNone)
        return node
