"""`ribfrac test`: a checkpoint on the data of a training configuration, from inference to metrics.

Every process of a batch writes the table of its own scans; the one that finds all tables there when it has
written its own joins them and computes the metrics.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..case.dataset import DATA_KINDS, SPLITS, agreed_data
from ..case.errors import InputError
from ..case.utf8_paths import utf8_path
from ..case.whole_files import writing_to
from .evaluate import DATA_HELP
from .given_path import given_path
from .inference_options import add_inference_options, assignments_of
from .train import CONFIGURATIONS, load, require_training_packages

if TYPE_CHECKING:
    from RibFracTrainingLib.training.configuration import LoadedConfiguration

    from ..engine.detector import Detector
    from ..engine.model import Model
    from ..engine.settings import InferenceSettings
    from ..evaluation.options import EvaluationOptions
    from .batch.outcomes import Outcome
    from .batch.run import BatchOptions
    from .reporters import NotesReporter

METRICS = {"mAP": "map", "center": "center", "ribfrac": "ribfrac"}
_SHOWN_SPLITS = {"training": "train", "test": "test"}
"""As the original's folders have them."""
_EPILOG = """\
The settings of inference are the configuration's, as `ribfrac publish` hands them on; --set changes one.
Finished cases are skipped, so a batch that was killed goes on; several processes share the scans by --shard,
torchrun or SLURM.

output:  the case files of `ribfrac detect` and the files of `ribfrac evaluate`,
         aug_inference_I@N.csv (one a shard), aug_inference_all.csv

example: ribfrac test ribfrac_s work_dirs/ribfrac_s/latest.pth data.folder=data --eval mAP
"""


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add `test` to the parser of `ribfrac`."""
    parser = subparsers.add_parser(
        "test",
        help="inference and metrics on the data of a configuration",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("config", metavar="CONFIG|NAME", help=f"of training: a YAML file, or {CONFIGURATIONS}")
    add("weights", type=given_path, metavar="WEIGHTS", help="checkpoint")
    add(
        "overrides",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="of the configuration, e.g. data.folder=DIR",
    )
    add("--eval", default="mAP,center", metavar="NAME,NAME", help="mAP, center, ribfrac (default mAP,center)")
    add("--split", choices=SPLITS, default="test", help="of the data set (default test)")
    add(
        "--cutoff",
        type=float,
        metavar="P",
        help="probability above which a voxel is segmented (default: inference.cutoff of the configuration)",
    )
    add(
        "--output",
        type=given_path,
        metavar="DIR",
        help="default work_dirs/NAME/visual_{set}_{split}_cutoff{P}_nii",
    )
    add("--shard", metavar="I/N", help="see `ribfrac detect`")
    add("--bootstrap", type=int, default=1000, metavar="N", help="draws (default 1000, 0: none)")
    add("--data", choices=DATA_KINDS, default="unknown", help=DATA_HELP)
    add_inference_options(add)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Detect in the split, and evaluate once every shard is through.

    Returns:
        0, or the largest exit status of a scan that failed; such scans count as scans without findings.

    Raises:
        RibFracError: training packages are missing, nothing can be detected, or the evaluation failed.
    """
    from ..engine.settings import resolve_settings
    from ..evaluation.case_table import shard_table
    from ..evaluation.ground_truth import read_ground_truth
    from ..evaluation.options import EvaluationOptions
    from .batch.inputs import sources_of_split
    from .batch.outcomes import exit_status
    from .batch.run import BatchOptions, detect_in_many
    from .batch.shards import choose_shard, device_of
    from .reporters import make_reporter

    metrics = _metrics(arguments.eval)
    evaluation = EvaluationOptions(
        replicates=arguments.bootstrap, title=f"{arguments.weights.name} on {arguments.split}"
    )
    reporter = make_reporter(arguments.progress)
    require_training_packages()
    configuration = load(arguments.config, arguments.overrides)
    changes = assignments_of(arguments)
    if arguments.cutoff is not None:
        changes.append(f"cutoff={arguments.cutoff}")
    settings = resolve_settings(arguments.mode, configuration.plain["inference"], None, changes)
    dataset = _dataset(configuration)
    sources = sources_of_split(dataset, arguments.split)
    # Refused now, not after inference.
    truth = read_ground_truth(dataset, use_masks=False, split=arguments.split)
    evaluation = replace(evaluation, data=agreed_data(arguments.data, truth.data, truth.data_source))
    shard = choose_shard(arguments.shard, os.environ)
    output = arguments.output or _default_output(configuration, arguments.split, settings.cutoff)
    utf8_path(output)  # refused now: it is written to after the inference
    options = BatchOptions(output, shard, arguments.overwrite)
    making = _Making.of(arguments, configuration.name, settings, device_of(arguments.device, shard))
    _refuse_other_results(options, [source.case_id for source in sources if source.case_id], making)
    with writing_to(output):
        (output / shard_table(shard.index, shard.count)).unlink(missing_ok=True)  # of an earlier run
    outcomes = detect_in_many(sources, options, making, reporter)
    _evaluate(_Test(dataset, arguments.split, options, metrics, evaluation), outcomes, reporter)
    return exit_status(outcomes)


