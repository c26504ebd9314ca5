"""Items of the subject hierarchy, which the application's Qt code makes when a node joins the scene."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

# The kinds of nodes that get an item.
WITH_ITEM = ("vtkMRMLDisplayableNode", "vtkMRMLTableNode", "vtkMRMLTextNode")


def keep_items(scene: Any) -> None:
    """Give every node that joins `scene` an item below the scene's own, and take it away with the node.

    While a scene is read or closed the hierarchy is not touched: it comes with the file, or goes as a whole.
    """

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def add_item(caller: Any, event: str, node: Any) -> None:
        if not scene.IsBatchProcessing() and _has_item(node):
            hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
            if not hierarchy.GetItemByDataNode(node):
                hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def remove_item(caller: Any, event: str, node: Any) -> None:
        if not scene.IsBatchProcessing() and _has_item(node):
            hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
            item = hierarchy.GetItemByDataNode(node)
            if item:
                hierarchy.RemoveItem(item, False, False)

    def add_missing_items(caller: Any, event: str) -> None:
        for index in range(scene.GetNumberOfNodes()):
            add_item(caller, event, scene.GetNthNode(index))

    scene.AddObserver(scene.NodeAddedEvent, add_item)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, remove_item)
    scene.AddObserver(scene.EndImportEvent, add_missing_items)


def _has_item(node: Any) -> bool:
    return node is not None and not node.GetHideFromEditors() and any(node.IsA(kind) for kind in WITH_ITEM)
