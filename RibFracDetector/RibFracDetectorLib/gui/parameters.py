"""What the user chose for the data in the scene; saved and loaded with it."""

from __future__ import annotations

from typing import Annotated

from slicer import vtkMRMLScalarVolumeNode
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

# Of the settings that a model may have of its own: those of the procedure.
DEFAULTS = {"scoreThreshold": 0.2, "cutoff": 0.5, "overlap": 0.4, "flips": False}
LARGEST = {"scoreThreshold": 0.99, "cutoff": 0.99, "overlap": 0.9}


@parameterNodeWrapper
class DetectorParameters:
    """Inputs and settings of a detection.

    Attributes:
        ctVolume: the CT.
        model: a name of the catalogue, or a checkpoint file.
        useModelSettings: take the settings with which the model was validated, not the four that follow.
        scoreThreshold: boxes must score above this.
        cutoff: a voxel belongs to the segmentation above this probability.
        overlap: fraction of a window shared with its neighbour.
        flips: detect in all flipped copies too, which takes four passes.
        originalMode: repeat the published system's numbers.
        exhaustive: search where no rib can be, too.
    """

    # The application binds widgets to these names, which follow its own spelling.
    ctVolume: vtkMRMLScalarVolumeNode  # noqa: N815
    model: str = ""
    useModelSettings: bool = True  # noqa: N815
    scoreThreshold: Annotated[float, WithinRange(0.0, LARGEST["scoreThreshold"])] = DEFAULTS["scoreThreshold"]  # noqa: N815
    cutoff: Annotated[float, WithinRange(0.0, LARGEST["cutoff"])] = DEFAULTS["cutoff"]
    overlap: Annotated[float, WithinRange(0.0, LARGEST["overlap"])] = DEFAULTS["overlap"]
    flips: bool = DEFAULTS["flips"]
    originalMode: bool = False  # noqa: N815
    exhaustive: bool = False
