"""`ribfrac train`: one configuration, one run folder."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..case.errors import RibFracError
from .given_path import given_path
from .lifeline import end_with_standard_input

if TYPE_CHECKING:
    from RibFracTrainingLib.training.configuration import LoadedConfiguration

PROGRESS_STYLES = ("auto", "bar", "jsonl", "none")
CONFIGURATIONS = "ribfrac_s, ribfrac_d, simulated, simulated_voxels, smoke"
"""Those that come with RibFracTraining, which need not be here when the help is shown."""
NEEDED = ("RibFracTrainingLib", "pytorch_lightning", "omegaconf", "pydantic", "tensorboardX", "psutil")


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add `train` to the parser of `ribfrac`."""
    parser = subparsers.add_parser(
        "train",
        help="train a detector",
        description="Train a detector from one configuration. For research use only.",
    )
    add = parser.add_argument
    add("config", metavar="CONFIG|NAME", help=f"a YAML file, or {CONFIGURATIONS}")
    add(
        "overrides",
        nargs="*",
        default=[],
        metavar="KEY=VALUE",
        help="e.g. data.folder=DIR optimizer.lr=1e-4; ~KEY deletes a key",
    )
    add("--output", type=given_path, metavar="DIR", help="run folder (default: work_dirs/NAME)")
    add("--resume", metavar="auto|FILE", help="go on from the newest checkpoint of the run folder, or FILE")
    add("--print", action="store_true", help="show the whole configuration and do nothing else")
    add("--no-validate", dest="validate", action="store_false", help="no validation between epochs")
    add("--progress", choices=PROGRESS_STYLES, default="auto", help="jsonl is for programs (default auto)")
    add("--lifeline", action="store_true", help="stop when standard input ends: the starter is gone")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, or print the configuration.

    Raises:
        RibFracError: training packages are missing; see `RibFracTrainingLib.training.loop.run.train`.
    """
    require_training_packages()
    configuration = load(arguments.config, arguments.overrides)
    if arguments.print:
        print(configuration.as_yaml(), end="")
        return 0
    from RibFracTrainingLib.training.loop.run import RunOptions, train

    if arguments.progress == "jsonl":
        _say_hello()
    if arguments.lifeline:
        end_with_standard_input()
    folder = arguments.output or Path("work_dirs") / configuration.name
    train(configuration, RunOptions(folder, arguments.resume, arguments.validate, arguments.progress))
    return 0


def require_training_packages() -> None:
    """Refuse in one line where training is not installed.

    Raises:
        RibFracError: with the names of what is missing.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        # Not RibFrac itself, in the application: another copy would hide the one that the application shows.
        packages = " ".join(name.replace("_", "-") for name in missing if not name.endswith("Lib"))
        raise RibFracError(
            f"training needs {', '.join(missing)}, not installed here; in a checkout of RibFrac: "
            f'`pip install ".[train]"` (for the application: `PythonSlicer -m pip install {packages}`)'
        )


def load(config: str, overrides: Sequence[str]) -> LoadedConfiguration:
    """A checked configuration; keys of an older version are told.

    Raises:
        InputError: see `RibFracTrainingLib.training.configuration.load_configuration`.
    """
    from RibFracTrainingLib.training.configuration import load_configuration
    from RibFracTrainingLib.training.parts import KINDS

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=_deprecated())
        configuration = load_configuration(config, overrides, KINDS)
    for warning in caught:
        print(f"ribfrac: {warning.message}", file=sys.stderr, flush=True)
    return configuration


def _deprecated() -> type[Warning]:
    from RibFracTrainingLib.training.configuration.layers import DeprecatedKeyWarning

    return DeprecatedKeyWarning


def _say_hello() -> None:
    import json

    from ..case.handshake import hello_event

    print(json.dumps(hello_event()), flush=True)
