"""What validation makes of what was found in its scans, and that it leaves the network as it was."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ribfrac_testing.training_data import case_with_boxes
from RibFracDetectorLib.engine.inference.boxes import ScoredBoxes
from RibFracDetectorLib.engine.inference.infer import Inference
from RibFracDetectorLib.engine.settings import resolve_settings
from RibFracDetectorLib.evaluation.cases import UNKNOWN_CLASS
from RibFracTrainingLib.training import validation
from RibFracTrainingLib.training.data.classes import UNKNOWN, ClassMap
from RibFracTrainingLib.training.data.prepared import Lesion
from RibFracTrainingLib.training.validation import (
    ScanResult,
    Validator,
    as_detections,
    as_lesions,
    metrics_of,
)
from torch import nn

FIRST, SECOND, AIR = (0, 0, 0, 10, 10, 10), (20, 20, 20, 30, 30, 30), (50, 50, 50, 60, 60, 60)
QUARTER = (20, 20, 20, 30, 30, 22.5)
LESIONS = [Lesion(1, 1, FIRST, 1000), Lesion(2, UNKNOWN, SECOND, 1000)]


def scan(name: str, lesions: list[Lesion], found: dict[float, tuple], dice: float) -> ScanResult:
    """A scan in which boxes were found with these scores."""
    boxes = np.array(list(found.values()), np.float32).reshape(-1, 6)
    scores = np.array(list(found), np.float32)
    detections = ScoredBoxes(boxes, scores, np.zeros(len(scores), np.int64))
    return ScanResult(name, as_lesions(lesions), as_detections(detections), dice)


def test_metrics_of_two_scans() -> None:
    values = metrics_of(
        [
            scan("a", LESIONS, {0.9: FIRST, 0.8: QUARTER}, dice=0.5),
            scan("b", [], {0.95: AIR, 0.85: AIR}, dice=math.nan),
        ]
    )
    # By descending score: wrong, right, wrong, and right as far as an IoU of 0.25 suffices.
    assert (values["AP20"], values["AP30"]) == pytest.approx((0.5, 0.25))
    assert values["mAP"] == pytest.approx(0.375)
    sensitivities = [values[f"sensitivity_{point}"] for point in ("0.5", "1", "2", "4", "8")]
    assert sensitivities[1:] == [1, 1, 1, 1]
    assert values["froc"] == pytest.approx(np.mean(sensitivities))
    assert values["dice"] == 0.5, "a scan in which nothing is and nothing was found has none"
    assert (values["scans"], values["lesions"], values["detections"]) == (2, 2, 4)


def test_a_lesion_of_unknown_class_counts() -> None:
    assert as_lesions(LESIONS).classes.tolist() == [1, UNKNOWN_CLASS]


def test_scans_are_searched_with_the_settings_and_the_network_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_with_boxes(tmp_path, [(4, 4, 4, 8, 8, 8)])

    def half_of_the_lesion(voxels: np.ndarray, *_: object) -> Inference:
        probability = np.zeros(voxels.shape, np.float32)
        probability[4:8, 4:8, 4:6] = 0.4
        return Inference(ScoredBoxes.empty(), probability, windows=1)

    monkeypatch.setattr(validation, "infer", half_of_the_lesion)
    settings = resolve_settings("standard", {"cutoff": 0.3, "min_seg_voxels": 32})
    network = nn.Conv3d(1, 1, 1).train()
    for limits, dice in ((settings, 2 / 3), (replace(settings, min_seg_voxels=33), 0.0)):
        validator = Validator([case], ClassMap(), limits, "fp32")
        values = validator.run(network, torch.device("cpu"), 0, 1)
        assert values["dice"] == pytest.approx(dice)
        assert network.training


def test_each_process_searches_its_own_scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = (4, 4, 4, 8, 8, 8)
    cases = [case_with_boxes(tmp_path, [box] * (n % 2), case_id=str(n)) for n in range(1, 6)]
    nothing = Inference(ScoredBoxes.empty(), np.zeros(cases[0].grid.size, np.float32), windows=1)
    monkeypatch.setattr(validation, "infer", lambda *_: nothing)
    monkeypatch.setattr(validation, "_gathered", lambda found, _world_size: found)
    validator = Validator(cases, ClassMap(), resolve_settings("standard", {}), "fp32")
    shares = [validator.run(nn.Conv3d(1, 1, 1), torch.device("cpu"), rank, 2) for rank in (0, 1)]
    assert [(share["scans"], share["lesions"]) for share in shares] == [(3, 3), (2, 0)]
