"""What guards a step: gradients are cut to their limit, and dropped where they are not finite."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from RibFracTrainingLib.training.module import DetectionModule, StepSettings, TrainingDivergedError
from torch import nn
from torch.optim import SGD


def guarded(clip_norm: float | None, nonfinite_limit: int = 3) -> DetectionModule:
    """A module of two weights, of which the guard needs nothing else."""
    settings = StepSettings(seed=0, clip_norm=clip_norm, nonfinite_limit=nonfinite_limit)
    return DetectionModule(nn.Linear(2, 1, bias=False), None, None, None, None, None, settings)


def gradient_after(module: DetectionModule, gradient: list[float]) -> list[float] | None:
    """What the optimizer is left of a gradient."""
    weight = module.network.weight
    weight.grad = torch.tensor([gradient])
    module.configure_gradient_clipping(SGD(module.network.parameters(), lr=0.25))
    return None if weight.grad is None else weight.grad[0].tolist()


@pytest.mark.parametrize(
    ("clip_norm", "left"), [(None, [3.0, 4.0]), (5.5, [3.0, 4.0]), (2.5, [1.5, 2.0]), (1.0, [0.6, 0.8])]
)
def test_gradients_are_cut_to_the_norm_that_is_configured(clip_norm: float | None, left: list[float]) -> None:
    module = guarded(clip_norm)
    assert gradient_after(module, [3.0, 4.0]) == pytest.approx(left, rel=1e-5)
    assert module.grad_norm == pytest.approx(5.0), "the log has the norm before"
    assert module.learning_rate == 0.25


def test_only_steps_in_a_row_without_finite_gradients_end_a_training() -> None:
    module = guarded(1.0)
    for bad in (math.nan, math.inf) * 2:
        assert gradient_after(module, [bad, 1.0]) is None
        assert gradient_after(module, [1.0, -math.inf]) is None
        assert gradient_after(module, [0.3, 0.4]) is not None
    assert module.skipped_steps == 8
    for _ in range(2):
        assert gradient_after(module, [math.nan, 1.0]) is None
    with pytest.raises(TrainingDivergedError, match=r"epoch 1: 3 steps in a row .*learning rate 0\.25"):
        gradient_after(module, [math.nan, 1.0])


def test_a_resumed_training_remembers_how_many_steps_were_dropped() -> None:
    module, resumed = guarded(1.0), guarded(1.0)
    for gradient in ([math.nan, 1.0], [0.3, 0.4], [math.nan, 1.0], [math.nan, 1.0]):
        gradient_after(module, gradient)
    module.meta = {"epoch": 2, "iter": 9}
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    resumed.on_load_checkpoint(checkpoint)
    assert (resumed.skipped_steps, resumed.meta) == (3, {"epoch": 2, "iter": 9})
    with pytest.raises(TrainingDivergedError, match="3 steps in a row"):
        gradient_after(resumed, [math.nan, 1.0])
