"""Settings of the losses refuse what cannot be, in one line."""

from __future__ import annotations

import dataclasses

import pytest
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.training.anchor_sampling import AllPositives, OriginalSampling
from RibFracTrainingLib.training.losses import LossSettings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("candidates_per_level", 0),
        ("candidates_per_level", 8.0),
        ("border", -1),
        ("border", float("nan")),
        ("sampling", "some"),
        ("samples_per_patch", True),
        ("positive_fraction", 1.5),
        ("pool_factor", "20"),
        ("normalizer", None),
        ("class_weight", float("inf")),
        ("alpha", -0.1),
        ("gamma", 0.5),
        ("box_weight", "0.4"),
        ("cross_entropy_weight", -1),
        ("dice_weight", -1),
        ("dice", "Dice"),
        ("voxel_class_weights", (0.4,)),
        ("voxel_class_weights", (0, 1)),
        ("voxel_class_weights", 1.25),
    ],
)
def test_impossible_values(key: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"^losses\.{key} is .*; expected [^\n]+$"):
        LossSettings(**{key: value})


def test_names_choose_the_sampling() -> None:
    assert isinstance(LossSettings().anchor_sampling, AllPositives)
    original = LossSettings(sampling="original", samples_per_patch=10, positive_fraction=0.2, pool_factor=3)
    assert original.anchor_sampling == OriginalSampling(10, 0.2, 3)


def test_plain_values_of_a_file_suffice() -> None:
    plain = dataclasses.asdict(LossSettings()) | {"voxel_class_weights": [0.4, 1.25], "gamma": 2}
    assert LossSettings(**plain).gamma == 2
