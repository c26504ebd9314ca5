"""Box lists: IoU, NMS, clipping, and the code between anchors and boxes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from ribfrac_testing.boxes import scored
from ribfrac_testing.reference import Golden
from RibFracDetectorLib.engine.inference.anchors import (
    STRIDES,
    decode_boxes,
    encode_boxes,
    flatten_head_output,
    level_anchors,
)
from RibFracDetectorLib.engine.inference.boxes import (
    ScoredBoxes,
    clip_boxes,
    iou_with,
    non_maximum_suppression,
)
from RibFracDetectorLib.engine.inference.caps import Caps
from RibFracDetectorLib.engine.inference.sliding_window import merge_views, merge_windows
from RibFracDetectorLib.engine.settings import InferenceSettings


@st.composite
def box_lists(draw: st.DrawFn) -> ScoredBoxes:
    """Up to 30 boxes inside 40 voxels, of two classes."""
    count = draw(st.integers(0, 30))
    corners = draw(hnp.arrays(np.float32, (count, 3), elements=st.floats(0, 32, width=32)))
    sizes = draw(hnp.arrays(np.float32, (count, 3), elements=st.floats(0.5, 8, width=32)))
    scores = draw(hnp.arrays(np.float32, count, elements=st.floats(0, 1, width=32)))
    classes = draw(hnp.arrays(np.int64, count, elements=st.integers(0, 1)))
    return ScoredBoxes(np.hstack([corners, corners + sizes]), scores, classes)


@given(box_lists(), st.floats(0.05, 0.9))
def test_nms_keeps_the_best_of_every_cluster(detections: ScoredBoxes, threshold: float) -> None:
    kept = non_maximum_suppression(detections, threshold)
    assert (np.diff(kept.scores) <= 0).all()
    for index in range(len(kept)):
        same_class = kept.classes == kept.classes[index]
        same_class[index] = False
        assert (iou_with(kept.boxes[index], kept.boxes[same_class]) <= threshold).all()
    for index in range(len(detections)):
        rivals = kept.take(kept.classes == detections.classes[index])
        better = rivals.scores >= detections.scores[index]
        overlap = iou_with(detections.boxes[index], rivals.boxes[better])
        is_kept = (rivals.boxes == detections.boxes[index]).all(axis=1).any()
        assert is_kept or (overlap > threshold).any(), "dropped without a better box beside it"


def test_iou_of_known_boxes() -> None:
    box = np.array([0, 0, 0, 2, 2, 2], np.float32)
    others = np.array(
        [[0, 0, 0, 2, 2, 2], [1, 0, 0, 3, 2, 2], [2, 0, 0, 4, 2, 2], [5, 5, 5, 6, 6, 6]], np.float32
    )
    np.testing.assert_allclose(iou_with(box, others), [1, 1 / 3, 0, 0], atol=1e-7)


def test_equal_scores_keep_their_order() -> None:
    detections = scored(
        np.array([[0, 0, 0, 4, 4, 4, 0.5], [20, 0, 0, 24, 4, 4, 0.5], [0, 0, 0, 4, 4, 3.9, 0.5]])
    )
    assert non_maximum_suppression(detections, 0.1).boxes[:, 0].tolist() == [0, 20]


def test_clipping_moves_no_box_beyond_the_image() -> None:
    clipped = clip_boxes(np.array([[-3, 1, 2, 50, 5, 6]], np.float32), (10, 11, 12))
    assert clipped.tolist() == [[0, 1, 2, 10, 5, 6]]


def test_a_limit_is_reached_by_what_it_cuts_off_alone() -> None:
    caps = Caps()
    three = scored(np.array([[0, 0, 0, 4, 4, 4, score] for score in (0.5, 0.9, 0.7)]))
    assert len(caps.best(three, "max_per_img", 3)) == 3
    assert caps.reached == ()
    assert caps.best(three, "max_per_img", 2).scores.tolist() == pytest.approx([0.9, 0.7])
    assert caps.reached == ("max_per_img = 2",)


def test_boxes_at_a_limit_of_size_are_kept_and_at_that_of_score_dropped() -> None:
    settings = InferenceSettings(score_thr=0.25, min_bbox_size=2.0)
    rows = [[0, 0, 0, 2, 4, 4, 0.5], [10, 0, 0, 11.9, 4, 4, 0.5], [20, 0, 0, 24, 4, 4, 0.25]]
    merged = merge_windows([scored(np.array(rows))], (40, 40, 40), settings, Caps())
    assert merged.boxes[:, 0].tolist() == [0]


def test_views_together_keep_to_the_limit_of_a_scan() -> None:
    caps, settings = Caps(), InferenceSettings(max_per_img=2)
    views = [
        scored(np.array([[0, 0, 0, 4, 4, 4, 0.5], [20, 0, 0, 24, 4, 4, 0.7]])),
        scored(np.array([[0, 0, 0, 4, 4, 4.5, 0.9], [0, 20, 0, 4, 24, 4, 0.6]])),
    ]
    assert merge_views(views, settings, caps).scores.tolist() == pytest.approx([0.9, 0.7])
    assert caps.reached == ("max_per_img = 2",)


def test_empty_lists_stay_empty() -> None:
    assert len(non_maximum_suppression(ScoredBoxes.concatenate([]), 0.1)) == 0


@given(st.integers(0, 2), st.integers(0, 2**31))
def test_decoding_inverts_encoding(level: int, seed: int) -> None:
    anchors = level_anchors((3, 4, 2), STRIDES[level])
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(len(anchors), 3, generator=generator) * 40 - 10
    sizes = torch.rand(len(anchors), 3, generator=generator) * 30 + 1
    boxes = torch.cat([corners, corners + sizes], dim=1)
    torch.testing.assert_close(
        decode_boxes(anchors, encode_boxes(anchors, boxes)), boxes, atol=1e-3, rtol=1e-4
    )


def test_anchors_stand_on_the_strides() -> None:
    anchors = level_anchors((2, 3, 4), 8)
    centers = (anchors[:, :3] + anchors[:, 3:]) / 2
    edges = anchors[:, 3:] - anchors[:, :3]
    assert anchors.shape == (2 * 3 * 4 * 2, 6)
    assert centers[0].tolist() == [0, 0, 0]
    assert centers[2].tolist() == [0, 0, 8], "after the anchors of a position comes the next z"
    torch.testing.assert_close(edges[:2], torch.tensor([[16.0] * 3, [22.627417] * 3]))


def test_flattening_follows_the_anchors() -> None:
    output = torch.arange(2 * 6 * 2 * 3 * 4).reshape(1, 12, 2, 3, 4)
    flat = flatten_head_output(output, 6)
    x, y, z, anchor = 1, 2, 3, 1
    row = ((x * 3 + y) * 4 + z) * 2 + anchor
    assert flat[0, row].tolist() == output[0, anchor * 6 : anchor * 6 + 6, x, y, z].tolist()


@pytest.mark.reference
@pytest.mark.parametrize("name", ["golden_s", "golden_d"])
def test_anchors_are_the_originals(name: str, request: pytest.FixtureRequest) -> None:
    golden: Golden = request.getfixturevalue(name)
    arrays = golden.arrays("small_patch")
    for level, stride in enumerate(STRIDES):
        ours = level_anchors(arrays[f"cls{level}"].shape[2:], stride)
        np.testing.assert_allclose(ours.numpy(), arrays[f"anchors{level}"], atol=1e-4)
