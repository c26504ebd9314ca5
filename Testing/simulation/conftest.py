"""A coarse phantom of a whole chest, made once; the scripts of the campaigns."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from ribfrac_testing.campaigns import Campaign
from ribfrac_testing.reference import REPOSITORY
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from RibFracTrainingLib.simulation.body import Body

COARSE = (1.8, 1.8, 2.2)


@pytest.fixture(scope="session")
def phantom() -> Body:
    """A chest of about four million voxels."""
    return make_phantom(PhantomSettings(COARSE), np.random.default_rng(3))[0]


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """Imports a script of the campaigns by name; their folder is no package."""
    monkeypatch.syspath_prepend(REPOSITORY / "Testing" / "Campaigns")
    return importlib.import_module
