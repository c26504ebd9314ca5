"""What must be said wherever results of a model that did not learn from patients are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .findings import WeightsReference

BANNERS = {
    "none": "UNTRAINED: these weights are random and detect nothing",
    "simulated": "SIMULATED: these weights learnt from simulated fractures only; not for patients",
}
"""By what the model was trained on, the most restrictive first."""


def banner(models: Sequence[WeightsReference]) -> str | None:
    """What must be said wherever results of these models are shown; the most restrictive one counts."""
    kinds = {weights.training_data for weights in models}
    return next((text for kind, text in BANNERS.items() if kind in kinds), None)
