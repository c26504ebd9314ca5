"""Imitators: they change the scan where they are, add no bone break, and leave the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
from ribfrac_testing.simulated_ribs import quarter_chest
from RibFracTrainingLib.simulation.lesions.imitators import FLECKS, GROOVE, JOINT, insert_imitators
from RibFracTrainingLib.simulation.lesions.planning import plan_fractures
from RibFracTrainingLib.simulation.lesions.slices import STEP_MM, averaged_slice, motion_step
from RibFracTrainingLib.simulation.lesions.spots import ANY_RIB_MM
from RibFracTrainingLib.simulation.ribs.paths import rib_paths
from scipy import ndimage

BODY = quarter_chest(noise=0)


def made_of(kind: str, tries: int = 30):
    """The first insertion of one imitator that is of a kind."""
    for seed in range(tries):
        hu, made = insert_imitators(BODY, 1, np.random.default_rng(seed))
        if made and made[0].kind == kind:
            return hu, made[0]
    raise AssertionError(f"no {kind} in {tries} tries")


@pytest.mark.parametrize("kind", [GROOVE, JOINT, FLECKS])
def test_an_imitator_changes_its_place_and_nothing_else(kind: str) -> None:
    hu, imitator = made_of(kind)
    changed = np.argwhere(hu != BODY.hu)
    assert np.abs(hu - BODY.hu).max() > 80
    distance = np.linalg.norm((changed - imitator.centre) * np.array(BODY.spacing), axis=1)
    assert distance.max() < 70
    away = ndimage.distance_transform_edt(BODY.ribs == 0, BODY.spacing) > 14
    assert np.array_equal(hu[away], BODY.hu[away])


def test_a_groove_is_dark_and_leaves_one_cortex_whole() -> None:
    hu, _ = made_of(GROOVE)
    assert (hu <= BODY.hu).all()
    rib = BODY.ribs[hu < BODY.hu - 50].max()
    path = next(path for path in rib_paths(BODY.ribs, BODY.spacing) if path.rib == rib)
    across = [
        path.points + turn * path.outward * np.sign(side) for side in (-1, 1) for turn in (2.0, 2.5, 3.0)
    ]
    cortex = [
        ndimage.map_coordinates(hu, line.T / np.array(BODY.spacing)[:, None], order=1) for line in across
    ]
    inner, outer = np.max(cortex[:3], axis=0)[10:-10], np.max(cortex[3:], axis=0)[10:-10]
    assert max(inner.min(), outer.min()) > 450


def test_a_joint_is_softer_than_bone_and_flecks_are_denser_than_tissue() -> None:
    joint, _ = made_of(JOINT)
    assert (BODY.hu - joint)[BODY.ribs > 0].max() > 300
    flecks, _ = made_of(FLECKS)
    assert (flecks >= BODY.hu).all()


def test_imitators_keep_away_from_fractures() -> None:
    plan = plan_fractures(BODY, 2, np.random.default_rng(0))
    _, made = insert_imitators(BODY, 8, np.random.default_rng(0), avoid=plan)
    assert made
    for imitator in made:
        for fracture in plan:
            distance = np.linalg.norm((np.array(imitator.centre) - fracture.centre) * BODY.spacing)
            assert distance > ANY_RIB_MM - 2


def test_a_motion_step_moves_a_band_with_its_ribs() -> None:
    moved = motion_step(BODY, np.random.default_rng(2))
    band = np.flatnonzero((moved.hu != BODY.hu).any(axis=(0, 1)))
    assert 0 < len(band) < BODY.hu.shape[2]
    assert np.array_equal(band, np.arange(band[0], band[-1] + 1))
    middle = next(z for z in band if BODY.ribs[:, :, z].any() and moved.ribs[:, :, z].any())
    shift = np.subtract(
        *(np.argwhere(ribs[:, :, middle] > 0).mean(axis=0) for ribs in (moved.ribs, BODY.ribs))
    )
    assert STEP_MM[0] - 1 < np.linalg.norm(shift * BODY.spacing[:2]) < STEP_MM[1] + 1


def test_an_averaged_slice_is_one_slice() -> None:
    changed = averaged_slice(BODY, np.random.default_rng(0)).hu != BODY.hu
    assert changed.any(axis=(0, 1)).sum() == 1
