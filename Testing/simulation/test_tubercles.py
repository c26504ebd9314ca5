"""Between a rib's tubercle and the transverse process lies a cleft, with compact bone on both sides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from RibFracTrainingLib.simulation.bodies.anatomy import Anatomy, draw_anatomy
from RibFracTrainingLib.simulation.bodies.canvas import Canvas, Frame
from RibFracTrainingLib.simulation.bodies.layout import Layout, lay_out
from RibFracTrainingLib.simulation.bodies.noise import spongy_tile
from RibFracTrainingLib.simulation.bodies.ribs import Rib, make_rib, paint_rib
from RibFracTrainingLib.simulation.bodies.spine import paint_spine
from RibFracTrainingLib.simulation.bodies.tubercles import Facet, draw_tubercle

MUSCLE_HU, COMPACT_HU = 50.0, 400.0
STEP_MM, HALF = 0.2, 40


def chest(seed: int) -> tuple[Anatomy, Layout, list[Rib]]:
    generator = np.random.default_rng(seed)
    anatomy = draw_anatomy(generator)
    layout = lay_out(anatomy.build, generator)
    return anatomy, layout, [make_rib(number, layout, anatomy, generator) for number in range(1, 25)]


@given(st.integers(0, 2**32 - 1), st.floats(3, 5), st.floats(4, 8), st.floats(-1.3, 1.3))
def test_the_facet_is_the_outermost_of_the_tubercle(seed: int, out: float, up: float, twist: float) -> None:
    tubercle = draw_tubercle(out, up, twist, 20.0, np.random.default_rng(seed))
    far = np.float64(9.0)
    for beyond in (-0.2, 0.2):
        across, along = (part * (tubercle.height + beyond) for part in tubercle.towards)
        distance = tubercle.added(far, np.float64(20.0), np.float64(across), np.float64(along))
        assert distance == pytest.approx(beyond, abs=0.01)
    assert tubercle.added(far, np.float64(60.0), np.float64(0), np.float64(0)) == far


def test_the_two_lowest_ribs_face_no_process() -> None:
    _, _, ribs = chest(0)
    assert [rib.number for rib in ribs if rib.facet() is None] == [11, 12, 23, 24]


def profile(canvas: Canvas, facet: Facet, distances: np.ndarray) -> np.ndarray:
    """HU on the line from the rib's facet towards the process."""
    places = facet.point + distances[:, None] * facet.direction
    index = np.rint((places - canvas.frame.origin) / canvas.frame.spacing).astype(int)
    return canvas.hu[tuple(index.T)]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_process_runs_on_beside_the_neck(seed: int) -> None:
    _, _, ribs = chest(seed)
    for rib in ribs:
        facet, tubercle = rib.facet(), rib.tubercle
        if facet is None:
            continue
        bend = facet.point + facet.headwards
        neck = rib.curve.points[: round(tubercle.position / rib.curve.step)]
        nearest = np.linalg.norm(neck - bend, axis=1).argmin() * rib.curve.step
        assert nearest == pytest.approx(tubercle.position - tubercle.beside_mm, abs=4), rib.number


@pytest.mark.parametrize("seed", [1, 2])
def test_a_line_through_a_joint_meets_bone_cleft_and_bone(seed: int) -> None:
    anatomy, layout, ribs = chest(seed)
    for number in (1, 3, 6, 10, 14, 20):
        rib = ribs[number - 1]
        facet = rib.facet()
        origin = tuple(float(p) - HALF * STEP_MM for p in facet.point)
        canvas = Canvas(Frame((2 * HALF + 1,) * 3, (STEP_MM,) * 3, origin))
        canvas.hu[:] = MUSCLE_HU
        generator = np.random.default_rng(seed)
        tile = spongy_tile(generator, canvas.frame.spacing)
        paint_spine(canvas, layout, ribs, anatomy, tile, generator)
        paint_rib(canvas, rib, anatomy.bone, tile)
        places = np.arange(-2, facet.cleft_mm + 2, STEP_MM / 2)
        line = profile(canvas, facet, places)
        before, behind = line[places < 0], line[places > facet.cleft_mm]
        assert before.max() > COMPACT_HU, number
        assert behind.max() > COMPACT_HU, number
        within = line[(places > 0) & (places < facet.cleft_mm)]
        assert within.min() < 0.6 * min(before.max(), behind.max()), number
        if facet.cleft_mm > 3 * STEP_MM:
            assert within.min() == pytest.approx(MUSCLE_HU, abs=1), number
