"""A coarse phantom of a whole chest, made once."""

from __future__ import annotations

import numpy as np
import pytest
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from RibFracTrainingLib.simulation.body import Body

COARSE = (1.8, 1.8, 2.2)


@pytest.fixture(scope="session")
def phantom() -> Body:
    """A chest of about four million voxels."""
    return make_phantom(PhantomSettings(COARSE), np.random.default_rng(3))[0]
