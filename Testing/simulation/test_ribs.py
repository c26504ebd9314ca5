"""Centrelines of ribs, coordinates around them, and ribs found without a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.simulated_ribs import LEVELS, RADIUS_MM, RIB_HALF_MM, quarter_chest, whole_chest
from RibFracTrainingLib.simulation.body import Body, rib_name
from RibFracTrainingLib.simulation.ribs.finding import find_ribs
from RibFracTrainingLib.simulation.ribs.paths import rib_paths
from RibFracTrainingLib.simulation.ribs.places import place_on
from scipy import ndimage
from scipy.spatial import cKDTree

LENGTH_MM = RADIUS_MM * np.pi / 2 - 16  # of the ribs of a quarter chest
spacings = st.tuples(st.floats(0.6, 1.5), st.floats(0.6, 1.5), st.floats(0.6, 2.5))


@settings(max_examples=6, deadline=None)
@given(spacings)
def test_the_path_runs_along_the_middle_of_the_rib(spacing: tuple[float, float, float]) -> None:
    body = quarter_chest(spacing, noise=0)
    paths = rib_paths(body.ribs, spacing)
    assert [path.rib for path in paths] == [13, 14]
    for path in paths:
        assert path.length == pytest.approx(LENGTH_MM, abs=9)
        radius = np.hypot(path.points[:, 0], path.points[:, 1])
        assert np.abs(radius - RADIUS_MM).max() < 0.6
        away = path.points[:, :2] / radius[:, None]
        assert (path.outward[:, :2] * away).sum(axis=1).min() > 0.88
        frames = np.stack([path.tangents, path.outward, path.across], axis=1)
        assert np.allclose(frames @ frames.transpose(0, 2, 1), np.eye(3), atol=1e-6)


def test_staircases_of_a_coarse_mask_are_smoothed() -> None:
    fine, coarse = quarter_chest((0.75, 0.75, 0.75), noise=0), quarter_chest((1.5, 1.5, 1.5), noise=0)
    enlarged = coarse.ribs.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    for path, true in zip(
        rib_paths(enlarged, (0.75, 0.75, 0.75)), rib_paths(fine.ribs, fine.spacing), strict=True
    ):
        direction = path.tangents[5:-5]
        assert np.abs(np.diff(direction, axis=0)).max() < 0.03  # radians a millimetre; a rib bends by 0.014
        assert abs(path.length - true.length) < 4


def test_a_rib_cut_by_the_field_of_view_gives_a_path_for_each_piece() -> None:
    body = quarter_chest(noise=0)
    ribs = body.ribs.copy()
    ribs[50:60] = 0
    paths = [path for path in rib_paths(ribs, body.spacing) if path.rib == 13]
    assert len(paths) == 2
    assert paths[0].length >= paths[1].length > 25


def test_a_lump_where_ribs_touch_does_not_turn_the_path_aside() -> None:
    body = quarter_chest(noise=0)
    ribs = body.ribs.copy()
    lump = ndimage.distance_transform_edt(ribs != 13, body.spacing) < 6
    lump[:58], lump[66:] = False, False
    ribs[lump & (ribs == 0)] = 13
    path, true = (rib_paths(mask, body.spacing)[0] for mask in (ribs, body.ribs))
    assert abs(path.length - true.length) < 5
    distance, _ = cKDTree(true.points).query(path.points)
    assert distance.max() < 3


def test_a_crumb_has_no_path() -> None:
    ribs = np.zeros((30, 30, 30), np.uint8)
    ribs[10:16, 10:16, 10:16] = 5
    assert rib_paths(ribs, (1.0, 1.0, 1.0)) == []


def test_coordinates_around_a_place_are_millimetres_along_and_across() -> None:
    body = quarter_chest(noise=0)
    path = next(path for path in rib_paths(body.ribs, body.spacing) if path.rib == 13)
    place = place_on(body, path, path.length / 2, 20)
    start = [side.start for side in place.window]
    x, y, _ = (np.argwhere(place.known) + start).T * np.array(body.spacing)[:, None]
    near = np.abs(place.along[place.known]) < 15
    outward = np.hypot(x, y) - RADIUS_MM
    assert np.abs(place.outward[place.known] - outward)[near].max() < 1.5
    inside = place.depth > 0
    assert place.depth.max() == pytest.approx(min(RIB_HALF_MM), abs=0.6)
    assert (body.ribs[place.window] == 13)[ndimage.binary_erosion(inside)].all()


@pytest.fixture(scope="module")
def chest() -> tuple[Body, np.ndarray]:
    return whole_chest()


def test_ribs_of_a_whole_chest_are_found_and_nothing_else_is(chest) -> None:
    body, bones = chest
    found = find_ribs(body.hu, body.spacing)
    assert found.usable, found.verdict
    marked = found.ribs > 0
    ring = ndimage.binary_dilation((bones > 0) & (bones <= 24), iterations=1)
    assert ring[marked].mean() > 0.98
    assert marked[(bones > 0) & (bones <= 24)].mean() > 0.85
    for number in range(1, LEVELS + 1):
        for first in (0, 12):
            under = found.ribs[bones == first + number]
            assert np.median(under[under > 0]) == first + number


def test_a_scan_without_a_chest_has_no_ribs() -> None:
    found = find_ribs(np.full((60, 60, 40), 40.0, np.float32), (1.5, 1.5, 2.0))
    assert not found.usable
    assert not found.ribs.any()
    assert "no" in found.verdict


def test_half_a_cage_is_not_usable(chest) -> None:
    body, bones = chest
    one_side = np.where((bones > 12) & (bones <= 24), 50.0, body.hu).astype(np.float32)
    found = find_ribs(one_side, body.spacing)
    assert not found.usable
    assert "0 left" in found.verdict


def test_names_and_checks_of_a_body() -> None:
    assert (rib_name(3), rib_name(13)) == ("right 3", "left 1")
    with pytest.raises(ValueError, match="25"):
        rib_name(25)
    with pytest.raises(ValueError, match="one grid"):
        Body(np.zeros((2, 2, 2), np.float32), np.zeros((2, 2, 3), np.uint8), (1.0, 1.0, 1.0))
