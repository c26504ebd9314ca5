"""Losses and gradients of the golden training patch are the original's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from ribfrac_testing.reference import Golden
from ribfrac_testing.training_targets import SAMPLING_SEED, golden_batch, golden_output
from RibFracDetectorLib.engine.inference.anchors import STRIDES
from RibFracDetectorLib.engine.network import RawOutput, RetinaUNet
from RibFracDetectorLib.engine.weights import load_weights
from RibFracTrainingLib.training.box_overlap import paired_giou, paired_iou
from RibFracTrainingLib.training.losses import Losses, LossSettings, detection_losses
from RibFracTrainingLib.training.losses.varifocal import varifocal_loss

pytestmark = pytest.mark.reference
ORIGINAL = LossSettings.original()
LOSS_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-2
BOTH = ("golden_s", "golden_d")


def original_losses(golden: Golden, raw: RawOutput) -> Losses:
    """The losses with the original's defects and its draw."""
    torch.manual_seed(SAMPLING_SEED)
    return detection_losses(raw, golden_batch(golden), ORIGINAL)


def assert_equal_losses(ours: Losses, theirs: dict[str, Any]) -> None:
    """Every number that the golden data tell of the losses."""

    def close(value: float) -> Any:
        return pytest.approx(value, rel=LOSS_TOLERANCE)

    assert [loss.item() for loss in ours.classification] == [close(loss) for loss in theirs["loss_cls"]]
    assert [loss.item() for loss in ours.boxes] == [close(loss) for loss in theirs["loss_bbox"]]
    assert theirs["seg_loss_weights"] == [ORIGINAL.cross_entropy_weight, ORIGINAL.dice_weight]
    assert ours.cross_entropy.item() == close(ORIGINAL.cross_entropy_weight * theirs["seg_ce_unweighted"])
    assert ours.dice.item() == close(ORIGINAL.dice_weight * theirs["seg_dice_unweighted"])
    assert (ours.cross_entropy + ours.dice).item() == close(theirs["loss_seg"])
    assert ours.total.item() == close(theirs["total"])
    assert ours.segmentation_accuracy.item() == close(theirs["acc_seg"])
    assert ours.assigned_count == theirs["num_pos_assigned"]
    assert ours.positive_count == theirs["num_pos_sampled"]
    assert ours.normalizer.item() == theirs["avg_factor"]


@pytest.mark.parametrize("name", BOTH)
def test_losses_of_the_originals_output(name: str, request: pytest.FixtureRequest) -> None:
    golden: Golden = request.getfixturevalue(name)
    assert_equal_losses(original_losses(golden, golden_output(golden)), golden.facts["train"])


@dataclass(frozen=True)
class TrainedOnce:
    """The network after one backward pass on the golden patch."""

    golden: Golden
    network: RetinaUNet
    losses: Losses


@pytest.fixture(
    scope="module", params=["golden_s", pytest.param("golden_d", marks=pytest.mark.slow)], ids=["S", "D"]
)
def trained(request: pytest.FixtureRequest) -> TrainedOnce:
    golden: Golden = request.getfixturevalue(request.param)
    network = load_weights(golden.checkpoint("fp32")).network()
    losses = original_losses(golden, network(golden_batch(golden).images))
    losses.total.backward()
    return TrainedOnce(golden, network, losses)


def test_losses_through_our_network(trained: TrainedOnce) -> None:
    assert_equal_losses(trained.losses, trained.golden.facts["train"])


def test_which_parameters_have_a_gradient(trained: TrainedOnce) -> None:
    theirs = trained.golden.facts["train"]["grad_l2"]
    ours = {name: parameter.grad for name, parameter in trained.network.named_parameters()}
    assert set(ours) == set(theirs)
    without = {name for name, gradient in ours.items() if gradient is None}
    assert without == {name for name, norm in theirs.items() if norm is None}


def test_gradient_of_every_parameter_of_the_heads(trained: TrainedOnce) -> None:
    assert_equal_gradients(trained, in_heads=True)


