"""The campaign's FROC by kind of body: what a model trained on one kind is worth on the other."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.campaigns import Campaign
from RibFracDetectorLib.evaluation.cases import Detections, Lesions
from RibFracDetectorLib.evaluation.pairing import PairedList

HIT, MISS = (10.0, 10.0, 10.0), (90.0, 90.0, 90.0)


def scan(found: list[tuple[tuple[float, float, float], float]]) -> tuple[Lesions, Detections]:
    """One fracture around `HIT`, and findings of 4 voxels around centres with scores."""
    centers = np.array([center for center, _ in found]).reshape(-1, 3)
    scores = np.array([score for _, score in found])
    boxes = np.concatenate([centers - 2, centers + 2], axis=1)
    lesion = Lesions(np.array([[8.0, 8, 8, 12, 12, 12]]), np.array([HIT]), np.array([1]), np.array([1]))
    return lesion, Detections(boxes, centers, scores, np.zeros(len(found), np.int64))


def data_set(folder: Path, scans: dict[str, tuple[str, tuple[Lesions, Detections]]]) -> PairedList:
    """Records on disk, each with the kind of its body, and truth beside findings."""
    for case, (kind, _) in scans.items():
        (folder / f"{case}_simulation.json").write_text(json.dumps({kind: {}, "part": "left"}))
    pairs = [pair for _, pair in scans.values()]
    return PairedList(list(scans), [lesions for lesions, _ in pairs], [found for _, found in pairs], [])


def test_a_kind_is_measured_on_its_own_scans_alone(campaign: Campaign, tmp_path: Path) -> None:
    false_first = [(MISS, 0.9), (HIT, 0.4)]
    paired = data_set(
        tmp_path,
        {
            "one": ("phantom", scan([(HIT, 0.5)])),
            "three": ("atlas", scan(false_first)),
            "two": ("phantom", scan([])),
        },
    )
    by_body = campaign("bodies").froc_by_body(paired, tmp_path)
    assert list(by_body) == ["atlas", "phantom"]
    # Half of the phantoms' fractures at no false finding; the one of the atlas behind one.
    assert by_body["phantom"]["froc"] == dict.fromkeys(("0.5", "1.0", "2.0", "4.0", "8.0"), 0.5)
    assert by_body["atlas"]["froc"]["0.5"] == 0.0
    assert by_body["atlas"]["froc"]["2.0"] == 1.0
    assert [(one["scans"], one["lesions"]) for one in by_body.values()] == [(1, 1), (2, 2)]
    assert by_body["atlas"]["mean_of_challenge_points"] == pytest.approx(
        np.mean(list(by_body["atlas"]["froc"].values()))
    )
