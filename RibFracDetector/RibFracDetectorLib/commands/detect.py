"""`ribfrac detect`: from CT files to case files, a table and a picture.

The first scan is read and checked before torch is even loaded, so that a wrong file is refused at once; the
detector is made for the first good one and kept for the rest (`batch.pipeline`). With `--standby` it is the
other way round (`standby`).
"""

from __future__ import annotations

import argparse
import os
from functools import cached_property
from typing import TYPE_CHECKING

from ..case.dataset import SPLITS
from ..case.errors import InputError
from ..case.naming import checked_case_id
from ..case.utf8_paths import utf8_path
from . import lifeline
from .given_path import given_path
from .inference_options import add_inference_options, assignments_of
from .standby import add_option as add_standby_option
from .standby import stand_by

if TYPE_CHECKING:
    from ..engine.detector import Detector
    from ..engine.model import Model
    from .batch.shards import Shard
    from .reporters import NotesReporter


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
        nargs="*",
        type=given_path,
        metavar="INPUT",
        help="scan (NIfTI, NRRD, MetaImage, DICOM folder), folder of scans, glob, dataset.json, or CSV list",
    )
    add("--output", type=given_path, required=True, metavar="DIR", help="folder for the case files")
    add("--case", metavar="ID", help="case id of a single input (default: made of its name)")
    add(
        "--weights",
        metavar="NAME|FILE",
        help="a model of the catalogue or a checkpoint; several, with commas, are merged (default: the first "
        "model of the catalogue, the site's where RIBFRAC_MODELS names one)",
    )
    add(
        "--preset",
        metavar="NAME|FILE",
        help="settings: published, deployment, or a JSON file (default: none, the model's own settings)",
    )
    add("--split", choices=SPLITS, default="test", help="of a dataset.json (default test)")
    add(
        "--shard",
        metavar="I/N",
        help="take every N-th scan from the I-th (from 0); torchrun and SLURM tell it",
    )
    add_inference_options(add)
    lifeline.add_options(parser)
    add_standby_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in every input; a broken one is reported and the rest go on.

    Returns:
        0, or the largest exit status of an input that failed.

    Raises:
        RibFracError: the only input failed, or nothing can be detected at all.
    """
    from .batch.shards import choose_shard, device_of
    from .reporters import make_reporter

    if not arguments.standby:
        if not arguments.inputs:
            raise InputError("no INPUT was named: a scan, a folder of scans or a list is expected")
        lifeline.hold(arguments)
    reporter = make_reporter(arguments.progress)
    shard = choose_shard(arguments.shard, os.environ)
    making = _Making(arguments, device_of(arguments.device, shard))
    wanted = stand_by(arguments, making.warm_up, reporter) if arguments.standby else arguments
    return 0 if wanted is None else _detect(wanted, shard, making, reporter)


def _detect(arguments: argparse.Namespace, shard: Shard, making: _Making, reporter: NotesReporter) -> int:
    """Detect in the inputs, and return the exit status."""
    from .batch.inputs import Source, find_sources
    from .batch.outcomes import exit_status
    from .batch.run import BatchOptions, detect_in_many, detect_in_one

    for given in filter(None, (arguments.output, arguments.preset)):
        utf8_path(given)  # told now: they are written after the detection
    sources = find_sources(arguments.inputs, arguments.split, arguments.output)
    if arguments.case is not None:
        if len(sources) > 1:
            raise InputError(f"--case {arguments.case} names one case; found {len(sources)} inputs")
        sources = [Source(sources[0].path, checked_case_id(arguments.case))]
    options = BatchOptions(arguments.output, shard, arguments.overwrite)
    if len(sources) == 1 and shard.count == 1:
        return exit_status(detect_in_one(sources[0], options, making, reporter))
    return exit_status(detect_in_many(sources, options, making, reporter))


def names_of_weights(given: str | None) -> list[str | None]:
    """The models that `--weights` names; [None] where it is left out.

    A file may have commas in its path: the panel gives what was chosen, below a folder "Doe, Jane" perhaps.
    """
    # Not that of `Path`, which raises where many long names make one that is too long.
    if given is None or os.path.isfile(given):  # noqa: PTH113
        return [given]
    return list(given.split(","))


class _Making:
    """Weights, settings and detector of one command; made when first needed."""

    def __init__(self, arguments: argparse.Namespace, device: str) -> None:
        self.arguments = arguments
        self.device = device

    @property
    def preset(self) -> str | None:
        """Name or file of the preset; None without one."""
        return self.arguments.preset

    @cached_property
    def models(self) -> list[Model]:
        """The weights that --weights names, one or several separated by commas."""
        from ..case.catalogue import find_model
        from ..engine.model import load_model

        found = [find_model(name) for name in names_of_weights(self.arguments.weights)]
        return [load_model(path, entry) for path, entry in found]

    @cached_property
    def detector(self) -> Detector:
        """See `batch.making.Making`."""
        from ..engine.detector import Detector
        from ..engine.settings import resolve_settings

        wanted = self.arguments
        blocks = [model.inference for model in self.models]
        if any(block != blocks[0] for block in blocks):
            raise InputError(
                f"--weights {wanted.weights}: the models were validated with different inference settings; "
                "results can be merged only of models with the same"
            )
        settings = resolve_settings(wanted.mode, blocks[0], wanted.preset, assignments_of(wanted))
        weights = [model.weights for model in self.models]
        return Detector(weights, settings, wanted.mode, self.device, wanted.precision, wanted.engine)

    def warm_up(self) -> None:
        """Load everything that the first scan would have to wait for.

        Raises:
            RibFracError: the weights or the settings are wrong.
        """
        from ..evaluation import overview  # noqa: F401 - the library that draws it takes a while to load

        self.detector.warm_up()
