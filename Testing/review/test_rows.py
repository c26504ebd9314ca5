"""The table of findings tells what the reader has changed, and measures in millimetres."""

from __future__ import annotations

import numpy as np
import pytest
from RibFracDetectorLib.case.mask_patches import MaskPatch
from RibFracDetectorLib.review.rows import row
from RibFracDetectorLib.review.session import ReviewSession


def test_what_the_reader_has_reshaped_is_called_edited(session: ReviewSession) -> None:
    session.edit_box(2, (40, 8, 20, 47, 15, 25))
    session.edit_mask(3, MaskPatch.of(np.ones((3, 3, 3)), (12, 40, 30)))
    own = session.add((30, 30, 30, 36, 36, 36))
    session.edit_mask(own, MaskPatch.of(np.ones((3, 3, 3)), (31, 31, 31)))
    flags = {number: row(session, number).flags for number in (1, 2, 3, own)}
    assert flags == {1: ("near spine",), 2: ("edited",), 3: ("edited",), own: ()}


def test_a_row_has_the_volume_of_the_present_mask_and_the_nearest_slice(session: ReviewSession) -> None:
    session.edit_mask(1, MaskPatch.of(np.ones((2, 3, 4)), (5, 5, 5)))
    session.edit_box(1, (5, 5, 4.5, 9, 9, 11))
    entry = row(session, 1)
    assert entry.volume_mm3 == pytest.approx(2 * 3 * 4 * 1.5 * 1.25 * 2.0)
    assert entry.slice == 8, "its middle is at 7.75"
