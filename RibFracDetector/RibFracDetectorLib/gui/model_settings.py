"""The settings that the user may change in place of the chosen model's own."""

from __future__ import annotations

import json
from typing import Any

from .model_choice import ModelChoice
from .parameters import DEFAULTS, LARGEST, DetectorParameters

KEYS = {"scoreThreshold": "score_thr", "cutoff": "cutoff", "overlap": "overlap"}
ALL_FLIPS = ("diagonal", "headfeet", "all3axis")


class ModelSettings:
    """Begins with the model's own values when the user wants others; keeps what was changed for each model.

    Args:
        models: the model that is chosen.
    """

    def __init__(self, models: ModelChoice) -> None:
        self._models = models
        self._parameters: DetectorParameters | None = None
        self._model = ""
        self._changed: dict[str, dict[str, Any]] = {}

    def bind(self, parameters: DetectorParameters | None) -> None:
        """Work on the choices of a scene, which stay as they are; None between two scenes."""
        self._parameters = parameters
        self._model = self._models.weights
        if parameters is not None and parameters.useModelSettings:
            self._changed = {}

    def model_chosen(self) -> None:
        """Another model is chosen: the settings become what was last set for it."""
        before, self._model = self._model, self._models.weights
        if self._parameters is None or self._parameters.useModelSettings or before == self._model:
            return
        self._changed[before] = {name: getattr(self._parameters, name) for name in DEFAULTS}
        self._fill()

    def use_own(self, wanted: bool) -> None:
        """Whether the model's own settings are used; what was changed is forgotten then."""
        if self._parameters is None or self._parameters.useModelSettings == wanted:
            return  # a scene that was loaded tells it, and the settings, too
        self._parameters.useModelSettings = wanted  # first, because the next change shows all parameters
        if wanted:
            self._changed = {}
        else:
            self._fill()

    def assignments(self, parameters: DetectorParameters) -> tuple[str, ...]:
        """The `key=value` that override the model's own settings."""
        if parameters.useModelSettings:
            return ()
        numbers = [f"{key}={getattr(parameters, name):.4g}" for name, key in KEYS.items()]
        if parameters.flips:
            return (*numbers, f"flips={json.dumps(ALL_FLIPS)}")
        if self._own()["flips"]:
            return (*numbers, "flips=[]")
        return tuple(numbers)  # with the flips that the model has of its own, if any

    def _own(self) -> dict[str, Any]:
        """The chosen model's values; a file's are known to the engine alone, so it has the defaults."""
        block = self._models.entry.inference if self._models.entry else {}
        own = {name: min(block.get(key, DEFAULTS[name]), LARGEST[name]) for name, key in KEYS.items()}
        return {**own, "flips": set(ALL_FLIPS) <= set(block.get("flips", ()))}

    def _fill(self) -> None:
        for name, value in self._changed.get(self._model, self._own()).items():
            setattr(self._parameters, name, value)
