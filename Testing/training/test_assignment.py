"""Which anchors stand for which box: the original's choice exactly, and ATSS by brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.reference import Golden
from ribfrac_testing.training_targets import PATCH, anchors_of, box_lists, golden_batch, make_batch
from RibFracDetectorLib.engine.inference.anchors import encode_boxes
from RibFracDetectorLib.engine.inference.boxes import iou_with
from RibFracTrainingLib.training.assignment import BOXES_AT_ONCE, Assignment, PatchAnchors, assign_boxes
from RibFracTrainingLib.training.losses import LossSettings
from torch import Tensor

SETTINGS = LossSettings()


def assign(boxes: Tensor, anchors: PatchAnchors | None = None) -> Assignment:
    """The default assignment in a patch of PATCH voxels."""
    anchors = anchors or anchors_of(make_batch([boxes]))
    return assign_boxes(anchors, boxes, SETTINGS.candidates_per_level)


def random_boxes(seed: int, count: int) -> Tensor:
    """Boxes without ties: no coordinate is a round number."""
    generator = torch.Generator().manual_seed(seed)
    low = torch.rand(count, 3, generator=generator) * (torch.tensor(PATCH) - 8)
    return torch.cat([low, low + 2 + 12 * torch.rand(count, 3, generator=generator)], dim=1)


@pytest.mark.reference
@pytest.mark.parametrize("name", ["golden_s", "golden_d"])
def test_assignment_is_the_originals(name: str, request: pytest.FixtureRequest) -> None:
    golden: Golden = request.getfixturevalue(name)
    theirs = golden.arrays("train")
    batch = golden_batch(golden)
    anchors = anchors_of(batch)

    eligible = torch.cat(anchors.eligible)
    inside = np.unpackbits(theirs["inside_flags"], count=len(anchors.boxes))
    assert np.flatnonzero(inside).tolist() == eligible.tolist()
    assert [len(level) for level in anchors.eligible] == theirs["num_level_inside"].tolist()

    ours = assign(batch.boxes[0], anchors)
    assigned = torch.zeros(len(anchors.boxes), dtype=torch.int64)
    assigned[ours.anchors] = ours.boxes + 1
    np.testing.assert_array_equal(assigned[eligible].numpy(), theirs["assigned_gt_inds"])
    np.testing.assert_array_equal(eligible[theirs["pos_inds_all"]].numpy(), ours.anchors.numpy())
    np.testing.assert_allclose(ours.overlaps.numpy(), theirs["max_overlaps_pos"], rtol=0, atol=1e-6)
    encoded = encode_boxes(anchors.boxes[ours.anchors], batch.boxes[0][ours.boxes])
    np.testing.assert_allclose(encoded.numpy(), theirs["bbox_targets_all_pos"], rtol=0, atol=1e-5)


def brute_force(boxes: np.ndarray, anchors: PatchAnchors) -> tuple[dict[int, int], set[int]]:
    """Spec 8.4 by its words, from full matrices in float64.

    Returns:
        The box of each positive anchor, and the anchors that float32 may decide otherwise: those whose IoU is
        near a threshold, and all that a box could choose if its last candidate is no nearer than the next.
    """
    anchor_boxes = anchors.boxes.double().numpy()
    centers = (anchor_boxes[:, :3] + anchor_boxes[:, 3:]) / 2
    best: dict[int, tuple[float, int]] = {}
    doubtful: set[int] = set()
    for index, box in enumerate(boxes):
        distances = np.linalg.norm(centers - (box[:3] + box[3:]) / 2, axis=1)
        count = SETTINGS.candidates_per_level
        ordered = [level.numpy()[np.argsort(distances[level.numpy()])] for level in anchors.eligible]
        candidates = np.concatenate([level[:count] for level in ordered])
        if any(
            len(level) > count and np.diff(distances[level[count - 1 : count + 1]]) < 1e-4
            for level in ordered
        ):
            doubtful |= {int(anchor) for level in ordered for anchor in level[: 2 * count]}
        overlaps = iou_with(box, anchor_boxes[candidates])
        threshold = overlaps.mean() + overlaps.std(ddof=1)
        doubtful |= set(candidates[np.abs(overlaps - threshold) < 1e-5].tolist())
        for anchor, overlap in zip(candidates.tolist(), overlaps, strict=True):
            if overlap >= threshold and overlap > best.get(anchor, (-1.0, 0))[0]:
                best[anchor] = (overlap, index)
    return {anchor: box for anchor, (_, box) in best.items()}, doubtful


@given(st.integers(0, 2**31), st.integers(1, 2 * BOXES_AT_ONCE + 1))
def test_assignment_follows_its_definition(seed: int, count: int) -> None:
    boxes = random_boxes(seed, count)
    anchors = anchors_of(make_batch([boxes]))
    ours = assign(boxes, anchors)
    expected, doubtful = brute_force(boxes.double().numpy(), anchors)
    found = dict(zip(ours.anchors.tolist(), ours.boxes.tolist(), strict=True))
    assert {a: b for a, b in found.items() if a not in doubtful} == {
        a: b for a, b in expected.items() if a not in doubtful
    }


@given(box_lists())
def test_what_is_assigned(boxes: Tensor) -> None:
    anchors = anchors_of(make_batch([boxes]))
    ours = assign(boxes, anchors)
    assert (ours.anchors.diff() > 0).all(), "each anchor once, in ascending order"
    assert torch.isin(ours.anchors, torch.cat(anchors.eligible)).all()
    for anchor, box, overlap in zip(ours.anchors, ours.boxes, ours.overlaps, strict=True):
        all_boxes = iou_with(anchors.boxes[anchor].numpy(), boxes.numpy())
        assert all_boxes[box] == pytest.approx(overlap.item(), abs=1e-5)


def test_no_boxes_assign_nothing() -> None:
    ours = assign(torch.zeros(0, 6))
    assert len(ours.anchors) == len(ours.boxes) == len(ours.overlaps) == 0


def test_a_box_that_overlaps_nothing_takes_all_its_candidates() -> None:
    outside = torch.tensor([[-90.0, -90, -90, -80, -80, -80]])
    anchors = anchors_of(make_batch([outside]))
    ours = assign(outside, anchors)
    available = [min(len(level), SETTINGS.candidates_per_level) for level in anchors.eligible]
    assert len(ours.anchors) == sum(available)
    assert (ours.overlaps == 0).all()


def test_anchors_of_two_boxes_go_to_the_better_one() -> None:
    both = torch.tensor([[10.3, 10.2, 10.1, 20, 20, 20], [11, 11, 11, 21.3, 21.2, 21.1]])
    wanted = [set(assign(box[None]).anchors.tolist()) for box in both]
    contested = wanted[0] & wanted[1]
    assert contested, "the example has a contested anchor"
    anchors = anchors_of(make_batch([both]))
    ours = assign(both, anchors)
    winner = dict(zip(ours.anchors.tolist(), ours.boxes.tolist(), strict=True))
    overlaps = {anchor: iou_with(anchors.boxes[anchor].numpy(), both.numpy()) for anchor in contested}
    assert {anchor: winner[anchor] for anchor in contested} == {
        anchor: overlap.argmax() for anchor, overlap in overlaps.items()
    }
    assert len({winner[anchor] for anchor in contested}) == 2, "each box wins somewhere"


def test_a_box_given_twice_belongs_to_the_first() -> None:
    box = torch.tensor([[10.3, 9.1, 8.2, 21.4, 20.9, 19.7]])
    once, twice = assign(box), assign(box.repeat(2, 1))
    assert twice.anchors.tolist() == once.anchors.tolist()
    assert set(twice.boxes.tolist()) == {0}


def test_the_border_decides_which_anchors_are_assigned() -> None:
    """As in the original, one that reaches out just as far may be assigned at the low side alone."""
    batch = make_batch([torch.zeros(0, 6)])
    for border, furthest in ((0.0, 0.0), (SETTINGS.border, -1.6569), (4.0, -4.0), (100.0, -22.6274)):
        anchors = anchors_of(batch, border)
        chosen = anchors.boxes[torch.cat(anchors.eligible)]
        assert chosen[:, :3].min().item() == pytest.approx(furthest, abs=1e-4)
        assert (chosen[:, 3:] - torch.tensor(PATCH)).max() < border
    assert len(torch.cat(anchors.eligible)) == len(anchors.boxes)
