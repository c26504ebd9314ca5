"""Which assigned anchors are trained: the original's draw exactly, and all of them by default."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from ribfrac_testing.reference import Golden
from ribfrac_testing.training_targets import (
    SAMPLING_SEED,
    anchors_of,
    golden_batch,
    golden_output,
    make_batch,
)
from RibFracDetectorLib.engine.inference.anchors import flatten_head_output
from RibFracTrainingLib.training.anchor_sampling import AllPositives, OriginalSampling
from RibFracTrainingLib.training.assignment import assign_boxes
from RibFracTrainingLib.training.losses import LossSettings

ORIGINAL = LossSettings.original()
NOTHING = torch.zeros(0, dtype=torch.int64)


@pytest.mark.reference
@pytest.mark.parametrize("name", ["golden_s", "golden_d"])
def test_the_originals_draw(name: str, request: pytest.FixtureRequest) -> None:
    golden: Golden = request.getfixturevalue(name)
    theirs, batch = golden.arrays("train"), golden_batch(golden)
    anchors = anchors_of(batch)
    assigned = assign_boxes(anchors, batch.boxes[0], ORIGINAL.candidates_per_level).anchors
    logits = [flatten_head_output(level, 1)[0, :, 0] for level in golden_output(golden).class_logits]
    sampling = ORIGINAL.anchor_sampling

    torch.manual_seed(SAMPLING_SEED)
    positives = assigned[sampling.draw_positives(assigned)]
    negatives = sampling.draw_negatives(
        assigned, torch.cat(logits), anchors, ORIGINAL.samples_per_patch - len(positives)
    )
    eligible = torch.cat(anchors.eligible)
    np.testing.assert_array_equal(positives.numpy(), eligible[theirs["sampled_pos_inds"]].numpy())
    np.testing.assert_array_equal(negatives.numpy(), eligible[theirs["sampled_neg_inds"]].numpy())


def test_the_original_drops_positives_beyond_its_share() -> None:
    assigned = torch.arange(100, 150)
    scores = torch.linspace(-1, 1, 2000)
    anchors = anchors_of(make_batch([torch.zeros(0, 6)]))
    sampling = OriginalSampling(samples_per_patch=20, positive_fraction=0.4, pool_factor=3)
    sample = sampling.select(assigned, scores[: len(anchors.boxes)], anchors)
    assert len(sample.positives) == 8
    assert sample.size == 20
    everything = AllPositives(samples_per_patch=20).select(assigned, scores, anchors)
    assert everything.positives.tolist() == list(range(50))
    assert everything.size == 20


def test_negatives_come_from_the_pool_of_highest_scores() -> None:
    anchors = anchors_of(make_batch([torch.zeros(0, 6)]))
    eligible = torch.cat(anchors.eligible)
    scores = torch.randn(len(anchors.boxes), generator=torch.Generator().manual_seed(3))
    assigned = eligible[scores[eligible].topk(5).indices].sort().values
    sampling = OriginalSampling(samples_per_patch=16, positive_fraction=0.4, pool_factor=4)
    seen = set()
    for _ in range(60):
        negatives = sampling.draw_negatives(assigned, scores, anchors, 10).tolist()
        assert len(set(negatives)) == 10
        seen |= set(negatives)
    background = eligible[~torch.isin(eligible, assigned)]
    pool = background[scores[background].topk(40).indices].tolist()
    assert seen == set(pool), "all of the pool in the long run, nothing else"


def test_without_boxes_only_negatives_are_drawn() -> None:
    anchors = anchors_of(make_batch([torch.zeros(0, 6)]))
    sample = ORIGINAL.anchor_sampling.select(NOTHING, torch.zeros(len(anchors.boxes)), anchors)
    assert len(sample.positives) == 0
    assert sample.size == ORIGINAL.samples_per_patch


def test_a_patch_with_few_anchors_gives_what_it_has() -> None:
    anchors = anchors_of(make_batch([torch.zeros(0, 6)]))
    count = len(torch.cat(anchors.eligible))
    sampling = OriginalSampling(samples_per_patch=count + 5, positive_fraction=0.4, pool_factor=2)
    assert sampling.select(NOTHING, torch.zeros(len(anchors.boxes)), anchors).size == count
