"""Volume nodes as CTs: under which name, and of which DICOM series."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer

from ..case.ct import CtVolume
from ..case.errors import InputError
from ..case.naming import case_id_from_name, case_id_from_series
from ..scene.ct import ct_of_node

UNNAMED = "ct"


def ct_in(node: Any) -> CtVolume:
    """The CT in a volume node.

    Its case is named after the DICOM series, whose name does not tell who the patient is, or else after the
    node.
    """
    return replace(ct_of_node(node, Path(node.GetName()), case_id_of(node)), series_uid=series_of(node))


def case_id_of(node: Any) -> str:
    """The name of a volume's case, see `ct_in`."""
    series = series_of(node)
    return case_id_from_series(series) if series else _case_id_from(node.GetName())


def series_of(node: Any) -> str | None:
    """The SeriesInstanceUID of a volume that was loaded from DICOM, None of any other."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(node)
    return (hierarchy.GetItemUID(item, "DICOM") or None) if item else None


def _case_id_from(name: str) -> str:
    try:
        return case_id_from_name(Path(name.replace("/", "_").replace("\\", "_") + ".nrrd"))
    except InputError:  # nothing in the name can be part of a file name
        return UNNAMED
