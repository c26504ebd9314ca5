"""Scenes without the application: MRML and module logics of slicer-core, as the application sets them up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from RibFracDetectorLib.case.ct import CtVolume
from vtk.util.numpy_support import numpy_to_vtk

_LOGICS = (
    "vtkSlicerVolumesLogic",
    "vtkSlicerMarkupsLogic",
    "vtkSlicerSegmentationsModuleLogic",
    "vtkSlicerTablesLogic",
    "vtkSlicerTextsLogic",
    "vtkSlicerTransformLogic",
    "vtkSlicerSubjectHierarchyModuleLogic",
)


@dataclass
class Host:
    """A scene with the logics that reading and writing it takes; they live as long as this does."""

    scene: Any
    logic: Any
    _kept: list[Any] = field(default_factory=list)


def new_scene(cache: Path) -> Host:
    """An empty scene.

    Args:
        cache: an existing folder for what unpacking a bundle leaves.
    """
    scene = slicer.vtkMRMLScene()
    scene.SetRootDirectory(str(cache))
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    host = Host(scene, application)
    for name in _LOGICS:
        logic = getattr(slicer, name)()
        logic.SetMRMLApplicationLogic(application)
        logic.SetMRMLScene(scene)
        short = name.removeprefix("vtkSlicer").removesuffix("Logic").removesuffix("Module")
        application.SetModuleLogic(short, logic)
        host._kept.append(logic)
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.SetMRMLScene(scene)
    remote.GetCacheManager().SetRemoteCacheDirectory(str(cache))
    reading = slicer.vtkDataIOManagerLogic()
    reading.SetMRMLScene(scene)
    reading.SetMRMLApplicationLogic(application)
    reading.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    host._kept += [remote, reading]
    return host


def add_volume(scene: Any, ct: CtVolume, name: str = "CT", stored: bool = True) -> Any:
    """A volume node of a CT, with its voxels along the axes of the file, or of the LPS grid."""
    grid = ct.stored_grid if stored else ct.grid
    corner = ct.grid.lps_to_index(grid.index_to_lps((0, 0, 0)))
    steps = ct.grid.lps_to_index(grid.index_to_lps(np.eye(3))) - corner
    places = np.indices(grid.size).reshape(3, -1).T
    x, y, z = np.round(places @ steps + corner).astype(int).T
    scalars = numpy_to_vtk(
        ct.voxels[x, y, z].reshape(grid.size).ravel(order="F"), deep=True, array_type=vtk.VTK_SHORT
    )
    image = vtk.vtkImageData()
    image.SetDimensions(*grid.size)
    image.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    origin = grid.index_to_ras((0, 0, 0))
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, (grid.index_to_ras(np.eye(3)[column]) - origin)[row])
        matrix.SetElement(row, 3, origin[row])
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(matrix)
    node.CreateDefaultDisplayNodes()
    return node


def put_in_study(scene: Any, node: Any) -> int:
    """Put a node in a study of a patient, as DICOM import does; returns the study's item."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    patient = hierarchy.CreateSubjectItem(hierarchy.GetSceneItemID(), "Patient")
    study = hierarchy.CreateStudyItem(patient, "Study")
    hierarchy.CreateItem(study, node)
    return study


def linear_transform(scene: Any, matrix: np.ndarray) -> Any:
    """A transform node of a 4x4 matrix."""
    values = vtk.vtkMatrix4x4()
    values.DeepCopy(matrix.ravel().tolist())
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Moved")
    node.SetMatrixTransformToParent(values)
    return node


def node_ids(scene: Any) -> set[str]:
    """The ids of every node of a scene."""
    return {scene.GetNthNode(place).GetID() for place in range(scene.GetNumberOfNodes())}
