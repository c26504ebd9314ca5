"""A model: weights, and what a catalogue, or else their own file, tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..case.catalogue import ModelEntry
from .weights import Weights, load_weights


@dataclass(frozen=True)
class Model:
    """Weights and their entry in the catalogue, which counts before what the file tells; None without one."""

    weights: Weights
    entry: ModelEntry | None

    @property
    def name(self) -> str | None:
        """The catalogue's name."""
        return self.entry.name if self.entry else None

    @property
    def training_data(self) -> str:
        """What it learnt from: real, simulated, none or unknown."""
        return self.entry.training_data.kind if self.entry else self.weights.training_data

    @property
    def inference(self) -> Mapping[str, Any]:
        """Settings it was validated with, for `settings.resolve_settings`; empty if none are known."""
        return self.entry.inference if self.entry else self.weights.inference


def load_model(path: Path, entry: ModelEntry | None) -> Model:
    """The model that `catalogue.find_model` has found.

    Raises:
        InputError: see `load_weights`; the file is not that of the entry.
    """
    return Model(load_weights(path, entry.sha256 if entry else None), entry)
