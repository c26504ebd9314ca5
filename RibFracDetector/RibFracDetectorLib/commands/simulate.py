"""`ribfrac simulate`: chests with simulated rib fractures and their exact truth."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from ..case.errors import InputError
from .given_path import given_path
from .training_library import require_training_library

_EPILOG = """\
bodies, dealt out to the cases in turn where --body is given more than once:
  phantom                  drawn from numbers alone; needs no file and no SimpleITK
  atlas:FILE               organ labels of TotalSegmentator (.nii.gz with labels.json beside it, or what
                           --convert-atlas makes of them), moved, bent and dressed at random
  ct:FILE[,ribs:FILE]      a real scan of healthy ribs; the ribs' mask is found where none is given
                           (1 to 12 in the right ribs from the top, 13 to 24 in the left ones)

kinds: displaced, non-displaced, buckle, segmental (two breaks), healed (with callus)

layouts:
  cache    arrays that training reads; needs no SimpleITK
  nifti    {case}_image.nii.gz, {case}_instance.nii.gz, {case}_ins2cls.json, {case}_simulation.json
  both     all of it

A case depends on --seed, its split and its number alone; training and test cases draw from separate
streams, so no test case of any seed is a training case of another. A run that was stopped goes on where it
was; more cases may be asked for later. Simulations are for trying things out and for training
demonstrations; nothing measured on them says anything about patients.

example: ribfrac simulate data/simulated --cases 40 --test 4 --body phantom --workers 4
"""


def add_parser(subparsers: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Register the subcommand."""
    parser = subparsers.add_parser(
        "simulate",
        help="make scans with simulated rib fractures",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("output", type=given_path, metavar="OUTPUT", help="folder of the data set, created if absent")
    add("--cases", type=int, default=1, metavar="N", help="of the training split (default 1)")
    add("--test", type=int, default=0, metavar="N", help="held-out cases besides (default 0)")
    add("--seed", type=int, default=0, metavar="S", help="of everything (default 0)")
    add(
        "--body", action="append", metavar="BODY", help="phantom (default), atlas:FILE or ct:FILE[,ribs:FILE]"
    )
    add(
        "--part",
        choices=("chest", "half", "right", "left"),
        default="chest",
        help="what is made (default chest)",
    )
    add(
        "--fractures",
        default="6-14",
        metavar="N-N",
        help="least and greatest number in a case (default 6-14)",
    )
    add("--kinds", metavar="KIND,...", help="of the fractures (default all; see below)")
    add("--fracture-free", type=float, default=0.1, metavar="P", help="share of cases without (default 0.1)")
    add("--imitators", default="2-6", metavar="N-N", help="unlabelled look-alikes in a case (default 2-6)")
    add("--shams", default="0-2", metavar="N-N", help="insertions without a fracture (default 0-2)")
    add(
        "--slice-faults",
        type=float,
        default=0.1,
        metavar="P",
        help="share of cases with motion (default 0.1)",
    )
    add(
        "--heights", type=float, nargs=2, metavar="MM", help="only these, from the middle of the ribs upwards"
    )
    add("--spacing", default="0.65-0.85", metavar="MM-MM", help="in the slices (default 0.65-0.85)")
    add("--slices", default="0.9-2.1", metavar="MM-MM", help="between slices (default 0.9-2.1)")
    add("--layout", choices=("nifti", "cache", "both"), default="both", help="what is written (default both)")
    add(
        "--workers", type=int, default=1, metavar="W", help="processes (default 1; about 2 GB of memory each)"
    )
    add(
        "--convert-atlas",
        type=given_path,
        metavar="FILE",
        help="only write the atlas FILE to OUTPUT, an .npz",
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the subcommand; the exit status is 0, or that of the error raised.

    Raises:
        InputError: wrong input.
        RibFracError: RibFracTraining is not there.
    """
    require_training_library("simulate")
    from RibFracTrainingLib.simulation.dataset.run import Target, simulate
    from RibFracTrainingLib.simulation.dataset.settings import BodySpec, SimulationSettings
    from RibFracTrainingLib.simulation.lesions.fracture import LABELS

    if args.convert_atlas is not None:
        return _convert(args.convert_atlas, args.output)
    settings = SimulationSettings(
        training=args.cases,
        test=args.test,
        seed=args.seed,
        bodies=tuple(BodySpec.parse(text) for text in args.body or ["phantom"]),
        part=args.part,
        fractures=_counts("--fractures", args.fractures),
        kinds=tuple(LABELS if args.kinds is None else args.kinds.split(",")),
        fracture_free=args.fracture_free,
        imitators=_counts("--imitators", args.imitators),
        shams=_counts("--shams", args.shams),
        slice_faults=args.slice_faults,
        heights_mm=tuple(args.heights) if args.heights else None,
        in_plane_mm=_range("--spacing", args.spacing),
        slice_mm=_range("--slices", args.slices),
    )
    made = simulate(settings, Target(args.output, args.layout), args.workers, _say)
    print(f"{made} simulated cases made, {len(settings.cases)} in {args.output}")
    return 0


def _convert(source: Path, target: Path) -> int:
    from RibFracTrainingLib.simulation.bodies.atlas_labels import write_atlas_npz

    if target.suffix != ".npz":
        raise InputError(f"{target}: expected a name that ends with .npz for the converted atlas")
    write_atlas_npz(source, target)
    print(f"wrote {target}")
    return 0


def _range(option: str, text: str) -> tuple[float, float]:
    """`3-5` or `4`, which is 4 to 4."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?", text)
    if match is None:
        raise InputError(f"{option} {text!r}: expected a number or a range such as 6-14")
    return float(match[1]), float(match[2] or match[1])


def _counts(option: str, text: str) -> tuple[int, int]:
    low, high = _range(option, text)
    return round(low), round(high)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
