"""One window of the golden data: decoded boxes before NMS, and what is left after it, are the original's."""

from __future__ import annotations

import numpy as np
import pytest
from ribfrac_testing.golden_volumes import assert_same_boxes
from RibFracDetectorLib.engine.inference.caps import Caps
from RibFracDetectorLib.engine.inference.sliding_window import candidate_boxes, window_detections
from RibFracDetectorLib.engine.settings import resolve_settings

pytestmark = [pytest.mark.reference, pytest.mark.xdist_group("golden patches")]

PUBLISHED = resolve_settings("original")
PATCHES = [
    "golden_run_s_full",
    "golden_run_s_small",
    "golden_run_d_full",
    "golden_run_d_small",
]


@pytest.mark.parametrize("patch", PATCHES)
def test_boxes_before_nms(patch: str, request: pytest.FixtureRequest) -> None:
    arrays, raw = request.getfixturevalue(patch)
    ours = candidate_boxes(raw, 0, PUBLISHED.nms_pre)
    assert len(ours) == len(arrays["pre_scores"])
    np.testing.assert_allclose(np.sort(ours.scores), np.sort(arrays["pre_scores"]), atol=1e-4)
    # Rows of nearly equal scores may change places, so the nearest box is the partner.
    for box, score in zip(arrays["pre_boxes"], arrays["pre_scores"], strict=True):
        distance = np.abs(ours.boxes - box).max(axis=1)
        distance[np.abs(ours.scores - score) > 1e-4] = np.inf
        assert distance.min() <= 0.01


@pytest.mark.parametrize("patch", PATCHES)
def test_boxes_after_nms(patch: str, request: pytest.FixtureRequest) -> None:
    arrays, raw = request.getfixturevalue(patch)
    kept = window_detections(raw, 0, PUBLISHED, Caps())
    ours = np.column_stack([kept.boxes, kept.scores])
    assert_same_boxes(ours, arrays["nms_boxes"], PUBLISHED.nms_iou)
    assert (kept.classes == 0).all()
