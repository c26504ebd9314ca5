"""`ribfrac detect`: from CT files to case files, a table and a picture.

Each input is read and checked before torch is even loaded, so that a wrong file is refused at once; the
detector is made for the first good one and kept for the rest.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from ..case.errors import InputError, RibFracError

if TYPE_CHECKING:
    from ..case.case_files import CaseFiles
    from ..case.ct import CtVolume
    from ..engine.catalogue import ModelEntry
    from ..engine.detector import Detector
    from ..engine.weights import Weights
    from .reporters import NotesReporter

MODES = ("standard", "original")
ENGINES = ("auto", "torch", "openvino")
PROGRESS_STYLES = ("auto", "bar", "jsonl", "none")
DEFAULT_PRESET = "published"


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add `detect` to the parser of `ribfrac`."""
    parser = subparsers.add_parser(
        "detect",
        help="find rib fractures in CT scans",
        description="Find rib fractures in CT scans. For research use only; not a medical device.",
    )
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        type=Path,
        metavar="INPUT",
        help="NIfTI, NRRD, MetaImage, or a DICOM series folder",
    )
    add("--output", type=Path, required=True, metavar="DIR", help="folder for the case files")
    add("--case", metavar="ID", help="case id of a single input (default: made of its name)")
    add(
        "--weights",
        metavar="NAME|FILE",
        help="a model of the catalogue or a checkpoint; several, with commas, are merged",
    )
    add("--preset", metavar="NAME|FILE", help="settings: published (default), deployment, or a JSON file")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, e.g. score_thr=0.1")
    add("--mode", choices=MODES, default="standard", help="original repeats the published system's numbers")
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    add("--precision", default="auto", help="auto (default), fp32, fp16 or bf16")
    add("--engine", choices=ENGINES, default="auto", help="library that computes the network; auto: fastest")
    add("--exhaustive", action="store_true", help="search where no rib can be, too (default: only near ribs)")
    add("--overwrite", action="store_true", help="detect again in finished cases")
    add("--progress", choices=PROGRESS_STYLES, default="auto", help="jsonl is for programs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in every input; a broken one is reported and the rest go on.

    Returns:
        0, or the largest exit status of an input that failed.

    Raises:
        RibFracError: the only input failed, or nothing can be detected at all.
    """
    from .reporters import make_reporter

    if arguments.case is not None and len(arguments.inputs) > 1:
        raise InputError(f"--case {arguments.case} names one case; found {len(arguments.inputs)} inputs")
    job = _Job(arguments, make_reporter(arguments.progress))
    status = 0
    for source in arguments.inputs:
        try:
            job.detect(source)
        except RibFracError as error:
            job.reporter.failure(error)
            if len(arguments.inputs) == 1:
                raise
            status = max(status, error.exit_status)
            job.reporter.note(str(error))
    return status


class _Job:
    """What all inputs of one command share; the expensive parts are made when first needed."""

    def __init__(self, arguments: argparse.Namespace, reporter: NotesReporter) -> None:
        self.arguments = arguments
        self.reporter = reporter
        self._sources: dict[str, Path] = {}

    def detect(self, source: Path) -> None:
        """Read, detect and write one case, unless it is finished."""
        from ..case.case_files import CaseFiles
        from ..case.reading import case_id_of, read_ct

        case_id = self.arguments.case or case_id_of(source)
        twin = self._sources.setdefault(case_id, source)
        if twin is not source:
            raise InputError(f"{twin} and {source} would both be case {case_id}; rename one of them")
        files = CaseFiles(self.arguments.output, case_id)
        if files.is_finished and not self.arguments.overwrite:
            self.reporter.note(f"{case_id} is finished; --overwrite detects again")
            return
        files.refuse_reviewed()
        self.reporter.begin_case(case_id)
        try:
            self.reporter.stage("read")
            self._detect_in(read_ct(source, case_id), files)
        finally:
            self.reporter.end_case()

    def _detect_in(self, ct: CtVolume, files: CaseFiles) -> None:
        from .case_output import banner, describe_run, write_case

        for warning in ct.warnings:
            self.reporter.note(warning)
        preset = self.arguments.preset or DEFAULT_PRESET
        with files.staged() as staged:
            result = self._detector.detect(ct, self.reporter)
            self.reporter.stage("write")
            case = describe_run(ct, result, self._detector, self._models, preset)
            write_case(replace(staged, fp16=result.precision == "fp16"), ct, result, case)
        warning = banner(case.provenance.weights)
        if warning:
            self.reporter.note(warning)
        self.reporter.result(case, files.folder)

    @cached_property
    def _models(self) -> list[tuple[Weights, ModelEntry | None]]:
        """The weights that --weights names, one or several separated by commas."""
        from ..engine.catalogue import find_model
        from ..engine.weights import load_weights

        names = [None] if self.arguments.weights is None else self.arguments.weights.split(",")
        found = [find_model(name) for name in names]
        return [(load_weights(path, entry.sha256 if entry else None), entry) for path, entry in found]

    @cached_property
    def _detector(self) -> Detector:
        from ..engine.detector import Detector
        from ..engine.settings import resolve_settings

        wanted = self.arguments
        blocks = [entry.inference if entry else {} for _, entry in self._models]
        if any(block != blocks[0] for block in blocks):
            raise InputError(
                f"--weights {wanted.weights}: the models were validated with different inference settings; "
                "results can be merged only of models with the same"
            )
        assignments = [*wanted.set, *(["exhaustive=true"] if wanted.exhaustive else [])]
        settings = resolve_settings(wanted.mode, blocks[0], wanted.preset, assignments)
        weights = [weights for weights, _ in self._models]
        return Detector(weights, settings, wanted.mode, wanted.device, wanted.precision, wanted.engine)
