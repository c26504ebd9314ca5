"""Which nodes are ours: marked by attributes, which survive saving, and never touched otherwise.

A case is told by its id and the hash of its findings, so two runs on one CT stay apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import slicer
import vtk

KEY = "RibFrac.case"
ROLE = "RibFrac.role"
FINDING = "RibFrac.finding"
CT_REFERENCE = "RibFrac.ct"

Role = Literal["segmentation", "box", "table", "record", "log"]


def case_key(case_id: str, findings_sha256: str) -> str:
    """What marks the nodes of one case."""
    return f"{case_id}@{findings_sha256[:16]}"


def mark(node: vtk.vtkObject, key: str, role: Role, finding_id: int | None = None) -> None:
    """Make a node ours."""
    node.SetAttribute(KEY, key)
    node.SetAttribute(ROLE, role)
    if finding_id is not None:
        node.SetAttribute(FINDING, str(finding_id))


def finding_of(node: vtk.vtkObject) -> int | None:
    """The finding that a node of ours shows."""
    text = node.GetAttribute(FINDING)
    return int(text) if text else None


def owned(scene: vtk.vtkObject, role: Role, key: str | None = None) -> Iterator[vtk.vtkObject]:
    """Our nodes of a role, of one case or of all."""
    for place in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(place)
        if node.GetAttribute(ROLE) == role and key in (None, node.GetAttribute(KEY)):
            yield node


def hide_others(scene: vtk.vtkObject, key: str) -> None:
    """Hide masks and boxes of all cases but one: what is shown together is taken for one case."""
    for role in ("segmentation", "box"):
        for node in owned(scene, role):
            if node.GetAttribute(KEY) != key:
                node.SetDisplayVisibility(False)


def add_node(scene: vtk.vtkObject, class_name: str, name: str, key: str, role: Role) -> vtk.vtkObject:
    """A new node of ours, marked before the scene tells anybody about it."""
    node = scene.CreateNodeByClass(class_name)
    node.UnRegister(None)  # the reference that creating it left us, beside Python's own
    node.SetName(scene.GenerateUniqueName(name))
    mark(node, key, role)
    return scene.AddNode(node)


def remove_node(scene: vtk.vtkObject, node: vtk.vtkObject) -> None:
    """Take a node of ours out of the scene, with what shows and stores it, and its subject-hierarchy item.

    Only the application's Qt side would remove the item; one that is left is an error when a saved scene is
    read.
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    item = hierarchy.GetItemByDataNode(node)
    if item:
        hierarchy.RemoveItem(item, False, False)  # neither the node, which follows, nor what is below
    helpers = [node.GetStorageNode()] if node.IsA("vtkMRMLStorableNode") else []
    if node.IsA("vtkMRMLDisplayableNode"):
        helpers += [node.GetNthDisplayNode(place) for place in range(node.GetNumberOfDisplayNodes())]
    scene.RemoveNode(node)
    for helper in filter(None, helpers):
        scene.RemoveNode(helper)
