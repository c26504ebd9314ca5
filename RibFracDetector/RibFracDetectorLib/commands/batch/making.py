"""What makes findings: weights, settings and the detector that holds both."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...case.case_files import CaseFiles
from ...case.errors import InputError
from ...case.findings_file import read_findings

if TYPE_CHECKING:
    from ...engine.detector import Detector
    from ...engine.model import Model


class Making(Protocol):
    """Where a batch gets its detector from; loading may wait until the first scan has been read."""

    @property
    def models(self) -> list[Model]:
        """The weights, and what is known of them."""

    @property
    def detector(self) -> Detector:
        """Loaded once, used for every scan."""

    @property
    def preset(self) -> str | None:
        """Name of the preset of the settings; None where none was asked for."""


def made_otherwise(output: Path, case_ids: Iterable[str], making: Making) -> list[str]:
    """Which finished cases come of other weights, settings or mode than `making` has.

    A batch that goes on in an old folder would otherwise mix results, or evaluate those of a former model.
    """
    detector = making.detector
    ours = {
        "weights": [model.weights.sha256 for model in making.models],
        "mode": detector.procedure.name,
        "settings": detector.settings.to_json(),
    }
    return [case_id for case_id in case_ids if _making_of(CaseFiles(output, case_id)) != ours]


def _making_of(files: CaseFiles) -> dict[str, object] | None:
    """What the findings say of how they were made; None if they are no findings of this version."""
    try:
        provenance = read_findings(files.findings).provenance
    except InputError:
        return None
    return {
        "weights": [weights.sha256 for weights in provenance.weights],
        "mode": provenance.mode,
        "settings": provenance.settings,
    }