def test_gradient_of_every_parameter_before_the_heads(
    trained: TrainedOnce, request: pytest.FixtureRequest
) -> None:
    if trained.network.architecture == "D":
        # Up to 50 % apart where gradients have passed the first dynamic block's input, with equal outputs,
        # losses and gradients of all its parameters. Ours are the derivatives: see the test below.
        reason = "golden_D's gradients before the dynamic head are not the derivatives of its outputs"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=False))
    assert_equal_gradients(trained, in_heads=False)


def assert_equal_gradients(trained: TrainedOnce, in_heads: bool) -> None:
    """L2 norms of the gradients of the heads' parameters, or of all others."""
    theirs = trained.golden.facts["train"]["grad_l2"]
    ours = {
        name: parameter.grad.double().norm().item()
        for name, parameter in trained.network.named_parameters()
        if parameter.grad is not None and ("head" in name.split(".")[0]) == in_heads
    }
    assert ours
    # Behind a closed ReLU gradients are zero, which no relative tolerance allows for.
    assert ours == pytest.approx({name: theirs[name] for name in ours}, rel=GRADIENT_TOLERANCE, abs=1e-9)


@pytest.mark.parametrize("level", range(len(STRIDES)))
def test_derivative_through_the_dynamic_head(
    level: int, golden_d: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the head hands back to the neck is the derivative, by finite differences in float64."""
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    head = load_weights(golden_d.checkpoint("fp32")).network().bbox_head.double()
    generator = torch.Generator().manual_seed(level)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    maps = [noise(1, 128, 12 >> down, 8 >> down, 8 >> down).requires_grad_() for down in range(len(STRIDES))]
    factors = [noise(*tensor.shape) for part in head(maps) for tensor in part]
    direction = noise(*maps[level].shape)
    direction /= direction.norm()

    def response(step: float) -> torch.Tensor:
        moved = [each + step * direction if index == level else each for index, each in enumerate(maps)]
        outputs = (tensor for part in head(moved) for tensor in part)
        return sum((tensor * factor).sum() for tensor, factor in zip(outputs, factors, strict=True))

    (gradient,) = torch.autograd.grad(response(0.0), maps[level])
    with torch.no_grad():
        difference = (response(1e-6) - response(-1e-6)) / 2e-6
    assert (gradient * direction).sum().item() == pytest.approx(difference.item(), rel=1e-5)


@pytest.mark.parametrize("name", BOTH)
def test_varifocal_loss_alone(name: str, request: pytest.FixtureRequest) -> None:
    golden: Golden = request.getfixturevalue(name)
    arrays, facts = golden.arrays("train"), golden.facts["train"]
    (key,) = (key for key in facts if key.startswith("vfl_loss_avg"))
    logits, targets = (torch.from_numpy(arrays[f"vfl_{part}"]) for part in ("pred", "target"))
    summed = varifocal_loss(logits, targets, ORIGINAL.alpha, ORIGINAL.gamma).sum().item()
    averaged = ORIGINAL.class_weight * summed / int(key.removeprefix("vfl_loss_avg"))
    assert averaged == pytest.approx(facts[key], rel=1e-6)


@pytest.mark.parametrize("name", BOTH)
def test_overlap_of_boxes_alone(name: str, request: pytest.FixtureRequest) -> None:
    golden: Golden = request.getfixturevalue(name)
    arrays, facts = golden.arrays("train"), golden.facts["train"]
    (key,) = (key for key in facts if key.startswith("giou_loss_avg"))
    predicted, target = (torch.from_numpy(arrays[f"giou_{part}"]) for part in ("pred", "target"))
    giou = paired_giou(predicted, target)
    np.testing.assert_allclose(giou.numpy(), arrays["giou_val"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(paired_iou(predicted, target).numpy(), arrays["iou_val"], rtol=0, atol=1e-6)
    averaged = ORIGINAL.box_weight * (1 - giou).sum().item() / int(key.removeprefix("giou_loss_avg"))
    assert averaged == pytest.approx(facts[key], rel=1e-6)
