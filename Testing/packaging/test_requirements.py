"""The pinned versions serve what pyproject.toml asks for, and are those the tests run with."""

from __future__ import annotations

import re
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
import tomllib
from packaging.requirements import Requirement
from packaging.version import Version
from ribfrac_testing.reference import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
PINS = dict(
    line.split("==")
    for line in (REPOSITORY / "requirements" / "locked.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
# Virtual environments bring pip, and PyTorch pins its own CUDA packages.
UNPINNED = re.compile(r"pip|ribfrac|nvidia-.*|cuda-.*|triton")


def canonical(name: str) -> str:
    """The name of a distribution as the pins spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_pins_satisfy_pyproject() -> None:
    wanted = [
        *PROJECT["build-system"]["requires"],
        *PROJECT["project"]["dependencies"],
        *(item for extra in PROJECT["project"]["optional-dependencies"].values() for item in extra),
    ]
    for requirement in map(Requirement, wanted):
        if requirement.name == PROJECT["project"]["name"]:
            continue  # one extra that includes another
        if requirement.marker is None or requirement.marker.evaluate():
            name = canonical(requirement.name)
            assert name in PINS, f"run `make lock`: {requirement} is not pinned"
            assert requirement.specifier.contains(PINS[name]), f"{requirement} is pinned to {PINS[name]}"


@pytest.mark.skipif(
    not Path(sys.prefix, ".installed").exists(), reason="this environment was not made by `make install`"
)
def test_environment_holds_the_pins_and_nothing_else() -> None:
    installed = {
        canonical(found.name): Version(found.version).public
        for found in distributions()
        if not UNPINNED.fullmatch(canonical(found.name))
    }
    assert installed == PINS, "run `make install`; for a new dependency, first `make lock`"
