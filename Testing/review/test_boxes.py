"""Which places and boxes of a reader lie in the volume, and which are turned against it."""

from __future__ import annotations

import numpy as np
import pytest
from ribfrac_testing.review_cases import SIZE, SPACING
from ribfrac_testing.volumes import rotation
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.geometry import BoxRas, Grid
from RibFracDetectorLib.review.boxes import around, from_ras

OBLIQUE = Grid(SIZE, SPACING, (5.0, -7.0, 11.0), tuple(rotation((4, -6, 9)).ravel().tolist()))
BOX = (10.0, 11.0, 12.0, 20.0, 18.0, 17.0)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_volume_reaches_to_the_outer_faces_of_its_voxels(axis: int) -> None:
    for inside, outside in ((-0.5, -0.6), (SIZE[axis] - 0.5, SIZE[axis] - 0.4)):
        place = [20.0, 20.0, 20.0]
        place[axis] = inside
        assert around(place, OBLIQUE)
        place[axis] = outside
        with pytest.raises(InputError, match="outside of the volume"):
            around(place, OBLIQUE)


def test_a_box_is_the_same_whichever_way_its_axes_point() -> None:
    """Dragging a handle of an ROI past the one opposite reverses an axis."""
    ras = OBLIQUE.box_to_ras(BOX)
    reversed_axes = tuple(tuple(-value for value in axis) for axis in ras.axes)
    np.testing.assert_allclose(from_ras(BoxRas(ras.center, ras.size, reversed_axes), OBLIQUE), BOX)


def test_a_turn_of_two_degrees_is_a_turn() -> None:
    ras = OBLIQUE.box_to_ras(BOX)
    turned = tuple(map(tuple, np.asarray(ras.axes) @ rotation((0, 0, 2))))
    with pytest.raises(InputError, match="turned against"):
        from_ras(BoxRas(ras.center, ras.size, turned), OBLIQUE)
