"""The campaign's table of which fractures are found, by what was drawn for them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from ribfrac_testing.campaigns import Campaign
from RibFracDetectorLib.evaluation.cases import Detections, Lesions
from RibFracDetectorLib.evaluation.pairing import PairedList
from RibFracTrainingLib.simulation.lesions.broken import draw_broken
from RibFracTrainingLib.simulation.lesions.deformed import draw_buckle
from RibFracTrainingLib.simulation.lesions.fracture import BUCKLE, DISPLACED, LABELS, NON_DISPLACED, Fracture

ROOM = (20.0, 20.0)
NOTHING = Detections(np.zeros((0, 6)), np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64))


def broken(kind: str, rib: int, **changed: float) -> Fracture:
    """A fracture as the simulation draws it, but for what is told."""
    shape = replace(draw_broken(kind, ROOM, np.random.default_rng(rib)), **changed)
    return Fracture(kind, LABELS[kind], rib, (9, 9, 9), asdict(shape), 0)


def data_set(folder: Path, cases: dict[str, dict[int, Fracture]], *slices_mm: float) -> PairedList:
    """Records on disk, and the truth that masks of these instances would give."""
    lesions = []
    for (case, fractures), slice_mm in zip(cases.items(), slices_mm, strict=True):
        record = {
            "spacing": [0.75, 0.75, slice_mm],
            "fractures": {str(value): asdict(one) for value, one in fractures.items()},
        }
        (folder / f"{case}_simulation.json").write_text(json.dumps(record))
        labels = np.array([one.label for one in fractures.values()])
        count = len(fractures)
        lesions.append(Lesions(np.zeros((count, 6)), np.zeros((count, 3)), labels, np.array(list(fractures))))
    return PairedList(list(cases), lesions, [NOTHING] * len(cases), [])


def test_each_fracture_counts_for_its_own_traits(campaign: Campaign, tmp_path: Path) -> None:
    buckle = Fracture(BUCKLE, LABELS[BUCKLE], 24, (9, 9, 9), asdict(draw_buckle(np.random.default_rng(0))), 0)
    cases = {
        # Instance 2 left no voxel, so the mask does not have it: records go by instance, not by place.
        "one": {1: broken(DISPLACED, 13, step=4.9), 3: broken(DISPLACED, 5, step=5.0)},
        "two": {
            1: broken(NON_DISPLACED, 15, open_from=-50.0),
            2: broken(NON_DISPLACED, 16, open_from=-0.5),
            4: buckle,
        },
    }
    paired = data_set(tmp_path, cases, 1.79, 1.8)
    found = campaign("traits").found_by_trait(paired, np.array([True, False, True, False, True]), tmp_path)
    assert {name: (one["lesions"], one["sensitivity"]) for name, one in found.items()} == {
        "displaced by less than 5 mm": (1, 1.0),
        "displaced by 5 mm or more": (1, 0.0),
        "non-displaced, through the rib": (1, 1.0),
        "non-displaced, of one side": (1, 0.0),
        "on ribs 1 to 3": (2, 1.0),
        "on ribs 4 to 10": (2, 0.0),
        "on ribs 11 and 12": (1, 1.0),
        "slices below 1.8 mm": (2, 0.5),
        "slices of 1.8 mm or more": (3, 2 / 3),
    }


def test_a_trait_that_does_not_occur_has_no_row(campaign: Campaign, tmp_path: Path) -> None:
    paired = data_set(tmp_path, {"one": {1: broken(DISPLACED, 6, step=7.0)}, "two": {}}, 1.0, 2.0)
    found = campaign("traits").found_by_trait(paired, np.array([False]), tmp_path)
    assert set(found) == {"displaced by 5 mm or more", "on ribs 4 to 10", "slices below 1.8 mm"}
