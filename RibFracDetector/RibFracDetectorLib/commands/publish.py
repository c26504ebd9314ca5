"""`ribfrac publish`: weights that `ribfrac detect` takes, out of a training checkpoint."""

from __future__ import annotations

import argparse

from .given_path import given_path
from .train import require_training_packages


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add `publish` to the parser of `ribfrac`."""
    parser = subparsers.add_parser(
        "publish",
        help="make weights for detection from a training checkpoint",
        description="Write the weights alone, and their entry in the catalogue beside them (models.json).",
    )
    add = parser.add_argument
    add("checkpoint", type=given_path, metavar="CHECKPOINT", help="e.g. work_dirs/NAME/best_mAP_epoch_24.pth")
    add(
        "output",
        type=given_path,
        metavar="OUTPUT",
        help="NAME.pth becomes NAME-<8 digits of its SHA-256>.pth",
    )
    add("--half", action="store_true", help="in half precision: half the size")
    add(
        "--training-data",
        choices=("real", "simulated"),
        help="what the fractures were, where the data set does not say",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Publish.

    Raises:
        RibFracError: see `RibFracTrainingLib.training.publish.publish`.
    """
    require_training_packages()
    from RibFracTrainingLib.training.publish import publish

    published = publish(arguments.checkpoint, arguments.output, arguments.half, arguments.training_data)
    print(f"{published.file}\n{published.catalogue}: {published.name}")
    return 0
