"""What a segment is, in codes that DICOM and other programs understand.

The codes are SNOMED CT's. `Resources/terminology/RibFrac.term.json` tells the application's terminology
selector about them; the entries below are valid without it.
"""

from __future__ import annotations

import vtk

CONTEXT = "RibFrac"
CATEGORY = ("SCT", "49755003", "Morphologically Altered Structure")
FRACTURE = ("SCT", "72704001", "Fracture")
REGION_CONTEXT = "Anatomic codes - DICOM master list"
RIB = ("SCT", "113197003", "Rib")
SIDES = {"left": ("SCT", "7771000", "Left"), "right": ("SCT", "24028007", "Right")}
_NO_CODE = ("", "", "")

TAG = "TerminologyEntry"
"""The tag under which the application keeps the entry of a segment."""


def entry(side: str = "") -> str:
    """The terminology entry of a rib fracture, as the application writes it.

    Args:
        side: "left", "right" or unknown.
    """
    codes = (CATEGORY, FRACTURE, _NO_CODE), (RIB, SIDES.get(side, _NO_CODE))
    kind, place = ("~".join("^".join(code) for code in group) for group in codes)
    return f"{CONTEXT}~{kind}~{REGION_CONTEXT}~{place}"


def describe(segment: vtk.vtkObject, side: str = "") -> None:
    """Say what a segment of ours shows."""
    segment.SetTag(TAG, entry(side))
