"""The subject-hierarchy folder of a case, beside its CT."""

from __future__ import annotations

import slicer
import vtk

from .ownership import KEY


def folder_of(
    scene: vtk.vtkObject, ct_node: vtk.vtkObject, segmentation_node: vtk.vtkObject, key: str, name: str
) -> int:
    """The folder item that holds the nodes of a case; made beside the CT if there is none."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    present = hierarchy.GetItemByDataNode(segmentation_node)
    parent = hierarchy.GetItemParent(present) if present else 0
    if parent and hierarchy.GetItemAttribute(parent, KEY) == key:
        return parent
    ct_item = hierarchy.GetItemByDataNode(ct_node)
    study = hierarchy.GetItemParent(ct_item) if ct_item else hierarchy.GetSceneItemID()
    folder = hierarchy.CreateFolderItem(study, name)
    hierarchy.SetItemAttribute(folder, KEY, key)
    return folder


def put_in(scene: vtk.vtkObject, folder: int, node: vtk.vtkObject) -> None:
    """Move a node's item into a folder; the application may have made the item already."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node)
    if not item:
        hierarchy.CreateItem(folder, node)
    elif hierarchy.GetItemParent(item) != folder:
        hierarchy.SetItemParent(item, folder)


def remove_folder(scene: vtk.vtkObject, folder: int) -> None:
    """Take an empty folder away; one in which the user keeps something stays."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    children = vtk.vtkIdList()
    hierarchy.GetItemChildren(folder, children)
    if not children.GetNumberOfIds():
        hierarchy.RemoveItem(folder)
