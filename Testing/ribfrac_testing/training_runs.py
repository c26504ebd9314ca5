"""Trainings that take seconds, as processes of their own, and what their folders hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from RibFracTrainingLib.training.configuration import load_configuration
from RibFracTrainingLib.training.loop import run
from RibFracTrainingLib.training.parts import KINDS
from torch import Tensor

from .reference import REPOSITORY

PARTS = Path(__file__).with_name("tiny_network.py")
TINY = """
_base_: smoke
data:
  simulated: {training: 4, test: 2, fractures: [1, 3], size: [64, 64, 48]}
sampling: {crop_size: [48, 48, 48]}
augmentation: {patch_size: [32, 32, 32], deformation: {probability: 0.5}}
network: {name: "%s:TinyNetwork"}
optimizer: {lr: 0.01}
validation: {every_epochs: null}
loop: {epochs: 3}
"""


def write_tiny_configuration(folder: Path, more: str = "") -> Path:
    """A configuration of a training with a tiny network; it makes its own data."""
    path = folder / "tiny.yaml"
    path.write_text(TINY % PARTS + more, encoding="utf-8")
    return path


def write_training_checkpoint(
    path: Path,
    configuration: str,
    state: dict[str, Tensor],
    kind: str,
    *,
    overrides: Sequence[str] = (),
    epoch: int = 3,
) -> Path:
    """A checkpoint as the loop writes it, of a full configuration and the given weights."""
    loaded = load_configuration(configuration, list(overrides), KINDS)
    meta = {"epoch": epoch, "iter": 9, "seed": 0, "config": loaded.as_yaml(), "training_data": kind}
    meta["inference"] = json.dumps(loaded.plain["inference"])
    torch.save({"state_dict": state, "optimizer_states": [{"state": {}}], "meta": meta}, path)
    return path


def train_here(configuration: Path, output: Path, *overrides: str, **options: Any) -> None:
    """Train in this process, which has everything loaded already; errors come as exceptions."""
    loaded = load_configuration(str(configuration), overrides, KINDS)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a tiny network gains nothing from more, and a busy machine loses much
    try:
        run.train(loaded, run.RunOptions(output, progress="none", **options))
    finally:
        torch.set_num_threads(threads)


def callback(name: str, **parameters: object) -> str:
    """An override that adds one of the callbacks of `tiny_network.py`."""
    keys = "".join(f", {key}: {value}" for key, value in parameters.items())
    return f"callbacks=[{{name: '{PARTS}:{name}'{keys}}}]"


def environment(**more: str) -> dict[str, str]:
    """Of a process that finds both libraries and uses one thread."""
    libraries = os.pathsep.join(str(REPOSITORY / module) for module in ("RibFracDetector", "RibFracTraining"))
    ours = {"PYTHONPATH": libraries, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **ours, **more}


def train_command(*arguments: object) -> list[str]:
    """`ribfrac train` with this Python."""
    return [sys.executable, "-m", "RibFracDetectorLib", "train", *map(str, arguments)]


def train(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a training to its end."""
    return subprocess.run(
        train_command(*arguments),
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def trained(*arguments: object, **more: str) -> None:
    """Run a training that must succeed."""
    done = train(*arguments, **more)
    assert done.returncode == 0, done.stderr


def checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint as anybody may load it."""
    return torch.load(path, weights_only=True, map_location="cpu")


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Where two checkpoints differ, in the parts that decide how training goes on."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return [] if torch.equal(one, other) else [path]
    if isinstance(one, dict) and isinstance(other, dict):
        if one.keys() != other.keys():
            return [f"{path}: keys"]
        return [fault for key in one for fault in differences(one[key], other[key], f"{path}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [
            fault
            for index, pair in enumerate(zip(one, other, strict=True))
            for fault in differences(*pair, f"{path}/{index}")
        ]
    return [] if one == other else [f"{path}: {one} and {other}"]


def decisive(content: dict[str, Any]) -> dict[str, Any]:
    """What of a checkpoint decides how training goes on; times and Lightning's own counters do not."""
    keys = ("state_dict", "current_state_dict", "optimizer_states", "lr_schedulers", "ribfrac", "global_step")
    return {key: content[key] for key in keys if key in content}


def shared_data(tiny: Path) -> list[str]:
    """Overrides that make a run use the data set of the first one."""
    return ["data.simulated=null", f"data.folder={tiny.parent / 'first' / 'data'}"]
