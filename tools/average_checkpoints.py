"""Average the weights of trainings that went on from one another, or from the same weights.

    python tools/average_checkpoints.py mean.pth run16/latest.pth run17/latest.pth

Such a mean is often better than each of them, as their errors differ (Wortsman et al. 2022, "Model soups").
The file holds weights and the last checkpoint's metadata, for `ribfrac publish` and as `load_from` of a
training; nothing can be resumed from it. Exit status 2 where a checkpoint is unfit or the output exists.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "RibFracDetector"), str(ROOT / "RibFracTraining")]

from refusals import refusing_wrong_input  # noqa: E402
from RibFracDetectorLib.case.errors import InputError  # noqa: E402
from RibFracDetectorLib.case.whole_files import written_whole  # noqa: E402
from RibFracDetectorLib.engine.weights import load_weights  # noqa: E402
from RibFracTrainingLib.training.publish import read_configuration, read_meta  # noqa: E402
from RibFracTrainingLib.training.saving import save_tensors  # noqa: E402


def main() -> None:
    """Average what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("output", type=Path, help="file to write; it must not exist")
    parser.add_argument("checkpoints", type=Path, nargs="+", help="two or more, of `ribfrac train`")
    options = parser.parse_args()
    with refusing_wrong_input():
        average(options.output, options.checkpoints)
    print(f"mean of {len(options.checkpoints)} checkpoints in {options.output}")


def average(output: Path, checkpoints: list[Path]) -> None:
    """Write the mean of the checkpoints' weights.

    Raises:
        InputError: `output` exists, is no `.pth` file in a folder that exists, or cannot be written; one
            checkpoint alone or twice; one that is unfit (see `load_weights`) or of no training; networks,
            kinds of training data, classes or settings of inference that differ.
    """
    if output.suffix != ".pth" or not output.parent.is_dir():
        raise InputError(f"the output is {output}; expected NAME.pth in a folder that exists")
    if output.exists():
        raise InputError(f"{output} exists; expected a new file, choose another or remove it")
    if len(checkpoints) < 2:
        raise InputError(f"only {checkpoints[0]} is given; expected two checkpoints or more")
    meta = [read_meta(path) for path in checkpoints]
    trained = [read_configuration(path, one["config"]) for path, one in zip(checkpoints, meta, strict=True)]
    # Nothing averages these: the mean would be published with those of the last.
    _same(checkpoints, "inference settings", [_text(one["inference"]) for one in trained])
    _same(checkpoints, "classes", [_text(one.get("data", {}).get("label_map")) for one in trained])
    _same(checkpoints, "training data", [str(one.get("training_data")) for one in meta])
    weights = [load_weights(path) for path in checkpoints]
    _same(checkpoints, "networks", [one.architecture for one in weights])
    _refuse_twice(checkpoints, [one.sha256 for one in weights])
    states = [one.state_dict for one in weights]
    mean = {key: torch.stack([state[key] for state in states]).mean(dim=0) for key in states[0]}
    with written_whole(output) as temporary:
        save_tensors({"state_dict": mean, "meta": meta[-1]}, temporary, output)


def _refuse_twice(checkpoints: list[Path], hashes: list[str]) -> None:
    for number, digest in enumerate(hashes):
        first = hashes.index(digest)
        if first != number:
            raise InputError(f"{checkpoints[number]} is {checkpoints[first]} once more; take each once")


def _text(settings: Any) -> str:
    """The same for the same settings in any order."""
    return json.dumps(settings, sort_keys=True)


def _same(checkpoints: list[Path], what: str, values: list[str]) -> None:
    for path, value in zip(checkpoints, values, strict=True):
        if value != values[0]:
            raise InputError(f"{what} differ: {values[0]} in {checkpoints[0]}, {value} in {path}; take alike")


if __name__ == "__main__":
    main()
