"""Writing what a detector found: the findings document and every file of the case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import __version__
from ..case.banners import banner
from ..case.findings import CaseFindings, CtReference, Provenance, WeightsReference
from ..case.findings_file import write_findings
from ..case.masks import write_mask
from ..case.provenance import versions
from ..case.whole_files import write_json, writing_to

if TYPE_CHECKING:
    from ..case.case_files import CaseFiles
    from ..case.ct import CtVolume
    from ..engine.detector import CaseResult, Detector
    from ..engine.model import Model


def describe_run(
    ct: CtVolume,
    result: CaseResult,
    detector: Detector,
    models: Sequence[Model],
    preset: str | None,
) -> CaseFindings:
    """The findings of one case with everything that tells how they were made.

    Args:
        ct: the scan as it was read.
        result: what the detector found in it.
        detector: the detector that found it.
        models: its weights, and what is known of them.
        preset: its name or file; None where none was asked for.
    """
    return CaseFindings(
        case_id=ct.case_id,
        ct=CtReference.of(ct),
        provenance=Provenance(
            program=__version__,
            weights=tuple(_reference(model) for model in models),
            mode=detector.procedure.name,
            preset=preset,
            settings=detector.settings.to_json(),
            device=result.device,
            precision=result.precision,
            engine=result.engine,
            versions=versions(),
            started=result.started.isoformat(timespec="seconds"),
            seconds={stage: round(seconds, 3) for stage, seconds in result.seconds.items()},
            windows=result.inference.windows,
            windows_skipped=result.inference.windows_skipped,
            caps_reached=result.caps_reached,
            warnings=(*ct.warnings, *result.notes),
        ),
        findings=result.findings,
    )


def write_case(files: CaseFiles, ct: CtVolume, result: CaseResult, case: CaseFindings) -> None:
    """Write every file of a case into a staging folder.

    Raises:
        InputError: the disk is full or the folder cannot be written.
    """
    from ..evaluation.overview import draw_overview

    write_json(files.det_rois, result.det_rois)
    write_json(files.seg_rois, result.seg_rois)
    write_mask(files.det_mask, result.det_mask, result.seen)
    write_mask(files.seg_mask, result.seg_mask, result.seen)
    write_mask(files.instances, result.instances, ct)
    with writing_to(files.overview):
        draw_overview(files.overview, ct, case, result.instances, banner(case.provenance.weights))
    write_findings(files.findings, case)


def _reference(model: Model) -> WeightsReference:
    return WeightsReference(
        sha256=model.weights.sha256,
        name=model.name,
        path=str(model.weights.path),
        architecture=model.weights.architecture,
        training_data=model.training_data,
    )
