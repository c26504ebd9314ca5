"""`ribfrac prepare`: from image files to a data set that training can read."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..case.dataset import DATA_KINDS, DatasetError
from ..case.errors import InputError
from ..case.whole_files import written_whole
from .class_codes import CLASS_CODES
from .given_path import given_path
from .training_library import require_training_library

if TYPE_CHECKING:
    from ..engine.inference.spacing import SpacingRange

PROBLEMS_FILE = "problems.txt"
_EPILOG = f"""\
sources, searched with all folders below them:
  RibFrac       {{case}}-image.nii.gz, {{case}}-label.nii.gz and the info tables (.csv), in any folders
  seed          dataset.json with *_image.nii[.gz], *_instance.nii[.gz], *_ins2cls.json; with --output the
                same folder nothing is copied, checks are made and the cache is added
  scans, masks  *_image.nii[.gz] and *_instance.nii[.gz], or equal names in SOURCE and --masks

{CLASS_CODES}
A run that was stopped goes on where it was; finished cases are skipped. All problems of a data set are
told together, and listed in DIR/problems.txt. One run at a time may work on a folder.

example: ribfrac prepare Downloads/RibFrac --output data/ribfrac --folds 5 --seed 1 --data real
"""
_SPACING_RANGE = (
    "bring each case to the nearest voxel size in these ranges, as detection does with the same "
    "spacing_range, e.g. [[0.74,0.8],[0.74,0.8],[0.9,1.2]] (default: the scans' own)"
)


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "prepare",
        help="check scans and masks and make a training data set of them",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("sources", nargs="+", type=given_path, metavar="SOURCE", help="folder of scans and masks")
    add("--output", type=given_path, required=True, metavar="DIR", help="created if absent")
    add("--masks", type=given_path, metavar="DIR", help="folder of masks with the names of the scans")
    add("--split-file", metavar="NAME", help="of the seed's layout (default dataset.json)")
    add("--folds", type=int, metavar="N", help="cross-validation (default 5 without a split or --test)")
    add("--seed", type=int, default=0, metavar="N", help="of the folds (default 0)")
    add(
        "--test", type=given_path, metavar="FILE", help="ids of held-out cases, one a line; no fold uses them"
    )
    add("--format", choices=("seed", "nndetection"), default="seed", help="nndetection: write a task, too")
    add("--task", metavar="NAME", default="Task100_RibFrac", help="of nnDetection (default Task100_RibFrac)")
    add("--classes", default="1,2,3,4,7", metavar="N,N", help="that labels may have (default 1,2,3,4,7)")
    add("--unknown-classes", action="store_true", help="accept fractures without a class")
    add("--leave-out", action="append", default=[], metavar="ID", help="case not to use; may be repeated")
    told = "what the scans are, which publish wants to know (default: what the split file says)"
    add("--data", choices=DATA_KINDS, default="unknown", help=told)
    add("--spacing-range", metavar="MM", help=_SPACING_RANGE)
    add("--jobs", type=int, default=1, metavar="N", help="processes (default 1; about 2 GB of memory each)")
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the subcommand; the exit status is 0, or that of the error raised.

    Raises:
        InputError: wrong input; everything wrong with the data has been printed.
        RibFracError: RibFracTraining is not there.
    """
    require_training_library("prepare")
    from RibFracTrainingLib.training.data.prepare.run import PrepareOptions, prepare

    options = PrepareOptions(
        sources=tuple(args.sources),
        output=args.output,
        masks=args.masks,
        split_file=args.split_file,
        folds=args.folds,
        seed=args.seed,
        held_out=args.test,
        classes=_classes(args.classes),
        unknown_classes=args.unknown_classes,
        data=args.data,
        leave_out=frozenset(args.leave_out),
        task=args.task if args.format == "nndetection" else None,
        jobs=args.jobs,
        spacing_range=_spacing_range(args.spacing_range),
    )
    try:
        done = prepare(options, _say)
    except DatasetError as error:
        raise _reported(args.output, error.problems) from None
    (args.output / PROBLEMS_FILE).unlink(missing_ok=True)
    print(
        f"{done.cases} cases, {done.fractures} fractures, {done.fracture_free} scans without any; "
        f"splits: {', '.join(done.splits) or 'as stated'}"
    )
    if done.task is not None:
        print(f"nnDetection task: {done.task}")
    return 0


def _reported(output: Path, problems: Sequence[str]) -> InputError:
    """Print and keep all problems; the error that ends the command."""
    for problem in problems:
        _say(f"problem: {problem}")
    report = output / PROBLEMS_FILE
    with written_whole(report) as temporary:
        temporary.write_text("".join(f"{problem}\n" for problem in problems), encoding="utf-8")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return InputError(f"{count}, told above and in {report}; mend the data and run the command again")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _classes(text: str) -> frozenset[int]:
    try:
        return frozenset(int(number) for number in text.split(","))
    except ValueError:
        raise InputError(
            f"--classes {text!r}: expected whole numbers separated by commas, as in 1,2,3,4"
        ) from None


def _spacing_range(text: str | None) -> SpacingRange | None:
    if text is None:
        return None
    from ..engine.setting_values import RANGES, spacing_range

    try:
        return spacing_range(json.loads(text))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise InputError(f"--spacing-range {text!r}: expected {RANGES}") from None
