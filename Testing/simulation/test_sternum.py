"""The sternum leaves room for cartilages and clavicles, and lines each notch with compact bone."""

from __future__ import annotations

import numpy as np
import pytest
from RibFracTrainingLib.simulation.bodies.anatomy import draw_anatomy
from RibFracTrainingLib.simulation.bodies.canvas import Canvas, Frame
from RibFracTrainingLib.simulation.bodies.layout import lay_out
from RibFracTrainingLib.simulation.bodies.noise import spongy_tile
from RibFracTrainingLib.simulation.bodies.ribs import make_rib
from RibFracTrainingLib.simulation.bodies.solids import BoneStyle, Rod, rods
from RibFracTrainingLib.simulation.bodies.sternum import CLEFT_MM, EDGE_MM, NOTCH_MM, REACH_MM, paint_sternum

MUSCLE_HU, BONE_HU = 50.0, 300.0
STEP_MM = 0.8
PARTLY_MM = STEP_MM  # from a surface: voxels that it may cut


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_cartilage_and_clavicle_ends_in_a_lined_notch(seed: int) -> None:
    generator = np.random.default_rng(seed)
    anatomy = draw_anatomy(generator)
    layout = lay_out(anatomy.build, generator)
    ribs = [make_rib(number, layout, anatomy, generator) for number in range(1, 25)]
    low, high = layout.sternum.min(0) - REACH_MM, layout.sternum.max(0) + REACH_MM
    size = tuple(((high - low) / STEP_MM).astype(int).tolist())
    canvas = Canvas(Frame(size, (STEP_MM,) * 3, tuple(low.tolist())))
    canvas.hu[:] = MUSCLE_HU
    top = layout.sternum[0]
    clavicle = Rod(top + np.array([16.0, 2, 4]), top + np.array([50.0, 0, 10]), 9, 6)
    style = BoneStyle(0.9, 0.9, 100, 0)
    tile = spongy_tile(generator, canvas.frame.spacing)
    paint_sternum(canvas, layout, ribs, [clavicle], anatomy, style, tile, generator)
    window = canvas.window(low, high)
    cartilages = [ribs[side + rib].front_end(NOTCH_MM) for side in (0, 12) for rib in range(7)]
    for guest in (clavicle, *cartilages):
        distance = rods(window, [guest])
        assert canvas.hu[window.slices][distance < -PARTLY_MM].max() == pytest.approx(MUSCLE_HU)
        lining = (distance > 0) & (distance < CLEFT_MM[1] + EDGE_MM)
        assert (canvas.hu[window.slices][lining] > BONE_HU).sum() > 20