@dataclass(frozen=True)
class _Making:
    """See `batch.making.Making`."""

    models: list[Model]
    detector: Detector
    preset: str

    @classmethod
    def of(cls, wanted: argparse.Namespace, name: str, settings: InferenceSettings, device: str) -> _Making:
        from ..case.catalogue import find_model
        from ..engine.detector import Detector
        from ..engine.model import load_model

        model = load_model(*find_model(wanted.weights))
        detector = Detector([model.weights], settings, wanted.mode, device, wanted.precision, wanted.engine)
        return cls([model], detector, f"configuration {name}")


@dataclass(frozen=True)
class _Test:
    """What the evaluation has to know."""

    dataset: Path
    split: str
    options: BatchOptions
    metrics: list[str]
    evaluation: EvaluationOptions


def _metrics(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            raise InputError(f"--eval {name!r} is unknown; choose among {', '.join(METRICS)}")
    return list(dict.fromkeys(METRICS[name] for name in names))


def _dataset(configuration: LoadedConfiguration) -> Path:
    """The split file.

    Raises:
        InputError: the configuration names no data set.
    """
    data = configuration.values.data
    if data.folder is None:
        raise InputError(
            f"{configuration.name} names no data set; add data.folder=DIR, a folder with {data.split_file}"
            + (" (and ~data.simulated)" if data.simulated is not None else "")
        )
    return Path(data.folder) / data.split_file


def _default_output(configuration: LoadedConfiguration, split: str, cutoff: float) -> Path:
    """The folder that the original would write to (spec 5.6)."""
    name = Path(configuration.values.data.folder or "").resolve().name
    return (
        Path("work_dirs") / configuration.name / f"visual_{name}_{_SHOWN_SPLITS[split]}_cutoff{cutoff:g}_nii"
    )


def _refuse_other_results(options: BatchOptions, case_ids: Sequence[str], making: _Making) -> None:
    """Refuse to evaluate as this checkpoint's what another one found.

    Raises:
        InputError: the folder holds finished cases of other weights or settings.
    """
    from ..case.case_files import CaseFiles
    from .batch.making import made_otherwise

    if options.overwrite:
        return
    finished = [case_id for case_id in case_ids if CaseFiles(options.output, case_id).is_finished]
    strange = made_otherwise(options.output, finished, making)
    if strange:
        raise InputError(
            f"{options.output}: {len(strange)} finished cases ({strange[0]}, ...) were made with other "
            "weights or settings; choose another --output, or detect in them again with --overwrite"
        )


def _evaluate(test: _Test, outcomes: Sequence[Outcome], reporter: NotesReporter) -> None:
    """The table of this process's scans; then, if it is the last, everything."""
    from ..evaluation.case_table import merge_parts, shard_table, write_part
    from ..evaluation.ground_truth import read_ground_truth
    from ..evaluation.predictions import Predictions, read_predictions
    from ..evaluation.run_evaluation import Request, run_evaluation

    output, shard = test.options.output, test.options.shard
    truth = read_ground_truth(test.dataset, split=test.split)
    own = {outcome.name for outcome in outcomes}
    part = replace(truth, cases={name: case for name, case in truth.cases.items() if name in own})
    succeeded = any(outcome.error is None for outcome in outcomes)
    predictions = read_predictions(output) if succeeded else Predictions(output, {})
    with writing_to(output):
        output.mkdir(parents=True, exist_ok=True)
    write_part(output / shard_table(shard.index, shard.count), part, predictions, test.evaluation)
    if not merge_parts(output, shard.count):
        reporter.note(f"shard {shard.index} of {shard.count} is through; the last one will evaluate")
        return
    request = Request(output, test.dataset, output, test.metrics, test.evaluation, split=test.split)
    evaluated = run_evaluation(request)
    reporter.evaluated(evaluated.headlines, evaluated.notes, output / "report.html")
