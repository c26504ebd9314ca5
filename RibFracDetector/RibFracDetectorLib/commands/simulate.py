"""`ribfrac simulate`: chests with simulated rib fractures and their exact truth."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Container

from ..case.errors import InputError
from .given_path import given_path
from .training_library import require_training_library

OF_DRAWN_BODIES = ("part", "heights", "spacing", "slices")
"""Options that shape phantoms and atlases, and leave real scans as they are."""

_EPILOG = """\
bodies, dealt out to the cases in turn where --body is given more than once:
  phantom                  drawn from numbers alone; needs no file and no SimpleITK
  atlas:FILE               organ labels of TotalSegmentator (.nii.gz with labels.json beside it, or what
                           --convert-atlas makes of them), moved, bent and dressed at random
  ct:FILE[,ribs:FILE]      a real scan of healthy ribs, taken whole on its own voxels; the ribs' mask is found
                           where none is given (1 to 12 in the right ribs from the top, 13 to 24 in the left
                           ones)

kinds: displaced, non-displaced, buckle, segmental (two breaks), healed (with callus)

layouts:
  cache    arrays that training reads; needs no SimpleITK
  nifti    {case}_image.nii.gz, {case}_instance.nii.gz, {case}_ins2cls.json, {case}_simulation.json
  both     all of it

A case depends on --seed, its split and its number alone; training and test cases draw from separate
streams, so no test case of any seed is a training case of another. Of real scans that is true of the
fractures alone: the patients are the same, so such a run makes one split only; keep the scans of one split
out of the other. A run that was stopped goes on where it was; more cases may be asked for later. Simulations
are for trying things out and for training demonstrations; nothing measured on them says anything about
patients.

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
    _add_options(parser)
    parser.set_defaults(run=run)
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
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


def run(args: argparse.Namespace) -> int:
    """Run the subcommand; the exit status is 0, or that of the error raised.

    Raises:
        InputError: wrong input.
        RibFracError: RibFracTraining is not there.
    """
    require_training_library("simulate")
    from RibFracTrainingLib.simulation.dataset.run import Target, simulate
    from RibFracTrainingLib.simulation.dataset.settings import CT, PHANTOM, BodySpec, SimulationSettings
    from RibFracTrainingLib.simulation.lesions.fracture import LABELS

    if args.convert_atlas is not None:
        return _convert(args)
    bodies = tuple(BodySpec.parse(text) for text in args.body or [PHANTOM])
    _check_real_scans(args, [body.kind == CT for body in bodies])
    settings = SimulationSettings(
        training=args.cases,
        test=args.test,
        seed=args.seed,
        bodies=bodies,
        part=args.part,
        fractures=_counts("--fractures", args.fractures),
        kinds=tuple(LABELS if args.kinds is None else args.kinds.split(",")),
        fracture_free=args.fracture_free,
        imitators=_counts("--imitators", args.imitators),
        shams=_counts("--shams", args.shams),
        slice_faults=args.slice_faults,
        heights_mm=tuple(args.heights) if args.heights else None,
        in_plane_mm=_range("--spacing", args.spacing, "0.65-0.85"),
        slice_mm=_range("--slices", args.slices, "0.9-2.1"),
    )
    made = simulate(settings, Target(args.output, args.layout), args.workers, _say)
    print(f"{made} simulated cases made, {len(settings.cases)} in {args.output}")
    return 0


def _changed(args: argparse.Namespace, among: Container[str]) -> list[str]:
    """The options, as they are written, whose values are not those that they have when left out."""
    plain = argparse.ArgumentParser()
    _add_options(plain)
    defaults = vars(plain.parse_args([str(args.output)]))
    return [
        f"--{name.replace('_', '-')}"
        for name, value in defaults.items()
        if name in among and getattr(args, name) != value
    ]


def _without_effect(options: list[str], where: str) -> InputError:
    these = "it" if len(options) == 1 else "them"
    return InputError(f"{', '.join(options)}: without effect {where}; leave {these} out")


def _check_real_scans(args: argparse.Namespace, are_real: list[bool]) -> None:
    """Refuse what real scans cannot have.

    Args:
        args: of the command.
        are_real: whether each body is a real scan.

    Raises:
        InputError: an option that would do nothing, or two splits of the same patients.
    """
    if all(are_real) and (idle := _changed(args, OF_DRAWN_BODIES)):
        raise _without_effect(idle, "on real scans (ct:), which are taken whole, voxel by voxel")
    if any(are_real) and args.cases > 0 and args.test > 0:
        raise InputError(
            f"--cases {args.cases} and --test {args.test} of real scans (ct:): both splits would show the "
            "same patients; ask for 0 of one, and make it of other scans in a run of its own"
        )


def _convert(args: argparse.Namespace) -> int:
    from RibFracTrainingLib.simulation.bodies.atlas_labels import write_atlas_npz

    if idle := _changed(args, vars(args).keys() - {"output", "convert_atlas"}):
        raise _without_effect(idle, "beside --convert-atlas, which only writes the atlas")
    if args.output.suffix != ".npz":
        raise InputError(f"{args.output}: expected a name that ends with .npz for the converted atlas")
    write_atlas_npz(args.convert_atlas, args.output)
    print(f"wrote {args.output}")
    return 0


def _range(option: str, text: str, example: str) -> tuple[float, float]:
    """`0.7-0.8` or `0.7`, which is 0.7 to 0.7."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?", text, re.ASCII)
    if match is None:
        raise InputError(f"{option} {text!r}: expected a number or a range such as {example}")
    return float(match[1]), float(match[2] or match[1])


def _counts(option: str, text: str) -> tuple[int, int]:
    """`3-5` or `4`, which is 4 to 4."""
    match = re.fullmatch(r"(\d{1,99})(?:-(\d{1,99}))?", text, re.ASCII)
    if match is None:
        raise InputError(f"{option} {text!r}: expected a whole number or a range of them such as 6-14")
    return int(match[1]), int(match[2] or match[1])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
