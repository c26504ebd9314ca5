"""Heights at which a body has no rib are refused, and the text tells where it has some."""

from __future__ import annotations

import functools
import re

import numpy as np
import pytest
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.simulation.bodies.atlas import make_atlas_body
from RibFracTrainingLib.simulation.bodies.atlas_file import Atlas, make_atlas
from RibFracTrainingLib.simulation.bodies.atlas_ribs import rib_names
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from RibFracTrainingLib.simulation.body import Body

COARSE = (5.0, 5.0, 5.0)


def phantom(heights: tuple[float, float]) -> Body:
    return make_phantom(PhantomSettings(COARSE, "left", heights), np.random.default_rng(4))[0]


@functools.cache
def straight_ribs() -> Atlas:
    labels = np.zeros((30, 10, 52), np.uint8)
    for rib in range(12):
        labels[3:10, 3:7, 48 - 4 * rib : 50 - 4 * rib] = 1 + rib
        labels[20:27, 3:7, 48 - 4 * rib : 50 - 4 * rib] = 13 + rib
    return make_atlas(labels, (2.5, 2.5, 2.5), dict(zip(rib_names(), range(1, 25), strict=True)))


def over_atlas(heights: tuple[float, float]) -> Body:
    return make_atlas_body(straight_ribs(), COARSE, "chest", heights, np.random.default_rng(4))[0]


def ribs_told(make, heights: tuple[float, float]) -> tuple[float, float]:
    """The range that the refusal of some heights names."""
    with pytest.raises(InputError, match="no rib lies there") as refused:
        make(heights)
    low, high = map(float, re.search(r"between (-?\d+) and (-?\d+) mm", str(refused.value)).groups())
    return low, high


@pytest.mark.parametrize("make", [phantom, over_atlas])
def test_heights_without_ribs_are_refused_with_those_of_the_ribs(make) -> None:
    low, high = ribs_told(make, (300.0, 340.0))
    assert (low, high) == ribs_told(make, (-400.0, -360.0))
    assert -300 < low < 0 < high < 300


@pytest.mark.slow
@pytest.mark.parametrize("make", [phantom, over_atlas])
def test_there_are_ribs_at_the_heights_that_are_told(make) -> None:
    low, high = ribs_told(make, (300.0, 340.0))
    for near_an_end in ((low, low + 20), (high - 20, high)):
        assert make(near_an_end).ribs.any()
