"""Ribs end in cups behind their cartilage, in both kinds of bodies, and nothing else changes with a joint."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.simulated_ribs import labels_of
from RibFracTrainingLib.simulation.bodies import atlas as atlas_bodies
from RibFracTrainingLib.simulation.bodies import ribs as phantom_ribs
from RibFracTrainingLib.simulation.bodies.anatomy import draw_anatomy
from RibFracTrainingLib.simulation.bodies.atlas_file import make_atlas
from RibFracTrainingLib.simulation.bodies.joints import FLARE_MM, Joint, draw_joint
from RibFracTrainingLib.simulation.bodies.layout import lay_out
from RibFracTrainingLib.simulation.bodies.phantom import PhantomSettings, make_phantom
from RibFracTrainingLib.simulation.body import Body
from scipy import ndimage

EVEN = Joint(cup_mm=0.0, lean=0.0, plate_mm=0.8, flare=1.0, rim=1.0)
PART = PhantomSettings((0.8, 0.8, 1.0), "right", (-60, -10))
SPACING = (2.2, 2.2, 2.2)


def fixed(monkeypatch: pytest.MonkeyPatch, module: object, joint: Joint) -> None:
    monkeypatch.setattr(module, "draw_joint", lambda *_: joint)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(-20, 20))
def test_bone_ends_first_in_the_middle_and_reaches_to_the_rim(seed: int, depth: float, beyond: float) -> None:
    joint = draw_joint(np.random.default_rng(seed))
    assert joint.ahead(0.0, 0.0) == 0
    assert joint.ahead(-joint.cup_mm, 1.0) == pytest.approx(0)
    assert joint.ahead(beyond, depth) >= beyond
    assert joint.ahead(beyond + 1, depth) == pytest.approx(joint.ahead(beyond, depth) + 1)


def test_a_rib_widens_only_towards_its_end() -> None:
    joint = Joint(cup_mm=4.0, lean=0.0, plate_mm=0.8, flare=1.5, rim=1.0)
    widened = joint.widened(np.array([0, 200 - FLARE_MM, 190, 200]), 200)
    assert widened[:2] == pytest.approx([1, 1])
    assert 1 < widened[2] < widened[3] == pytest.approx(1.5)


@pytest.mark.slow
def test_the_end_of_a_phantoms_rib_is_hollow(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = []
    for joint in (EVEN, Joint(cup_mm=7.0, lean=0.0, plate_mm=0.8, flare=1.0, rim=1.0)):
        fixed(monkeypatch, phantom_ribs, joint)
        bodies.append(make_phantom(PART, np.random.default_rng(2))[0])
    even, cupped = bodies
    lost = (even.ribs > 0) & (cupped.ribs == 0)
    assert_hollow(even, cupped)
    # The rim around the hollow stays bone: what was lost lies deeper than what was kept beside it.
    depth = ndimage.distance_transform_edt(even.ribs > 0, even.spacing)
    beside = ndimage.binary_dilation(lost, iterations=2) & (cupped.ribs > 0)
    assert depth[lost].mean() > depth[beside].mean() + 0.2


def test_ribs_without_cartilage_have_no_plug_of_compact_bone(monkeypatch: pytest.MonkeyPatch) -> None:
    fixed(monkeypatch, phantom_ribs, Joint(cup_mm=8.0, lean=0.0, plate_mm=1.4, flare=1.0, rim=1.0))
    anatomy = draw_anatomy(np.random.default_rng(1))
    layout = lay_out(anatomy.build, np.random.default_rng(1))
    for number in (11, 12, 23, 24):
        joint = phantom_ribs.make_rib(number, layout, anatomy, np.random.default_rng(1)).joint
        assert joint.cup_mm + joint.plate_mm < 2
        assert joint.flare == 1


def labels_with_cartilage() -> tuple[np.ndarray, dict[str, int]]:
    """A label map whose ribs have turned to cartilage in their front 15 mm."""
    body, _ = make_phantom(PhantomSettings(SPACING, "chest"), np.random.default_rng(4))
    labels, names = labels_of(body)
    cartilage = names["costal_cartilages"] = max(names.values()) + 1
    for number, box in enumerate(ndimage.find_objects(body.ribs), start=1):
        front = box[1].start + round(15 / SPACING[1])
        own = labels[box[0], :front, box[2]]
        own[own == number] = cartilage
    return labels, names


@pytest.mark.slow
def test_the_ends_of_the_atlas_ribs_are_hollow(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, names = labels_with_cartilage()
    atlas = make_atlas(labels, SPACING, names)
    bodies = []
    for joint in (EVEN, Joint(cup_mm=8.0, lean=0.0, plate_mm=0.8, flare=1.0, rim=1.0)):
        fixed(monkeypatch, atlas_bodies, joint)
        bodies.append(
            atlas_bodies.make_atlas_body(atlas, (1.0, 1.0, 1.5), "right", (-40, 0), np.random.default_rng(1))[
                0
            ]
        )
    even, cupped = bodies
    assert_hollow(even, cupped)


def assert_hollow(even: Body, cupped: Body) -> None:
    """Some of the ribs became cartilage, and nothing changed outside ribs and in the back of the chest."""
    ribs = even.ribs > 0
    lost = ribs & (cupped.ribs == 0)
    assert lost.sum() * np.prod(even.spacing) > 100  # mm^3
    assert np.median(cupped.hu[ndimage.binary_erosion(lost)]) < 180
    assert not ((cupped.ribs > 0) & ~ribs).any()
    changed = np.abs(even.hu - cupped.hu) > 1
    assert not (changed & ~ndimage.binary_dilation(ribs, iterations=2)).any()
    y = np.flatnonzero(ribs.any(axis=(0, 2)))
    assert not changed[:, round(0.4 * y[0] + 0.6 * y[-1]) :].any()
