"""SWA is the mean of late epochs, EMA starts when it is told to."""

from __future__ import annotations

import pytest
import torch
from RibFracTrainingLib.training.averaging import Averaging, Moment, ema, swa
from torch import nn

STEPS, PER_EPOCH = 12, 3


def averaged_after(averaging: Averaging) -> float | None:
    """The average when the weight is 1, 2, ... after each step."""
    network = nn.Linear(1, 1, bias=False)
    for step in range(1, STEPS + 1):
        nn.init.constant_(network.weight, float(step))
        averaging.update(network, Moment(step, STEPS, PER_EPOCH))
    return None if averaging.network is None else averaging.network.weight.item()


def test_swa_is_the_mean_of_the_ends_of_late_epochs() -> None:
    assert averaged_after(swa(start=0.5)) == pytest.approx((9 + 12) / 2)
    assert averaged_after(swa(start=0.0, every_epochs=2)) == pytest.approx((6 + 12) / 2)


def test_ema_from_a_step_on() -> None:
    assert averaged_after(ema(decay=0.5, start_step=10)) == pytest.approx(11 * 0.5 + 12 * 0.5)
    assert averaged_after(ema(start_step=STEPS)) is None


def test_a_restored_average_goes_on() -> None:
    network, averaging = nn.Linear(1, 1, bias=False), swa(start=0.0)
    nn.init.constant_(network.weight, 3.0)
    averaging.update(network, Moment(3, STEPS, PER_EPOCH))
    restored = swa(start=0.0)
    weights = {key: tensor.clone() for key, tensor in averaging.network.state_dict().items()}
    restored.load_state_dict(averaging.state_dict(), nn.Linear(1, 1, bias=False), weights)
    nn.init.constant_(network.weight, 9.0)
    restored.update(network, Moment(6, STEPS, PER_EPOCH))
    assert torch.equal(restored.network.weight, torch.tensor([[6.0]]))


def test_an_average_that_had_not_begun_is_none_after_an_interruption() -> None:
    network, averaging, restored = nn.Linear(1, 1), swa(start=0.5), swa(start=0.5)
    averaging.update(network, Moment(3, STEPS, PER_EPOCH))
    restored.load_state_dict(averaging.state_dict(), network, dict(network.state_dict()))
    assert restored.network is None
