"""`ribfrac info`: what an installation can use, and what a checkpoint holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import torch
from ribfrac_testing.command_line import ribfrac
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.training_runs import write_training_checkpoint

CATALOGUE = json.loads((REPOSITORY / "Resources" / "models.json").read_text())


def facts(*arguments: str | Path) -> dict:
    done = ribfrac("info", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_installation() -> None:
    told = facts()
    assert told["versions"]["torch"] == torch.__version__
    assert told["models"] == [model["name"] for model in CATALOGUE["models"]]
    assert any("cpu" in str(device) for device in told["devices"])


def test_a_bare_checkpoint(busy_weights: Path) -> None:
    told = facts(busy_weights)
    assert told["architecture"] == "S"
    assert told["sha256"] == hashlib.sha256(busy_weights.read_bytes()).hexdigest()
    assert told["parameters"] == sum(tensor.numel() for tensor in seeded_state_dict("S").values())
    assert (told["catalogue"], told["training_data"], told["inference"]) == (None, "unknown", {})
    lines = ribfrac("info", busy_weights).stdout.splitlines()
    assert "architecture: S" in lines
    assert "inference: none" in lines


def test_a_checkpoint_of_a_training(tmp_path: Path) -> None:
    state = dict(seeded_state_dict("S"))
    told = facts(write_training_checkpoint(tmp_path / "latest.pth", "simulated", state, "simulated"))
    assert told["training_data"] == "simulated"
    assert told["inference"]["roi_size"] == [64, 64, 48]
    assert told["meta"]["epoch"] == 3


def test_the_demonstration_is_known_by_its_file() -> None:
    (model,) = CATALOGUE["models"]
    told = facts(REPOSITORY / "Resources" / model["file"])
    assert (told["catalogue"], told["training_data"]) == (model["name"], "simulated")
    assert told["inference"] == model["inference"]


def test_what_is_no_checkpoint_is_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_text("weights")
    done = ribfrac("info", tmp_path / "model.pth")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is not a PyTorch checkpoint" in done.stderr
