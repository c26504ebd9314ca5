"""The examples of RibFracTraining/README.md do what it says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from ribfrac_testing.reference import REPOSITORY
from RibFracTrainingLib.training.configuration import load_configuration
from RibFracTrainingLib.training.configuration.layers import DeprecatedKeyWarning
from RibFracTrainingLib.training.parts import KINDS

README = (REPOSITORY / "RibFracTraining" / "README.md").read_text(encoding="utf-8")
MY_LOSSES = """
class MyLosses:
    def __init__(self, weight: float = 1.0):
        self.weight = weight
"""


def test_the_example_configuration_loads(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "my_losses.py").write_text(MY_LOSSES)
    path = tmp_path / "example.yaml"
    path.write_text(example, encoding="utf-8")
    loaded = load_configuration(str(path), [], KINDS)
    assert loaded.part("head").name == "dynamic"
    assert loaded.part("losses").parameters["weight"] == 2.0
    assert loaded.part("schedule").parameters["min_lr"] == loaded.part("optimizer").parameters["lr"] == 5e-5
    with pytest.warns(DeprecatedKeyWarning):
        assert load_configuration(str(path), ["train.rate=2e-5"], KINDS).plain["optimizer"]["lr"] == 2e-5


def test_data_sets_that_are_joined_have_cases_of_different_names() -> None:
    """Ids tell seed, split and number alone."""
    commands = README.replace("\\\n", " ").splitlines()
    simulated = [shlex.split(line) for line in commands if line.startswith("ribfrac simulate data/")]
    seeds = {words[2]: words[words.index("--seed") + 1] if "--seed" in words else "0" for words in simulated}
    (joined,) = re.findall(r"join_data_sets\.py\s+([^`]*)`", README)
    sources = [name.partition(":")[0] for name in joined.split()[1:]]
    assert len({seeds[name] for name in sources}) == len(sources) == 2
