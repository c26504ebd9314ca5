"""Files go into the scene and out of it, and the subject hierarchy follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import slicer.util
import vtk

pytestmark = pytest.mark.usefixtures("scene", "no_slot_errors")


def add_volume(name: str = "ct") -> Any:
    """A volume with an oblique direction."""
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([-0.7, -0.7, 1.25])
    matrix[:3, 3] = (10, 20, -30)
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    return slicer.util.addVolumeFromArray(voxels, matrix, name)


def ijk_to_ras(volume: Any) -> np.ndarray:
    """The matrix of a volume."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd"])
def test_a_volume_comes_back(tmp_path: Path, suffix: str) -> None:
    volume = add_volume()
    assert slicer.util.saveNode(volume, str(tmp_path / f"ct{suffix}"))
    loaded = slicer.util.loadVolume(str(tmp_path / f"ct{suffix}"))
    assert np.array_equal(slicer.util.arrayFromVolume(loaded), slicer.util.arrayFromVolume(volume))
    assert np.allclose(ijk_to_ras(loaded), ijk_to_ras(volume), atol=1e-5)


def test_export_leaves_the_storage_of_the_node_alone(tmp_path: Path) -> None:
    volume = add_volume()
    assert slicer.util.exportNode(volume, str(tmp_path / "ct.nii.gz"))
    assert (tmp_path / "ct.nii.gz").is_file()
    assert volume.GetStorageNode() is None


def test_a_segmentation_is_read_from_a_label_map(tmp_path: Path) -> None:
    volume = add_volume("labels")
    slicer.util.updateVolumeFromArray(volume, (np.arange(120).reshape(4, 5, 6) % 3).astype(np.int16))
    assert slicer.util.saveNode(volume, str(tmp_path / "labels.nii.gz"))
    segmentation = slicer.util.loadSegmentation(str(tmp_path / "labels.nii.gz"))
    assert segmentation.GetSegmentation().GetNumberOfSegments() == 2


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="nowhere"):
        slicer.util.loadVolume(str(tmp_path / "nowhere.nii.gz"))


def hierarchy() -> Any:
    """The subject hierarchy of the scene."""
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)


def test_nodes_get_an_item_and_lose_it(scene: Any) -> None:
    volume = add_volume()
    assert hierarchy().GetItemByDataNode(volume)
    count = hierarchy().GetNumberOfItems()
    scene.RemoveNode(volume)
    assert hierarchy().GetNumberOfItems() == count - 1


def test_folders_survive_a_file(scene: Any, tmp_path: Path) -> None:
    volume, table = add_volume(), scene.AddNewNodeByClass("vtkMRMLTableNode", "findings")
    folder = hierarchy().CreateFolderItem(hierarchy().GetSceneItemID(), "RibFrac")
    for node in (volume, table):
        hierarchy().SetItemParent(hierarchy().GetItemByDataNode(node), folder)
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    scene.Clear()
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    folder = hierarchy().GetItemByName("RibFrac")
    children = slicer.util.getSubjectHierarchyItemChildren(folder)
    assert sorted(hierarchy().GetItemName(child) for child in children) == ["ct", "findings"]
