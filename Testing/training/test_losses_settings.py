"""Settings of the losses: what cannot be is refused in one line, and each one counts."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from ribfrac_testing.training_targets import make_batch, random_output
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.training.anchor_sampling import AllPositives, OriginalSampling
from RibFracTrainingLib.training.losses import Losses, LossSettings, detection_losses

TWO_BOXES = torch.tensor([[10.0, 9, 8, 21, 20, 19], [30.2, 4.4, 15.1, 36.9, 12.3, 24.8]])


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


@pytest.mark.parametrize(
    ("key", "value", "changed"),
    [
        ("candidates_per_level", 2, {"classification", "boxes"}),
        ("border", 0.0, {"classification", "boxes"}),
        ("samples_per_patch", 10, {"classification"}),
        ("normalizer", "positives", {"classification"}),
        ("class_weight", 2.0, {"classification"}),
        ("alpha", 0.5, {"classification"}),
        ("gamma", 1.0, {"classification"}),
        ("box_weight", 2.0, {"boxes"}),
        ("cross_entropy_weight", 2.0, {"cross_entropy"}),
        ("dice_weight", 2.0, {"dice"}),
        ("dice", "original", {"dice"}),
        ("voxel_class_weights", (1.0, 2.0), {"cross_entropy", "dice"}),
    ],
)
def test_each_setting_counts_where_it_should(key: str, value: object, changed: set[str]) -> None:
    batch = make_batch([TWO_BOXES])
    raw = random_output(batch, seed=0)
    plain = _by_name(detection_losses(raw, batch, LossSettings()))
    other = _by_name(detection_losses(raw, batch, LossSettings(**{key: value})))
    assert {name for name in plain if plain[name] != other[name]} == changed


def _by_name(losses: Losses) -> dict[str, float]:
    return {
        "classification": sum(losses.classification).item(),
        "boxes": sum(losses.boxes).item(),
        "cross_entropy": losses.cross_entropy.item(),
        "dice": losses.dice.item(),
    }
