"""Averages of the weights along the training, which are then validated and saved instead of the last ones.

EMA: exponential moving average, updated at each step. SWA: equal-weight mean of some late epochs (Izmailov et
al., UAI 2018). Both use torch's `AveragedModel`; no recalibration of norms is needed, there are no running
statistics (spec 9.3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


@dataclass(frozen=True)
class Moment:
    """A finished step of the optimizer, counted from 1, of how many in all and in an epoch."""

    step: int
    total_steps: int
    steps_per_epoch: int


class Averaging:
    """A running average of a network's weights.

    Args:
        is_due: whether the average takes in the weights of a moment.
        average: torch's function of averages, None for the equal-weight mean.
    """

    def __init__(self, is_due: Callable[[Moment], bool], average: Callable[..., None] | None) -> None:
        self._is_due = is_due
        self._average = average
        self._averaged: AveragedModel | None = None

    @property
    def network(self) -> nn.Module | None:
        """The averaged network; None before the first update."""
        return None if self._averaged is None else self._averaged.module

    def update(self, network: nn.Module, moment: Moment) -> None:
        """Take in the weights, if it is time to."""
        if not self._is_due(moment):
            return
        if self._averaged is None:
            self._averaged = self._copy_of(network)
        self._averaged.update_parameters(network)

    def state_dict(self) -> dict[str, Any]:
        """How many weights the average holds; the average itself is `network`'s state dict."""
        return {"count": 0 if self._averaged is None else int(self._averaged.n_averaged)}

    def load_state_dict(self, state: dict[str, Any], network: nn.Module, averaged: dict[str, Tensor]) -> None:
        """Restore the average of an interrupted training.

        Args:
            state: what `state_dict` returned.
            network: of the same architecture, on the device of the training.
            averaged: the average's weights.
        """
        if state["count"] == 0:
            return
        self._averaged = self._copy_of(network)
        self._averaged.module.load_state_dict(averaged)
        self._averaged.n_averaged.fill_(state["count"])

    def to(self, device: Any) -> None:
        """Move the average."""
        if self._averaged is not None:
            self._averaged.to(device)

    def _copy_of(self, network: nn.Module) -> AveragedModel:
        return AveragedModel(network, multi_avg_fn=self._average)


def ema(
    decay: Annotated[float, Field(gt=0, lt=1)] = 0.999, start_step: Annotated[int, Field(ge=0)] = 0
) -> Averaging:
    """Exponential moving average from `start_step` on."""
    return Averaging(lambda moment: moment.step > start_step, get_ema_multi_avg_fn(decay))


def swa(
    start: Annotated[float, Field(ge=0, lt=1)] = 0.75, every_epochs: Annotated[int, Field(ge=1)] = 1
) -> Averaging:
    """Mean of the weights at the end of every so many epochs, after the part `start` of the training."""

    def is_due(moment: Moment) -> bool:
        at_end = moment.step % (moment.steps_per_epoch * every_epochs) == 0
        return at_end and moment.step > start * moment.total_steps

    return Averaging(is_due, None)


AVERAGINGS = {"ema": ema, "swa": swa}
