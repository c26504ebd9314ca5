"""Optimizers by name, with the parameters that a configuration may set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field
from torch.nn import Parameter
from torch.optim import SGD, AdamW, Optimizer

Rate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(ge=0, lt=1)]


def adamw(
    parameters: Iterable[Parameter],
    lr: Rate = 1e-4,
    weight_decay: Decay = 5e-4,
    betas: tuple[Momentum, Momentum] = (0.9, 0.999),
    eps: Rate = 1e-8,
) -> Optimizer:
    """AdamW (Loshchilov and Hutter, ICLR 2019) on all parameters, norms and biases too (spec 8.7)."""
    return AdamW(parameters, lr=lr, weight_decay=weight_decay, betas=betas, eps=eps)


def sgd(
    parameters: Iterable[Parameter],
    lr: Rate = 0.01,
    weight_decay: Decay = 0.0,
    momentum: Momentum = 0.9,
    nesterov: bool = False,
) -> Optimizer:
    """Stochastic gradient descent with momentum."""
    return SGD(parameters, lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov)


OPTIMIZERS = {"adamw": adamw, "sgd": sgd}
