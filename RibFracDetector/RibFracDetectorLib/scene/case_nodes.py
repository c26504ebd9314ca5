"""The nodes that one case has in a scene, but for its boxes: found by their marks, or made.

They lie in one subject-hierarchy folder beside the CT, and under the CT's transform.
"""

from __future__ import annotations

import vtk

from .folder import folder_of, put_in, remove_folder
from .ownership import CT_REFERENCE, Role, add_node, owned, remove_node


class CaseNodes:
    """Nodes of one case.

    Args:
        scene: where they are or will be.
        ct_node: the volume node of the CT.
        key: of the case, see `ownership.case_key`.
        name: of the case, for people.

    Attributes:
        segmentation: vtkMRMLSegmentationNode.
        table: vtkMRMLTableNode.
        record, log: vtkMRMLTextNode, see `record`.
    """

    def __init__(self, scene: vtk.vtkObject, ct_node: vtk.vtkObject, key: str, name: str) -> None:
        self.scene = scene
        self.ct_node = ct_node
        self.key = key
        self.record = self._node("record", "vtkMRMLTextNode", f"{name} findings")
        self.log = self._node("log", "vtkMRMLTextNode", f"{name} review log")
        self.segmentation = self._node("segmentation", "vtkMRMLSegmentationNode", f"{name} fractures")
        self.table = self._node("table", "vtkMRMLTableNode", f"{name} findings table")
        self.record.SetNodeReferenceID(CT_REFERENCE, ct_node.GetID())
        self._folder = folder_of(scene, ct_node, self.segmentation, key, f"RibFrac {name}")
        for node in self.all:
            self.arrange(node)

    @property
    def all(self) -> tuple[vtk.vtkObject, ...]:
        """Every node but the boxes."""
        return self.segmentation, self.table, self.record, self.log

    def arrange(self, node: vtk.vtkObject) -> None:
        """Put a node in the folder, and under the CT's transform if it lies in space."""
        put_in(self.scene, self._folder, node)
        if hasattr(node, "SetAndObserveTransformNodeID"):
            transform = self.ct_node.GetTransformNodeID()
            if node.GetTransformNodeID() != transform:
                node.SetAndObserveTransformNodeID(transform)

    def remove(self) -> None:
        """Take them out of the scene, and the folder if nothing else is in it."""
        for node in self.all:
            remove_node(self.scene, node)
        remove_folder(self.scene, self._folder)

    def _node(self, role: Role, class_name: str, name: str) -> vtk.vtkObject:
        present = next(owned(self.scene, role, self.key), None)
        return present or add_node(self.scene, class_name, name, self.key, role)
