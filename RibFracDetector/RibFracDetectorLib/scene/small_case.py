"""A small case for the self-test in the application: two findings, made without engine, weights or files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from .. import __version__
from ..case.case_files import CaseFiles
from ..case.findings import CaseFindings, CtReference, Finding, Provenance, WeightsReference
from ..case.findings_file import write_findings
from ..case.masks import write_mask
from .ct import ct_of_node

SIZE = (48, 40, 36)
BOXES = ((5.0, 6.0, 7.0, 12.0, 14.0, 15.0), (30.0, 20.0, 10.0, 38.0, 28.0, 16.0))
SCORES = (0.9, 0.4)


def small_volume(scene: vtk.vtkObject) -> vtk.vtkObject:
    """A volume node: a gradient, turned a little against the axes of the scanner."""
    x, y, z = np.meshgrid(*(np.arange(length) for length in SIZE), indexing="ij")
    voxels = (x + 2 * y - 3 * z).astype(np.int16)
    image = vtk.vtkImageData()
    image.SetDimensions(*SIZE)
    scalars = numpy_to_vtk(voxels.ravel(order="F"), deep=True, array_type=vtk.VTK_SHORT)
    image.GetPointData().SetScalars(scalars)
    turned = np.diag([-1.5, -1.5, 2.0, 1.0])
    turned[:2, :2] = 1.5 * np.array([[-np.cos(0.1), np.sin(0.1)], [-np.sin(0.1), -np.cos(0.1)]])
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(turned.ravel().tolist())
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Self-test")
    node.SetAndObserveImageData(image)
    node.SetIJKToRASMatrix(matrix)
    node.CreateDefaultDisplayNodes()
    return node


def store_small_case(folder: Path, node: vtk.vtkObject) -> CaseFiles:
    """Write a case on the volume, as a detection does."""
    ct = ct_of_node(node, Path(node.GetName()), node.GetName())
    labels = np.zeros(ct.grid.size, np.uint16)
    findings = []
    for number, (box, score) in enumerate(zip(BOXES, SCORES, strict=True), start=1):
        x1, y1, z1, x2, y2, z2 = map(int, box)
        labels[x1:x2, y1:y2, z1:z2] = number
        volume = float(np.count_nonzero(labels == number)) * ct.grid.voxel_volume
        where = ct.grid.box_to_ras(box)
        findings.append(Finding(number, score, "both", 0, "fracture", box, where, score, score, volume))
    provenance = Provenance(
        program=__version__,
        weights=(WeightsReference("0" * 64, None, "self-test", "S", "none"),),
        mode="standard",
        preset="self-test",
        settings={"finding_thr": 0.2},
        device="none",
        precision="fp32",
        engine="none",
        versions={},
        started="2026-01-01T00:00:00+00:00",
    )
    files = CaseFiles(folder, ct.case_id)
    folder.mkdir(parents=True, exist_ok=True)
    write_mask(files.instances, labels, ct)
    write_findings(files.findings, CaseFindings(ct.case_id, CtReference.of(ct), provenance, tuple(findings)))
    return files
