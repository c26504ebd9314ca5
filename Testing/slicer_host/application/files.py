"""Reading and writing files: the part of the application's IO manager that `slicer.util` calls."""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import slicer
import vtk
from PySide6 import QtCore

from ..widgets.host_class import host_class

# The first pattern that a file's name matches tells its type.
FILE_TYPES = (
    (r"\.seg\.(nrrd|nhdr)$", "SegmentationFile"),
    (r"\.mrk\.json$|\.fcsv$", "MarkupsFile"),
    (r"\.(mrml|mrb)$", "SceneFile"),
    (r"\.(nii|nii\.gz|nrrd|nhdr|mha|mhd|dcm)$", "VolumeFile"),
    (r"\.(tsv|csv)$", "TableFile"),
    (r"\.(vtk|vtp|stl|obj|ply)$", "ModelFile"),
    (r"\.(h5|tfm)$", "TransformFile"),
    (r"\.(txt|json|xml)$", "TextFile"),
)
# Types whose node reads itself through its own storage node.
SELF_READING = {
    "TableFile": "vtkMRMLTableNode",
    "ModelFile": "vtkMRMLModelNode",
    "TransformFile": "vtkMRMLTransformNode",
    "TextFile": "vtkMRMLTextNode",
}
ENDINGS = re.compile(r"(\.seg|\.mrk)?\.[^.]+(\.gz)?$")
LABEL_MAP, SINGLE_FILE = 1, 8  # options of AddArchetypeVolume


@host_class
class qSlicerIOManager(QtCore.QObject):
    """Reads and writes with the storage nodes and logics of slicer-core."""

    newFileLoaded = QtCore.Signal(object)
    fileSaved = QtCore.Signal(object)

    def fileType(self, file_name: str) -> str:
        """The type that a file's name tells."""
        name = str(file_name).lower()
        return next((kind for pattern, kind in FILE_TYPES if re.search(pattern, name)), "NoFile")

    def fileWriterFileType(self, node: Any) -> str:
        """The type in which a node is written."""
        return node.GetClassName()

    def fileWriterExtensions(self, node: Any) -> list[str]:
        """The formats in which a node can be written."""
        storage = _storage_for(node)
        formats = storage.GetSupportedWriteFileTypes()
        return [formats.GetValue(index) for index in range(formats.GetNumberOfValues())]

    def extractKnownExtension(self, file_name: str, node: Any) -> str:
        """The longest ending of a name that the node's storage knows."""
        return _storage_for(node).GetSupportedFileExtension(file_name, False, True)

    def loadNodes(
        self, file_type: str, properties: dict[str, Any], loaded: Any = None, messages: Any = None
    ) -> bool:
        """Read a file into the scene; the nodes go to the collection `loaded`."""
        path = Path(properties["fileName"])
        if not path.is_file():
            if messages is not None:
                messages.AddMessage(vtk.vtkCommand.ErrorEvent, f"no file {path}")
            return False
        if file_type == "SceneFile":
            return _read_scene(path, bool(properties.get("clear", False)))
        node = _read_node(file_type, path, properties)
        if node is not None and loaded is not None:
            loaded.AddItem(node)
        return node is not None

    def saveNodes(self, file_type: str, properties: dict[str, Any], messages: Any = None) -> bool:
        """Write a node, or the scene when `file_type` says so."""
        if file_type == "SceneFile":
            return _write_scene(properties["fileName"])
        node = slicer.mrmlScene.GetNodeByID(properties["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        storage = node.GetStorageNode()
        storage.SetFileName(str(properties["fileName"]))
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        return bool(storage.WriteData(node))

    def exportNodes(
        self,
        node_ids: list[str],
        file_names: list[str],
        properties: dict[str, Any],
        harden: bool = False,
        messages: Any = None,
    ) -> bool:
        """Write nodes without touching their storage nodes."""
        if harden:
            raise NotImplementedError("the test host exports no hardened transforms")
        written = []
        for node_id, file_name in zip(node_ids, file_names, strict=True):
            node = slicer.mrmlScene.GetNodeByID(node_id)
            storage = _storage_for(node)
            storage.SetFileName(str(file_name))
            written.append(bool(storage.WriteData(node)))
        return all(written)


def _storage_for(node: Any) -> Any:
    storage = node.CreateDefaultStorageNode()
    storage.UnRegister(None)
    storage.SetScene(slicer.mrmlScene)  # which some need to tell their formats
    return storage


def _read_node(file_type: str, path: Path, properties: dict[str, Any]) -> Any:
    name = properties.get("name") or ENDINGS.sub("", path.name)
    if file_type == "VolumeFile":
        options = LABEL_MAP * bool(properties.get("labelmap")) + SINGLE_FILE * bool(
            properties.get("singleFile")
        )
        return slicer.modules.volumes.logic().AddArchetypeVolume(str(path), name, options, None)
    if file_type == "MarkupsFile":
        ids = slicer.modules.markups.logic().LoadMarkups(str(path), name)
        return slicer.mrmlScene.GetNodeByID(ids.split(",")[0]) if ids else None
    if file_type == "SegmentationFile":
        return _read_segmentation(path, name)
    if file_type in SELF_READING:
        return _read_itself(SELF_READING[file_type], path, name)
    return None


def _read_segmentation(path: Path, name: str) -> Any:
    if path.name.lower().endswith((".nii", ".nii.gz")):
        volumes = slicer.modules.volumes.logic()
        labels = volumes.AddArchetypeVolume(str(path), "labels", LABEL_MAP, None)
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
        node.CreateDefaultDisplayNodes()
        slicer.modules.segmentations.logic().ImportLabelmapToSegmentationNode(labels, node)
        slicer.mrmlScene.RemoveNode(labels)
        return node
    return slicer.modules.segmentations.logic().LoadSegmentationFromFile(str(path), True, name)


def _read_itself(class_name: str, path: Path, name: str) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass(class_name, slicer.mrmlScene.GenerateUniqueName(name))
    storage = slicer.mrmlScene.AddNode(_storage_for(node))
    storage.SetFileName(str(path))
    node.SetAndObserveStorageNodeID(storage.GetID())
    if storage.ReadData(node):
        return node
    slicer.mrmlScene.RemoveNode(node)
    return None


def _read_scene(path: Path, clear: bool) -> bool:
    scene = slicer.mrmlScene
    if path.suffix.lower() == ".mrb":
        # The nodes read their files when they are needed, so the folder stays until the host ends.
        folder = Path(tempfile.mkdtemp(dir=slicer.app.temporaryPath))
        with zipfile.ZipFile(path) as bundle:
            bundle.extractall(folder)
        path = next(folder.rglob("*.mrml"))
    scene.SetURL(str(path))
    return bool(scene.Connect() if clear else scene.Import())


def _write_scene(file_name: str) -> bool:
    scene, path = slicer.mrmlScene, Path(file_name)
    if path.suffix.lower() == ".mrb":
        scene.SetRootDirectory(slicer.app.temporaryPath)
        return bool(scene.WriteToMRB(str(path)))
    if path.suffix.lower() == ".mrml":
        scene.SetURL(str(path))
        scene.SetRootDirectory(str(path.parent))
        return bool(scene.Commit(str(path)))
    return bool(scene.SaveSceneToSlicerDataBundleDirectory(str(path)))
