"""What a configuration may choose about assignment and losses; defaults of spec 2 and 8.4-8.6."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from RibFracDetectorLib.case.errors import InputError

from ..anchor_sampling import AllPositives, AnchorSampling, OriginalSampling

Normalizer = Literal["samples", "positives"]
DiceName = Literal["standard", "original"]


@dataclass(frozen=True)
class VoxelLossSettings:
    """Parameters of the losses of voxels.

    Attributes:
        cross_entropy_weight: weight of the voxels' cross entropy.
        dice_weight: weight of the voxels' Dice loss.
        dice: "standard", or "original" with the intersection once too often below the line (spec 8.6 [bug]).
        voxel_class_weights: of background and fracture, in cross entropy; Dice uses the latter.
    """

    cross_entropy_weight: float = 0.3
    dice_weight: float = 0.198
    dice: DiceName = "standard"
    voxel_class_weights: tuple[float, float] = (0.4, 1.25)

    def __post_init__(self) -> None:
        """Refuse impossible values.

        Raises:
            InputError: a value is outside its range, or a name is not one of those offered.
        """
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            expected, accepts = _RULES[field.name]
            if not accepts(value):
                raise InputError(f"losses.{field.name} is {value!r}; expected {expected}")


@dataclass(frozen=True)
class LossSettings(VoxelLossSettings):
    """Parameters of assignment and losses, those of voxels included.

    `LossSettings.original()` repeats the published system, its defects included; the defaults correct them.

    Attributes:
        candidates_per_level: anchors of each level that ATSS looks at for a box.
        border: anchors that reach further out of the patch, in voxels, are never assigned.
        sampling: positives trained as fractures: "all_positives", or "original" (some; spec 8.5 [bug]).
        samples_per_patch: size of the sample of a patch.
        positive_fraction: largest share of positives in the original's sample.
        pool_factor: the original's negatives are drawn from so many times as many.
        normalizer: the classification loss is divided by the number of "samples" or of "positives".
        class_weight: weight of the varifocal loss.
        alpha: weight of background anchors in the varifocal loss.
        gamma: exponent of the varifocal loss's focal factor, at least 1.
        box_weight: weight of the GIoU loss.
    """

    candidates_per_level: int = 8
    border: float = 3.0
    sampling: Literal["all_positives", "original"] = "all_positives"
    samples_per_patch: int = 64
    positive_fraction: float = 0.4
    pool_factor: int = 20
    normalizer: Normalizer = "samples"
    class_weight: float = 8.0
    alpha: float = 0.75
    gamma: float = 2.0
    box_weight: float = 0.4

    @classmethod
    def original(cls) -> LossSettings:
        """The published system's losses with their defects."""
        return cls(sampling="original", dice="original")

    @property
    def anchor_sampling(self) -> AnchorSampling:
        """The sampler that `sampling` names."""
        if self.sampling == "original":
            return OriginalSampling(self.samples_per_patch, self.positive_fraction, self.pool_factor)
        return AllPositives(self.samples_per_patch)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number_from(low: float) -> tuple[str, Callable[[Any], bool]]:
    return f"a number of at least {low:g}", lambda value: _is_number(value) and value >= low


def _whole_from(low: int) -> tuple[str, Callable[[Any], bool]]:
    return (
        f"a whole number of at least {low}",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= low,
    )


def _one_of(*names: str) -> tuple[str, Callable[[Any], bool]]:
    return f"one of {', '.join(names)}", lambda value: value in names


_FRACTION = ("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
_TWO_WEIGHTS = (
    "two positive numbers",
    lambda value: (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(_is_number(weight) and weight > 0 for weight in value)
    ),
)

_RULES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "candidates_per_level": _whole_from(1),
    "border": _number_from(0),
    "sampling": _one_of("all_positives", "original"),
    "samples_per_patch": _whole_from(1),
    "positive_fraction": _FRACTION,
    "pool_factor": _whole_from(1),
    "normalizer": _one_of("samples", "positives"),
    "class_weight": _number_from(0),
    "alpha": _FRACTION,
    "gamma": _number_from(1),
    "box_weight": _number_from(0),
    "cross_entropy_weight": _number_from(0),
    "dice_weight": _number_from(0),
    "dice": _one_of("standard", "original"),
    "voxel_class_weights": _TWO_WEIGHTS,
}
