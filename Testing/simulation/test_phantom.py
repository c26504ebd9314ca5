"""A phantom has the ribs it says, made of the tissues it says, and is a function of its seed."""

from __future__ import annotations

import json

import numpy as np
import pytest
from RibFracTrainingLib.simulation.bodies.anatomy import draw_anatomy
from RibFracTrainingLib.simulation.bodies.canvas import Canvas, Frame
from RibFracTrainingLib.simulation.bodies.noise import spongy_tile
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from RibFracTrainingLib.simulation.body import Body
from scipy import ndimage

TINY = PhantomSettings((3.5, 3.5, 4.5))


def test_all_ribs_are_there_each_in_one_piece(phantom: Body) -> None:
    for number in range(1, 25):
        _, pieces = ndimage.label(phantom.ribs == number, np.ones((3, 3, 3)))
        assert pieces == 1, f"rib {number}"


def test_ribs_are_numbered_by_side_and_from_the_top(phantom: Body) -> None:
    centres = np.array(ndimage.center_of_mass(phantom.ribs > 0, phantom.ribs, range(1, 25)))
    middle = phantom.ribs.shape[0] / 2
    assert (centres[:12, 0] < middle).all()
    assert (centres[12:, 0] > middle).all()
    for side in (centres[:12], centres[12:]):
        assert (np.diff(side[:9, 2]) < 0).all()


def test_ribs_are_as_long_and_thick_as_those_of_adults(phantom: Body) -> None:
    voxel = np.prod(phantom.spacing) / 1000  # ml
    volumes = np.bincount(phantom.ribs.ravel(), minlength=25)[1:] * voxel
    # TotalSegmentator's adult: the longest ribs have 15 to 25 ml, the first about 8, the last about 3.
    assert (volumes[[3, 4, 5, 6, 15, 16, 17, 18]] > 8).all()
    assert (volumes < 45).all()
    assert volumes[11] < volumes[5] / 2


def test_tissues_have_the_hu_of_their_kind() -> None:
    body, record = make_phantom(
        PhantomSettings((1.2, 1.2, 1.6), "right", (-40, 20)), np.random.default_rng(7)
    )
    soft, bone = record["phantom"]["soft"], record["phantom"]["bone"]
    inner = body.hu[12:-12, 12:-40, 4:-4]
    assert ((inner > -950) & (inner < -700)).mean() > 0.15  # lung
    assert (np.abs(inner - soft["muscle_hu"]) < 25).mean() > 0.08
    assert (np.abs(inner - soft["fat_hu"]) < 30).mean() > 0.01
    rib = body.ribs > 0
    core = ndimage.binary_erosion(rib, iterations=3)
    shell = rib & ~ndimage.binary_erosion(rib)
    assert abs(np.median(body.hu[core]) - bone["marrow_hu"]) < 80
    assert np.median(body.hu[shell]) > np.median(body.hu[core]) + 100
    assert body.hu.min() >= -1000.5
    assert body.hu.max() < 2200


def test_bone_is_dense_wherever_a_rib_is_marked(phantom: Body) -> None:
    assert (phantom.hu[phantom.ribs > 0] > -150).mean() > 0.99


def test_the_seed_decides_every_voxel() -> None:
    first, record = make_phantom(TINY, np.random.default_rng(11))
    again, _ = make_phantom(TINY, np.random.default_rng(11))
    other, _ = make_phantom(TINY, np.random.default_rng(12))
    assert np.array_equal(first.hu, again.hu)
    assert np.array_equal(first.ribs, again.ribs)
    assert first.hu.shape != other.hu.shape or not np.array_equal(first.hu, other.hu)
    json.dumps(record)


@pytest.mark.parametrize(("part", "others"), [("right", range(13, 25)), ("left", range(1, 13))])
def test_half_a_chest_has_the_ribs_of_its_side(part: str, others: range) -> None:
    whole, _ = make_phantom(TINY, np.random.default_rng(5))
    half, _ = make_phantom(PhantomSettings(TINY.spacing, part), np.random.default_rng(5))
    assert half.hu.shape[0] < 0.7 * whole.hu.shape[0]
    own = set(range(1, 25)) - set(others)
    assert own <= set(np.unique(half.ribs).tolist())
    # The necks of the other side reach up to the spine, the rest of them must be cut off.
    assert np.isin(half.ribs, list(others)).sum() < 0.2 * (half.ribs > 0).sum()


def test_anatomy_varies_within_its_ranges() -> None:
    drawn = [draw_anatomy(np.random.default_rng(seed)) for seed in range(200)]
    cortex = [anatomy.bone.cortex_mm for anatomy in drawn]
    assert min(cortex) >= 0.3
    assert max(cortex) <= 1.3
    assert np.std(cortex) > 0.1
    assert all(-910 <= anatomy.soft.lung_hu <= -790 for anatomy in drawn)
    assert {anatomy.build.arms_down for anatomy in drawn} == {True, False}


def test_spongy_bone_stays_uneven_when_a_scan_has_blurred_it() -> None:
    spacing = (0.8, 0.7, 1.5)
    tile = spongy_tile(np.random.default_rng(3), spacing)
    assert abs(float(tile.mean())) < 0.01
    assert float(tile.std()) == pytest.approx(1, abs=0.01)
    seen = ndimage.gaussian_filter(tile, [0.9 / step for step in spacing], mode="wrap")
    assert 0.6 < float(seen.std()) < 0.9
    step_mm = 6.0
    shifted = np.roll(seen, round(step_mm / spacing[0]), axis=0)
    assert np.corrcoef(seen.ravel(), shifted.ravel())[0, 1] < 0.8, "islands, not one level for the whole rib"


def test_a_soft_border_is_crossed_over_its_width() -> None:
    canvas = Canvas(Frame((2, 2, 2), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0)))
    distance = np.linspace(-3, 3, 601, dtype=np.float32)
    for soft_mm in (0.0, 1.5):
        part = canvas.cover(distance, soft_mm)
        crossing = distance[(part > 0) & (part < 1)]
        assert np.ptp(crossing) == pytest.approx(canvas.frame.edge + soft_mm, abs=0.05)
        assert float(part[300]) == pytest.approx(0.5)
