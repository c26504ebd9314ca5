"""Losses for any boxes: finite, non-negative, zero for a perfect answer, right to the last derivative."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.training_targets import (
    PATCH,
    anchors_of,
    box_lists,
    make_batch,
    perfect_output,
    random_output,
)
from RibFracDetectorLib.engine.inference.anchors import flatten_head_output
from RibFracDetectorLib.engine.network import RawOutput
from RibFracTrainingLib.training.assignment import assign_boxes
from RibFracTrainingLib.training.batch import TrainingBatch
from RibFracTrainingLib.training.box_overlap import paired_giou
from RibFracTrainingLib.training.losses import Losses, LossSettings, detection_losses, voxel_losses
from RibFracTrainingLib.training.losses.segmentation import DICE_SCORES, IGNORED, segmentation_losses
from RibFracTrainingLib.training.losses.varifocal import varifocal_loss
from torch import Tensor

SETTINGS = LossSettings()
NO_BOXES = torch.zeros(0, 6)
TWO_BOXES = torch.tensor([[10.0, 9, 8, 21, 20, 19], [30.2, 4.4, 15.1, 36.9, 12.3, 24.8]])
VARIANTS = [
    SETTINGS,
    LossSettings.original(),
    LossSettings(normalizer="positives"),
]


def parts(losses: Losses) -> Tensor:
    """Every loss of a batch."""
    return torch.stack([*losses.classification, *losses.boxes, losses.cross_entropy, losses.dice])


def gradients(raw: RawOutput) -> list[Tensor]:
    """What arrived at every map of the raw output."""
    return [tensor.grad for tensor in (*raw.class_logits, *raw.box_deltas, raw.seg_logits)]


@given(st.lists(box_lists(), min_size=1, max_size=3), st.integers(0, 99), st.sampled_from(VARIANTS))
def test_losses_are_finite_and_not_negative(boxes: list[Tensor], seed: int, settings: LossSettings) -> None:
    batch = make_batch(boxes)
    raw = random_output(batch, seed, scale=3.0)
    losses = detection_losses(raw, batch, settings)
    losses.total.backward()
    assert torch.isfinite(parts(losses)).all()
    assert (parts(losses) >= 0).all()
    assert losses.total.item() == pytest.approx(parts(losses).sum().item(), rel=1e-5)
    for gradient in gradients(raw):
        assert gradient is not None
        assert torch.isfinite(gradient).all()


@given(box_lists(), st.integers(0, 99), st.randoms(use_true_random=False))
def test_the_order_of_boxes_does_not_matter(boxes: Tensor, seed: int, random: object) -> None:
    # An anchor that two boxes overlap alike goes to the first, as in the original: no such ties here.
    generator = torch.Generator().manual_seed(seed)
    boxes = boxes + torch.tensor([-0.1, -0.1, -0.1, 0.1, 0.1, 0.1]) * torch.rand(
        boxes.shape, generator=generator
    )
    order = list(range(len(boxes)))
    random.shuffle(order)
    batch = make_batch([boxes])
    shuffled = replace(batch, boxes=[boxes[order]], classes=[batch.classes[0][order]])
    raw = random_output(batch, seed)
    one, other = (parts(detection_losses(raw, each, SETTINGS)) for each in (batch, shuffled))
    torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)


@given(box_lists(smallest=2.0))
def test_a_perfect_answer_costs_nothing(boxes: Tensor) -> None:
    batch = make_batch([boxes])
    losses = detection_losses(perfect_output(batch), batch, SETTINGS)
    assert (parts(losses) < 1e-3).all()
    assert losses.segmentation_accuracy == 100


def test_a_positive_whose_predicted_box_misses_is_not_trained_as_background() -> None:
    batch = make_batch([TWO_BOXES])
    positives = assign_boxes(anchors_of(batch), TWO_BOXES, SETTINGS.candidates_per_level).anchors
    raw = random_output(batch, seed=0)
    far_away = [torch.full_like(level, -40.0) for level in raw.box_deltas]
    detection_losses(raw._replace(box_deltas=far_away), batch, SETTINGS).total.backward()
    gradient = _flat([level.grad for level in raw.class_logits], 1)[0, :, 0]
    assert gradient[positives].abs().max() < 1e-5 < gradient.abs().max()


@pytest.mark.parametrize("settings", VARIANTS)
def test_a_batch_without_boxes_teaches_the_background(settings: LossSettings) -> None:
    batch = make_batch([NO_BOXES, NO_BOXES])
    raw = random_output(batch, seed=0)
    losses = detection_losses(raw, batch, settings)
    losses.total.backward()
    assert torch.isfinite(parts(losses)).all()
    assert [loss.item() for loss in losses.boxes] == [0, 0, 0]
    assert losses.box_count == losses.assigned_count == losses.positive_count == 0
    assert all((level.grad > 0).any() for level in raw.class_logits)
    assert all(level.grad is not None and not level.grad.any() for level in raw.box_deltas)


def test_a_patch_without_boxes_beside_one_with_boxes() -> None:
    batch = make_batch([NO_BOXES, TWO_BOXES])
    raw = random_output(batch, seed=0)
    losses = detection_losses(raw, batch, SETTINGS)
    losses.total.backward()
    assert losses.box_count == 2
    assert losses.normalizer == 2 * SETTINGS.samples_per_patch
    for level in raw.box_deltas:
        assert not level.grad[0].any()
    assert any(level.grad[1].any() for level in raw.box_deltas)


def test_scores_learn_from_boxes_but_not_boxes_from_scores() -> None:
    batch = make_batch([TWO_BOXES])
    raw = random_output(batch, seed=1)
    sum(detection_losses(raw, batch, SETTINGS).classification).backward()
    assert all(level.grad is None or not level.grad.any() for level in raw.box_deltas)
    worse = raw._replace(box_deltas=[level + 20 for level in raw.box_deltas])
    one, other = (detection_losses(each, batch, SETTINGS).classification for each in (raw, worse))
    assert one != other


def test_float32_also_under_autocast() -> None:
    batch = make_batch([TWO_BOXES])
    halves = RawOutput(*(_halved(part) for part in random_output(batch, seed=1)))
    expected = parts(detection_losses(halves, batch, SETTINGS))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(parts(detection_losses(halves, batch, SETTINGS)), expected)
    assert expected.dtype == torch.float32
    exact = RawOutput([x.float() for x in halves[0]], [x.float() for x in halves[1]], halves[2].float())
    assert torch.equal(parts(detection_losses(exact, batch, SETTINGS)), expected)


def _halved(part: list[Tensor] | Tensor) -> list[Tensor] | Tensor:
    return part.detach().bfloat16() if isinstance(part, Tensor) else [_halved(level) for level in part]


def test_the_normalizer_is_averaged_over_processes() -> None:
    batch = make_batch([TWO_BOXES])
    raw = random_output(batch, seed=1)
    seen: list[float] = []

    def average(value: Tensor) -> Tensor:
        seen.append(value.item())
        return value * 2

    alone, together = (
        detection_losses(raw, batch, SETTINGS),
        detection_losses(raw, batch, SETTINGS, average),
    )
    assert seen == [SETTINGS.samples_per_patch]
    torch.testing.assert_close(torch.stack(alone.classification), 2 * torch.stack(together.classification))
    torch.testing.assert_close(torch.stack(alone.boxes), torch.stack(together.boxes))


def test_a_fracture_of_unknown_class_is_one_where_there_is_one_class() -> None:
    known = make_batch([TWO_BOXES])
    unknown = make_batch([TWO_BOXES], [torch.tensor([-1, 0])])
    raw = random_output(known, seed=2)
    one, other = (parts(detection_losses(raw, batch, SETTINGS)) for batch in (known, unknown))
    assert torch.equal(one, other)


def test_among_several_classes_an_unknown_one_teaches_boxes_only() -> None:
    batch = make_batch([TWO_BOXES], [torch.tensor([-1, 2])])
    anchors = anchors_of(batch)
    assigned = assign_boxes(anchors, TWO_BOXES, SETTINGS.candidates_per_level)
    raw = random_output(batch, seed=3, class_count=3)
    losses = detection_losses(raw, batch, SETTINGS)
    losses.total.backward()
    class_gradient = _flat([level.grad for level in raw.class_logits], 3)[0]
    box_gradient = _flat([level.grad for level in raw.box_deltas], 6)[0]
    unknown, known = (assigned.anchors[assigned.boxes == box] for box in (0, 1))
    assert len(unknown)
    assert len(known)
    assert not class_gradient[unknown].any()
    assert (class_gradient[known, 2] < 0).any(), "the score of its own class shall rise"
    assert (class_gradient[known][:, :2] > 0).all(), "those of the others shall fall"
    assert box_gradient[unknown].any(dim=1).all()
    assert losses.positive_count == len(assigned.anchors)


def _flat(levels: list[Tensor], channels: int) -> Tensor:
    return torch.cat([flatten_head_output(level, channels) for level in levels], dim=1)


@given(st.integers(0, 99))
def test_ignored_voxels_say_nothing(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 2, (2, 6, 5, 4), generator=generator).to(torch.uint8)
    labels[0, :3] = IGNORED
    labels[1] = IGNORED if seed % 2 else labels[1]
    logits = torch.randn(2, 2, 6, 5, 4, generator=generator, requires_grad=True)
    ours = segmented(logits, labels)
    (ours.cross_entropy + ours.dice).backward()
    assert not logits.grad.movedim(1, -1)[labels == IGNORED].any()
    assert logits.grad.movedim(1, -1)[labels != IGNORED].all()
    disturbed = torch.where((labels == IGNORED)[:, None], torch.full_like(logits, 9.0), logits)
    again = segmented(disturbed, labels)
    assert (again.cross_entropy, again.dice) == (ours.cross_entropy, ours.dice)
    assert again.accuracy == ours.accuracy


def test_patches_of_ignored_voxels_alone_cost_nothing() -> None:
    logits = torch.randn(1, 2, 4, 4, 4)
    losses = segmented(logits, torch.full((1, 4, 4, 4), IGNORED, dtype=torch.uint8))
    assert losses.cross_entropy == 0
    assert losses.dice == 0


def segmented(logits: Tensor, labels: Tensor, dice: str = "standard"):
    """Losses with the default class weights."""
    return segmentation_losses(logits, labels, SETTINGS.voxel_class_weights, DICE_SCORES[dice])


def test_cross_entropy_is_torchs_without_division_by_the_weights() -> None:
    labels = torch.randint(0, 2, (2, 6, 5, 4)).to(torch.uint8)
    labels[0, 0, 0] = IGNORED
    logits = 3 * torch.randn(2, 2, 6, 5, 4)
    each = torch.nn.functional.cross_entropy(
        logits,
        labels.long(),
        weight=torch.tensor(SETTINGS.voxel_class_weights),
        ignore_index=IGNORED,
        reduction="none",
    )
    expected = each.sum() / (labels != IGNORED).sum()
    torch.testing.assert_close(segmented(logits, labels).cross_entropy, expected)


def test_derivatives_of_the_varifocal_loss() -> None:
    logits = torch.tensor([-2.0, -0.5, 0.3, 1.7], dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([0, 0.6, 0, 1e-6], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: varifocal_loss(x, targets, 0.75, 2.0), logits)


def test_derivatives_of_giou() -> None:
    boxes = torch.tensor(
        [[0, 0, 0, 4, 5, 6.0], [10, 0, 0, 12, 3, 3], [2, 2, 2, 3, 3, 3]], dtype=torch.float64
    )
    target = torch.tensor(
        [[1, -1, 2, 5.5, 4, 7.0], [0, 1, 1, 3, 5, 4], [0, 0, 0, 9, 8, 7]], dtype=torch.float64
    )
    assert torch.autograd.gradcheck(lambda x: 1 - paired_giou(x, target), boxes.requires_grad_())


@pytest.mark.parametrize("dice", list(DICE_SCORES))
def test_derivatives_of_the_voxel_losses(dice: str) -> None:
    labels = torch.tensor([0, 1, IGNORED, 1] * 6, dtype=torch.uint8).reshape(2, 3, 2, 2)
    logits = torch.randn(2, 2, 2, 1, 1, dtype=torch.float64, requires_grad=True)

    def both(values: Tensor) -> tuple[Tensor, Tensor]:
        losses = segmented(values, labels, dice)
        return losses.cross_entropy, losses.dice

    assert torch.autograd.gradcheck(both, logits)


def test_the_log_tells_every_part() -> None:
    batch: TrainingBatch = make_batch([TWO_BOXES])
    losses = detection_losses(random_output(batch, seed=0), batch, SETTINGS)
    log = losses.for_log()
    assert all(not value.requires_grad for value in log.values() if isinstance(value, Tensor))
    assert log["boxes"] == 2
    assert log["positive_anchors"] == losses.positive_count > 0
    summed = sum(value for name, value in log.items() if "level" in name or name in ("cross_entropy", "dice"))
    torch.testing.assert_close(log["loss"], summed)
    assert tuple(batch.images.shape[2:]) == PATCH


def test_voxel_losses_are_those_of_the_whole() -> None:
    batch = make_batch([TWO_BOXES, NO_BOXES])
    raw = random_output(batch, seed=0)
    settings = LossSettings(cross_entropy_weight=0.5, dice_weight=0.7, voxel_class_weights=(0.3, 2.0))
    whole = detection_losses(raw, batch, settings)
    voxels = voxel_losses(raw.seg_logits, batch, settings)
    assert voxels.cross_entropy == whole.cross_entropy
    assert voxels.dice == whole.dice
    assert voxels.total == whole.cross_entropy + whole.dice
    assert voxels.box_count == whole.box_count == 2
