"""`ribfrac evaluate`: metrics, curves, tables and a report from saved results; no GPU, no model."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..case.dataset import DATA_KINDS, SPLITS
from ..case.errors import InputError
from .class_codes import CLASS_CODES
from .given_path import given_path

METRICS = ("center", "ribfrac", "map")
DATA_HELP = "what the scans are (default: what their split file or simulation record says, else unknown)"
_EPILOG = f"""\
ground truth: *_ins2cls.json (+ *_instance.nii[.gz]), *-label.nii[.gz] of RibFrac (+ info .csv), or
              *_instance.nii[.gz] alone, or *_review.jsonl of completed reviews beside their findings,
              or one --split of a dataset.json that has such files
predictions:  *_det_roi_infos.json, *_seg_roi_infos.json, *_findings.json, or a RibFrac submission
output:       METRIC.json, evaluation.json, report.html; of center aug_inference_all.csv (a row a scan),
              threshold_table.{{json,csv}} and *_FROC.{{pdf,png}}

{CLASS_CODES}
example: ribfrac evaluate results/ labels/ --metric center,ribfrac --data real --output evaluation/
"""


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "evaluate",
        help="metrics, FROC curves and a report from saved results",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("predictions", type=given_path, metavar="PREDICTIONS", help="folder of results")
    parser.add_argument(
        "ground_truth",
        type=given_path,
        metavar="GROUND_TRUTH",
        help="folder of ground truth, or dataset.json",
    )
    parser.add_argument("--split", choices=SPLITS, default="test", help="of a dataset.json (default test)")
    parser.add_argument(
        "--metric",
        action="append",
        required=True,
        metavar="|".join(METRICS),
        help="may be repeated, or several separated by commas",
    )
    parser.add_argument("--output", type=given_path, required=True, metavar="DIR", help="created if absent")
    parser.add_argument(
        "--classes",
        metavar="N,N",
        help="classes that count (default: 1-4 in curves, 1-4 and 7 in single scans)",
    )
    parser.add_argument(
        "--missing",
        choices=("count", "skip"),
        default="count",
        help="a scan without a result counts as one without findings (default), or is left out",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "fp32", "fp16"),
        default="auto",
        help="of the *_roi_infos.json to read, where a folder holds those of fp32 and of fp16 (default auto: "
        "it holds one kind)",
    )
    parser.add_argument(
        "--no-masks",
        action="store_true",
        help="open no mask where JSON files suffice (no Dice, no check of masks)",
    )
    parser.add_argument(
        "--bootstrap", type=int, default=1000, metavar="N", help="draws (default 1000, 0: none)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap (default 0)")
    parser.add_argument(
        "--compare",
        action="append",
        default=[],
        metavar="[NAME=]DIR",
        help="another run on the same scans, for center; may be repeated",
    )
    parser.add_argument("--title", default="", help="of the report and the threshold table")
    parser.add_argument("--data", choices=DATA_KINDS, default="unknown", help=DATA_HELP)
    parser.add_argument(
        "--submission", action="store_true", help="write DIR/submission for the RibFrac Challenge too"
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the subcommand; the exit status is 0, or that of the error raised.

    Raises:
        InputError: wrong input.
    """
    from ..evaluation.options import EvaluationOptions
    from ..evaluation.run_evaluation import Request, run_evaluation

    metrics = _metrics(args.metric)
    if args.compare and (args.bootstrap == 0 or "center" not in metrics):
        raise InputError("--compare needs --metric center and a bootstrap of at least 1 draw")
    options = EvaluationOptions(
        classes=_classes(args.classes),
        missing=args.missing,
        use_masks=not args.no_masks,
        replicates=args.bootstrap,
        seed=args.seed,
        title=args.title,
        data=args.data,
    )
    outcome = run_evaluation(
        Request(
            predictions=args.predictions,
            ground_truth=args.ground_truth,
            output=args.output,
            metrics=metrics,
            options=options,
            compare=_other_runs(args.compare, args.predictions),
            precision=args.precision,
            submission=args.submission,
            split=args.split,
        )
    )
    print_evaluation(outcome.headlines, outcome.notes, args.output / "report.html")
    return 0


def print_evaluation(headlines: Mapping[str, float], notes: Sequence[str], report: Path) -> None:
    """The headline values on standard output, notes on standard error."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    for name, value in headlines.items():
        print(f"{name}: {'undefined' if math.isnan(value) else f'{value:.4f}'}")
    print(f"report: {report}")


def _metrics(given: list[str]) -> list[str]:
    names = [name.strip() for text in given for name in text.split(",")]
    for name in names:
        if name not in METRICS:
            raise InputError(f"--metric {name!r} is unknown; choose among {', '.join(METRICS)}")
    return list(dict.fromkeys(names))


def _classes(text: str | None) -> frozenset[int] | None:
    if text is None:
        return None
    try:
        return frozenset(int(number) for number in text.split(","))
    except ValueError:
        raise InputError(
            f"--classes {text!r}: expected whole numbers separated by commas, as in 1,2,3,4"
        ) from None


def _other_runs(given: list[str], first: Path) -> dict[str, Path]:
    """The runs beside the one in `first`, by the names they get in the report."""
    runs: dict[str, Path] = {}
    of_report = first.resolve().name
    for text in given:
        name, separator, folder = text.partition("=")
        path = given_path(folder if separator else text)
        label = name if separator else path.resolve().name
        if label in runs or label == of_report:
            raise InputError(
                f"--compare: two runs are named {label}, and one name each is expected; give another one, as "
                f"in --compare second={path}"
            )
        runs[label] = path
    return runs
