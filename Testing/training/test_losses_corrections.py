"""What the original does wrong, what the defaults do instead, and that the two differ (spec 8.5, 8.6)."""

from __future__ import annotations

import pytest
import torch
from ribfrac_testing.training_targets import make_batch, perfect_output, random_output
from RibFracTrainingLib.training.losses import LossSettings, detection_losses
from torch import Tensor

MANY_POSITIVES = torch.tensor(
    [
        [4.1 + 16 * x, 4.2 + 14 * y, 4.3 + 14 * z, 12 + 16 * x, 13 + 14 * y, 13.5 + 14 * z]
        for x in range(3)
        for y in range(2)
        for z in range(2)
    ]
)
STANDARD = LossSettings()
ORIGINAL_SAMPLING = LossSettings(sampling="original")
ORIGINAL_DICE = LossSettings(dice="original")


def class_gradient(settings: LossSettings) -> tuple[Tensor, int]:
    """Gradients at all class logits, and the number of assigned anchors."""
    batch = make_batch([MANY_POSITIVES])
    raw = random_output(batch, seed=0)
    torch.manual_seed(0)
    losses = detection_losses(raw, batch, settings)
    sum(losses.classification).backward()
    return torch.cat([level.grad.flatten() for level in raw.class_logits]), losses.assigned_count


def test_no_fracture_is_trained_as_background() -> None:
    limit = int(STANDARD.samples_per_patch * STANDARD.positive_fraction)
    corrected, assigned = class_gradient(STANDARD)
    original, same_count = class_gradient(ORIGINAL_SAMPLING)
    assert assigned == same_count > limit, "the example exceeds the original's share of positives"
    changed = corrected != original
    assert changed.sum() == assigned - limit
    # A descent step lowers the score of the anchors that the original drops.
    assert (original[changed] > 0).all()


def test_all_assigned_anchors_learn_their_box() -> None:
    batch = make_batch([MANY_POSITIVES])
    raw = random_output(batch, seed=0)
    ours = detection_losses(raw, batch, STANDARD)
    theirs = detection_losses(raw, batch, ORIGINAL_SAMPLING)
    assert ours.positive_count == ours.assigned_count > theirs.positive_count


def test_the_scale_of_the_originals_normaliser_is_kept() -> None:
    batch = make_batch([MANY_POSITIVES, torch.zeros(0, 6)])
    raw = random_output(batch, seed=0)
    ours, theirs = (detection_losses(raw, batch, settings) for settings in (STANDARD, ORIGINAL_SAMPLING))
    assert ours.normalizer == theirs.normalizer == 2 * STANDARD.samples_per_patch


def test_the_normaliser_can_be_the_number_of_positives() -> None:
    batch = make_batch([MANY_POSITIVES, torch.zeros(0, 6)])
    raw = random_output(batch, seed=0)
    samples = detection_losses(raw, batch, STANDARD)
    positives = detection_losses(raw, batch, LossSettings(normalizer="positives"))
    assert positives.normalizer == positives.positive_count != samples.normalizer
    torch.testing.assert_close(
        torch.stack(positives.classification) * positives.normalizer,
        torch.stack(samples.classification) * samples.normalizer,
    )


def test_dice_of_a_perfect_mask_is_one() -> None:
    box = torch.tensor([[4.0, 4, 4, 20, 20, 20]])
    batch = make_batch([box])
    raw = perfect_output(batch)
    corrected = detection_losses(raw, batch, STANDARD).dice
    floor = detection_losses(raw, batch, ORIGINAL_DICE).dice
    _, fracture_weight = STANDARD.voxel_class_weights
    assert corrected.item() == pytest.approx(0, abs=1e-6)
    assert floor.item() == pytest.approx(STANDARD.dice_weight * fracture_weight / 3, rel=1e-3)


def test_the_box_loss_is_a_sum_of_means_over_levels() -> None:
    """Not marked as a defect, so kept: one positive on a level weighs as much as all of another's."""
    batch = make_batch([MANY_POSITIVES])
    raw = random_output(batch, seed=0)
    losses = detection_losses(raw, batch, STANDARD)
    for level, loss in enumerate(losses.boxes):
        only = [
            deltas if index == level else torch.zeros_like(deltas)
            for index, deltas in enumerate(raw.box_deltas)
        ]
        again = detection_losses(raw._replace(box_deltas=only), batch, STANDARD)
        torch.testing.assert_close(again.boxes[level], loss)
    repeated = make_batch([MANY_POSITIVES, MANY_POSITIVES])
    twice = raw._replace(
        class_logits=[level.repeat(2, 1, 1, 1, 1) for level in raw.class_logits],
        box_deltas=[level.repeat(2, 1, 1, 1, 1) for level in raw.box_deltas],
        seg_logits=raw.seg_logits.repeat(2, 1, 1, 1, 1),
    )
    torch.testing.assert_close(detection_losses(twice, repeated, STANDARD).boxes, losses.boxes)
