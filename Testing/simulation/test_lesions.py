"""Inserted fractures: what changes, what must not, and the label over it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.simulated_ribs import RADIUS_MM, quarter_chest
from RibFracTrainingLib.simulation.lesions.broken import COMPLETE
from RibFracTrainingLib.simulation.lesions.fracture import (
    BUCKLE,
    DISPLACED,
    HEALED,
    LABELS,
    NON_DISPLACED,
    SEGMENTAL,
    SHAM,
    Fracture,
)
from RibFracTrainingLib.simulation.lesions.insertion import Insertion, insert_fractures, sham_insertions
from RibFracTrainingLib.simulation.lesions.planning import plan_fractures, plan_shams
from RibFracTrainingLib.simulation.lesions.spots import ANY_RIB_MM, SAME_RIB_MM
from scipy import ndimage

SPACING = (0.8, 0.8, 1.0)
NOISE = 12.0
BODY = quarter_chest(SPACING, NOISE)
QUIET = quarter_chest(SPACING, noise=0.0)
REACH_MM = 22.0  # from the rib to the farthest tissue that swells
PLACES = np.arange(-90, 91) / 10  # of a profile, mm outward from the middle of the rib
MIDDLE_MM = RADIUS_MM / np.sqrt(2)  # x and y of the middle of each rib


def planned(kind: str, seed: int, **parameters: float) -> Fracture:
    """The first of some fractures with some parameters set."""
    fracture, *_ = plan_fractures(BODY, 2, np.random.default_rng(seed), {kind: 1.0})
    return replace(fracture, parameters={**fracture.parameters, **parameters})


def inserted(fracture: Fracture, body=BODY) -> Insertion:
    return insert_fractures(body, (fracture,), np.random.default_rng(5))


def in_the_middle(kind: str, **parameters: float) -> Fracture:
    """A straight, complete break in the middle of rib 13 with nothing beside it."""
    straight = {"tilt_outward": 0, "tilt_across": 0, "roughness": 0, "open_from": COMPLETE, "swelling": 0}
    tapers = {"taper_before": 25, "taper_behind": 25}
    fracture = planned(kind, 0, **straight, **tapers, **parameters)
    centre = np.round(np.array([MIDDLE_MM, MIDDLE_MM, 16.0]) / SPACING).astype(int)
    return replace(fracture, rib=13, centre=tuple(centre.tolist()))


def profile(hu: np.ndarray, along: float, height: float = 16.0) -> np.ndarray:
    """HU across the rib, outward in steps of 0.1 mm from -9 to 9, `along` mm before its middle."""
    angle = np.pi / 4 - along / RADIUS_MM
    radius = RADIUS_MM + PLACES
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), np.full_like(radius, height)])
    return ndimage.map_coordinates(hu, points / np.array(SPACING)[:, None], order=1)


def shift_between(before: np.ndarray, after: np.ndarray) -> float:
    """By how many mm a profile has moved outward, from its bone above 300 HU."""
    centres = [float(np.average(PLACES, weights=p.clip(300) - 300)) for p in (before, after)]
    return centres[1] - centres[0]


any_kind = st.sampled_from([*LABELS])


@settings(max_examples=10, deadline=None)
@given(any_kind, st.integers(0, 10_000))
def test_label_is_one_solid_piece_over_bone_and_the_rest_is_untouched(kind: str, seed: int) -> None:
    plan = plan_fractures(BODY, 2, np.random.default_rng(seed), {kind: 1.0})
    made = insert_fractures(BODY, plan, np.random.default_rng(seed))
    far = ndimage.distance_transform_edt(BODY.ribs == 0, SPACING) > REACH_MM
    assert np.array_equal(made.hu[far], BODY.hu[far])
    for number, fracture in enumerate(plan, start=1):
        label = made.instances == number
        assert made.labels[number] == LABELS[kind]
        assert ndimage.label(label)[1] == 1
        assert np.array_equal(ndimage.binary_fill_holes(label), label)
        assert label[fracture.centre]
        assert (BODY.ribs[label] == fracture.rib).mean() > 0.3
        assert (made.hu != BODY.hu)[label].any()
    other = set(BODY.ribs[made.instances > 0]) - {fracture.rib for fracture in plan}
    assert other <= {0}


@settings(max_examples=5, deadline=None)
@given(any_kind, st.integers(0, 10_000))
def test_changes_stay_near_their_fracture(kind: str, seed: int) -> None:
    fracture = planned(kind, seed)
    changed = np.argwhere(inserted(fracture).hu != BODY.hu) - fracture.centre
    assert len(changed)
    assert np.linalg.norm(changed * SPACING, axis=1).max() < 60


@pytest.mark.parametrize("kind", [*LABELS])
def test_same_plan_and_seed_give_the_same_voxels(kind: str) -> None:
    one, other = (
        insert_fractures(
            BODY, plan_fractures(BODY, 2, np.random.default_rng(4), {kind: 1.0}), np.random.default_rng(6)
        )
        for _ in range(2)
    )
    assert np.array_equal(one.hu, other.hu)
    assert np.array_equal(one.instances, other.instances)
    assert one.records == other.records


@pytest.mark.parametrize(("step", "direction"), [(2.0, 0), (4.0, 0), (6.0, 180)])
def test_displaced_ends_stand_apart_by_the_step(step: float, direction: float) -> None:
    # 2.5 mm from the break the rib has bent back by 3 %.
    fracture = in_the_middle(DISPLACED, step=step, direction=direction, first_share=0.5, pull=0, gap=0.5)
    after = inserted(fracture, QUIET).hu
    shifts = [shift_between(profile(QUIET.hu, at), profile(after, at)) for at in (-2.5, 2.5)]
    assert abs(shifts[1] - shifts[0]) == pytest.approx(
        0.97 * step, abs=0.3
    )  # the rib bends from the break on


@pytest.mark.parametrize("direction", [0, 180])
def test_the_label_covers_both_ends_and_all_between(direction: float) -> None:
    fracture = in_the_middle(
        DISPLACED, step=6, direction=direction, first_share=0.3, pull=1, gap=1, half_length=7
    )
    made = inserted(fracture, QUIET)
    label = made.instances.astype(np.float32)
    for at in (-4.0, 0.0, 4.0):
        covered = profile(label, at) > 0.4
        assert covered[profile(made.hu, at) > 500].all()
        assert np.diff(np.flatnonzero(covered)).max() == 1


def test_displaced_rib_moves_and_the_tissue_beside_it_does_not() -> None:
    fracture = in_the_middle(DISPLACED, step=4, direction=0, first_share=0.5, pull=0, gap=0.5)
    before, after = profile(BODY.hu, 4.0), profile(inserted(fracture).hu, 4.0)
    depth = np.abs(np.arange(-90, 91) / 10)
    assert np.abs(after - before)[depth < 4].max() > 200
    assert np.array_equal(after[depth > 8.2], before[depth > 8.2])


def test_the_cortex_keeps_its_density_when_it_moves() -> None:
    fracture = in_the_middle(DISPLACED, step=5, direction=0, first_share=0.5, pull=0, gap=0.5)
    after = inserted(fracture, QUIET).hu
    for at in (-8.0, -4.0, 4.0, 8.0):
        assert profile(after, at).max() == pytest.approx(profile(QUIET.hu, at).max(), abs=90)


@pytest.mark.parametrize("gap", [1.0, 2.0])
def test_the_gap_of_a_break_is_dark_and_as_wide_as_drawn(gap: float) -> None:
    fracture = in_the_middle(NON_DISPLACED, step=0, gap=gap, filling=45)
    after = inserted(fracture, QUIET).hu
    along = np.arange(-6, 6.01, 0.25)
    middle = np.array([profile(after, at)[90] for at in along])
    cortex = np.array([profile(after, at).max() for at in along])
    outside = np.abs(along) > 4
    lost = (np.median(middle[outside]) - middle).clip(0) / (np.median(middle[outside]) - 45)
    assert lost.sum() * 0.25 == pytest.approx(gap, abs=0.45)
    assert cortex.min() < 0.75 * cortex[outside].min()


def test_an_incomplete_break_leaves_the_other_cortex() -> None:
    fracture = replace(in_the_middle(NON_DISPLACED, step=0, gap=2.0))
    half = replace(fracture, parameters={**fracture.parameters, "open_angle": 0, "open_from": 0.0})
    after = inserted(half, QUIET).hu
    inner, outer = profile(after, 0.0)[:90].max(), profile(after, 0.0)[91:].max()
    assert inner > 550 > outer + 100


def buckled(angle: float, second_share: float, crack: float) -> Fracture:
    """A rounded fold in the middle of rib 13, straight across it."""
    straight = {"tilt_outward": 0.0, "tilt_across": 0.0, "roughness": 0.0, "crack_from": 0.0}
    fold = {"height": 2.5, "fold_length": 2.0, "angle": angle, "sharp": 0.0, "impaction": 0.0}
    buckle = planned(BUCKLE, 0, **straight, **fold, second_share=second_share, crack=crack)
    middle = in_the_middle(NON_DISPLACED)
    return replace(buckle, rib=middle.rib, centre=middle.centre)


def edges(profile: np.ndarray) -> np.ndarray:
    """Where the rib begins and ends in a profile, mm outward."""
    return PLACES[profile > 350][[0, -1]]


@pytest.mark.parametrize(("angle", "side"), [(0, 1), (180, -1)])
def test_a_buckle_moves_one_cortex_only(angle: float, side: int) -> None:
    after = profile(inserted(buckled(angle, second_share=1.0, crack=0.0), QUIET).hu, 0.0)
    by = edges(after) - edges(profile(QUIET.hu, 0.0))
    moved, still = (1, 0) if side > 0 else (0, 1)
    assert side * by[moved] == pytest.approx(2.2, abs=0.6)
    assert abs(by[still]) < 0.3
    assert after[np.abs(PLACES) < 4].min() > 100  # no gap


def test_a_buckled_cortex_is_broken_and_the_other_whole() -> None:
    after = inserted(buckled(180, second_share=0.0, crack=0.8), QUIET).hu
    inner, outer = zip(*(edges(profile(after, along)) for along in (-1.5, 1.5)), strict=True)
    assert abs(inner[0] - inner[1]) > 1.2  # a step between the lips
    assert abs(outer[0] - outer[1]) < 0.3
    cracked, whole = (profile(after, 0.0)[side].max() for side in (PLACES < 0, PLACES > 0))
    assert whole > cracked + 100


def test_callus_is_thicker_and_denser_and_has_no_gap() -> None:
    fracture = in_the_middle(NON_DISPLACED)
    healed = replace(
        planned(HEALED, 0, growth=0.4, callus_length=6.0, density=600.0, strength=0.6),
        rib=fracture.rib,
        centre=fracture.centre,
    )
    before, after = profile(QUIET.hu, 0.0), profile(inserted(healed, QUIET).hu, 0.0)
    assert (after > 300).sum() > 1.2 * (before > 300).sum()
    assert after[90] > before[90] + 100


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_fractures_keep_their_distance(seed: int, count: int) -> None:
    plan = plan_fractures(BODY, count, np.random.default_rng(seed))
    assert 1 <= len(plan) <= count
    for k, one in enumerate(plan):
        for other in plan[:k]:
            distance = np.linalg.norm((np.array(one.centre) - other.centre) * SPACING)
            if one.rib == other.rib and SEGMENTAL in (one.kind, other.kind):
                continue
            assert distance > (0.8 * SAME_RIB_MM if one.rib == other.rib else ANY_RIB_MM - 2)


def test_a_segmental_fracture_is_two_breaks_of_one_rib() -> None:
    plan = plan_fractures(BODY, 2, np.random.default_rng(3), {SEGMENTAL: 1.0})
    assert [fracture.label for fracture in plan] == [4, 4]
    assert plan[0].rib == plan[1].rib
    made = insert_fractures(BODY, plan, np.random.default_rng(0))
    assert set(np.unique(made.instances)) == {0, 1, 2}


def test_a_sham_is_marked_as_none() -> None:
    made = sham_insertions(BODY, 2, np.random.default_rng(1))
    assert made.labels == dict.fromkeys(range(1, len(made.records) + 1), 0)
    assert {record.kind for record in made.records} == {SHAM}
    assert (made.hu != BODY.hu)[made.instances > 0].mean() > 0.5


def test_a_sham_keeps_the_rib_and_its_noise() -> None:
    # Half a voxel in x and in y, where interpolation takes most.
    (sham,) = plan_shams(QUIET, 1, np.random.default_rng(1))
    half = {"move": SPACING[0] / np.sqrt(2), "direction": 0.0, "taper_before": 25.0, "taper_behind": 25.0}
    middle = in_the_middle(NON_DISPLACED)
    sham = replace(sham, rib=13, centre=middle.centre, parameters={**sham.parameters, **half})
    scans = [quarter_chest(SPACING, NOISE, seed) for seed in range(8)]
    made = [insert_fractures(scan, (sham,), np.random.default_rng(k)) for k, scan in enumerate(scans)]
    bone = (made[0].instances > 0) & (BODY.ribs > 0)
    values = np.stack([one.hu[bone] for one in made])
    noise = float(np.sqrt(values.var(axis=0, ddof=1).mean()))
    assert noise == pytest.approx(NOISE, rel=0.1)
    mean = np.mean([one.hu for one in made], axis=0)
    for at in (-6.0, -2.0, 0.0, 2.0, 6.0):
        before, after = profile(QUIET.hu, at), profile(mean, at)
        assert after.max() == pytest.approx(before.max(), rel=0.1)
        assert (after.clip(100) - 100).sum() == pytest.approx((before.clip(100) - 100).sum(), rel=0.06)


def test_a_plan_for_another_body_is_refused() -> None:
    fracture = replace(planned(BUCKLE, 1), rib=3)
    with pytest.raises(ValueError, match="rib 3"):
        inserted(fracture)
