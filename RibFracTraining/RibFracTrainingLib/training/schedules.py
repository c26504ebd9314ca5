"""Schedules of the learning rate: pure functions from the optimizer's step to a factor of its rate.

Being functions of the step alone, they need no state to be resumed. All begin with the linear warm-up of the
published system (spec 8.7): the factor rises from `warmup_ratio` to 1 in `warmup_steps` steps, on top of the
schedule itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

from pydantic import Field

Factor = Callable[[int], float]
Steps = Annotated[int, Field(ge=0)]
Ratio = Annotated[float, Field(gt=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]


def poly(
    total_steps: int,
    base_lr: float,
    power: Annotated[float, Field(gt=0)] = 0.99,
    min_lr: NotNegative = 1e-5,
    warmup_steps: Steps = 500,
    warmup_ratio: Ratio = 0.1,
) -> Factor:
    """lr(step) = (base - min) * (1 - step / total)^power + min, the published system's (spec 8.7)."""

    def factor(step: int) -> float:
        remaining = max(0.0, 1 - step / total_steps)
        return ((base_lr - min_lr) * remaining**power + min_lr) / base_lr

    return with_warmup(factor, warmup_steps, warmup_ratio)


def cosine(
    total_steps: int,
    base_lr: float,
    min_lr: NotNegative = 1e-5,
    warmup_steps: Steps = 500,
    warmup_ratio: Ratio = 0.1,
) -> Factor:
    """Half a cosine from the base rate to `min_lr` (Loshchilov and Hutter, ICLR 2017)."""

    def factor(step: int) -> float:
        share = (1 + math.cos(math.pi * min(1.0, step / total_steps))) / 2
        return ((base_lr - min_lr) * share + min_lr) / base_lr

    return with_warmup(factor, warmup_steps, warmup_ratio)


def constant(warmup_steps: Steps = 0, warmup_ratio: Ratio = 0.1) -> Factor:
    """The optimizer's rate throughout."""
    return with_warmup(lambda _step: 1.0, warmup_steps, warmup_ratio)


def cyclic(
    steps_per_epoch: int,
    base_lr: float,
    min_lr: NotNegative = 1e-5,
    epochs_per_cycle: Annotated[int, Field(ge=1)] = 1,
) -> Factor:
    """Falls linearly from the base rate to `min_lr`, again and again; for SWA (Izmailov et al., UAI 2018)."""
    length = steps_per_epoch * epochs_per_cycle

    def factor(step: int) -> float:
        share = 1 - (step % length) / max(1, length - 1)
        return ((base_lr - min_lr) * share + min_lr) / base_lr

    return factor


def with_warmup(factor: Factor, steps: int, ratio: float) -> Factor:
    """`factor` times a linear rise from `ratio` to 1 over the first `steps` steps."""

    def warmed(step: int) -> float:
        rise = ratio + (1 - ratio) * step / steps if step < steps else 1.0
        return factor(step) * rise

    return warmed


SCHEDULES = {"constant": constant, "cosine": cosine, "cyclic": cyclic, "poly": poly}
