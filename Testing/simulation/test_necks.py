"""Ribs of an atlas reach their vertebrae, and bodies made of it have a cleft between the two."""

from __future__ import annotations

import numpy as np
import pytest
from ribfrac_testing.simulated_ribs import labels_of
from RibFracTrainingLib.simulation.bodies import atlas as atlas_bodies
from RibFracTrainingLib.simulation.bodies.atlas_file import Atlas, make_atlas
from RibFracTrainingLib.simulation.bodies.necks import HEAD_MM, add_necks
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from RibFracTrainingLib.simulation.body import Body
from scipy import ndimage

SPACING = (1.5, 1.5, 1.5)
SIZE = (120, 60, 24)
CANAL = np.array([90.0, 55.0])  # mm


def back(ends_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A right and a left rib that end so far from the canal's middle, a vertebra and the cord."""
    x, y, z = (np.indices(SIZE) * np.array(SPACING)[:, None, None, None]).astype(float)
    rods = np.hypot(y - CANAL[1] - 8, z - 18) < 4
    ribs = np.where(rods & (x < CANAL[0] - ends_mm), 7, 0) + np.where(rods & (x > CANAL[0] + ends_mm), 19, 0)
    cord = np.hypot(x - CANAL[0], y - CANAL[1]) < 5
    body = np.hypot(x - CANAL[0], y - CANAL[1] + 22) < 15
    return ribs.astype(np.uint8), body, cord


def test_a_rib_without_a_neck_gets_one_on_either_side() -> None:
    ribs, spine, cord = back(40)
    added = add_necks(ribs, spine, cord, SPACING)
    assert np.array_equal(added[ribs > 0], ribs[ribs > 0])
    assert not added[spine].any()
    for number, side in ((7, -1), (19, 1)):
        assert ndimage.label(added == number)[1] == 1
        places = np.argwhere(added == number) * SPACING
        head = CANAL + np.array([side * HEAD_MM[0], HEAD_MM[1]])
        assert np.linalg.norm(places[:, :2] - head, axis=1).min() < 2
        assert (side * (places[:, 0] - CANAL[0]) > 0).all()


@pytest.mark.parametrize("ends_mm", [20.0, 75.0])
def test_whole_ribs_and_ribs_out_of_reach_stay(ends_mm: float) -> None:
    ribs, spine, cord = back(ends_mm)
    assert np.array_equal(add_necks(ribs, spine, cord, SPACING), ribs)


def test_without_a_cord_nothing_is_known_and_nothing_changes() -> None:
    ribs, spine, cord = back(40)
    assert np.array_equal(add_necks(ribs, spine, np.zeros_like(cord), SPACING), ribs)


def test_a_neck_does_not_go_on_behind_a_vertebra() -> None:
    ribs, spine, cord = back(40)
    x = np.arange(SIZE[0])[:, None, None] * SPACING[0]
    wall = spine | (np.abs(x - CANAL[0]) < 30)
    added = add_necks(ribs, wall, cord, SPACING)
    assert added.sum() > ribs.sum()
    assert not added[np.broadcast_to(np.abs(x - CANAL[0]) < 30, SIZE)].any()


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    """Of a phantom whose vertebrae touch the heads of its ribs."""
    spacing = (2.2, 2.2, 2.2)
    body, _ = make_phantom(PhantomSettings(spacing, "chest"), np.random.default_rng(4))
    labels, names = labels_of(body)
    x = np.arange(labels.shape[0])[:, None, None]
    middle = np.abs(x - labels.shape[0] / 2) * spacing[0] < 45
    names["vertebrae_T7"] = max(names.values()) + 1
    around = ndimage.binary_dilation(body.ribs > 0, iterations=2)
    labels[middle & (body.ribs == 0) & (around | (body.hu > 250))] = names["vertebrae_T7"]
    return make_atlas(labels, spacing, names)


@pytest.mark.slow
def test_ribs_and_vertebrae_are_a_cleft_apart(atlas: Atlas, monkeypatch: pytest.MonkeyPatch) -> None:
    def body(cleft_mm: float) -> Body:
        monkeypatch.setattr(atlas_bodies, "CLEFT_MM", (cleft_mm, cleft_mm))
        args = ((1.0, 1.0, 1.2), "right", (-30, 20), np.random.default_rng(1))
        return atlas_bodies.make_atlas_body(atlas, *args)[0]

    closed, open_ = body(0.0), body(3.0)
    lost = (closed.ribs > 0) & (open_.ribs == 0)
    assert lost.sum() * np.prod(closed.spacing) > 100  # mm^3
    assert not ((open_.ribs > 0) & (closed.ribs == 0)).any()
    assert np.median(closed.hu[lost]) > 250
    assert np.median(open_.hu[lost]) < np.median(closed.hu[lost]) - 150
    # Far from vertebrae, on the outer side of the chest, ribs are as they were.
    outside = slice(0, closed.hu.shape[0] // 3)
    assert np.array_equal(closed.ribs[outside], open_.ribs[outside])
    assert np.abs(closed.hu[outside] - open_.hu[outside]).max() < 1
