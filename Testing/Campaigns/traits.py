"""Which simulated fractures are found, by what was drawn for them: how far apart, how deep, where.

A class hides what makes a fracture hard. Most of the displaced ones that a model missed in real scans were
torn apart by more than 5 mm, most of the non-displaced ones did not run through the whole rib, and nearly
none was found on the uppermost three ribs; those in thick slices are found less often than in thin ones.
Nothing of that shows in a sensitivity per class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from records import read_record
from RibFracDetectorLib.evaluation.pairing import PairedList
from RibFracTrainingLib.simulation.lesions.broken import COMPLETE
from RibFracTrainingLib.simulation.lesions.fracture import DISPLACED, NON_DISPLACED

Record = Mapping[str, Any]  # of one fracture, as `ribfrac simulate` writes it, and the "spacing" of its scan
FAR_MM = 5.0  # where ends no longer face each other, see `broken`
RIBS_OF_A_SIDE = 12
UPPER, LOWER = 3, 11  # last and first of the ribs that look unlike the others
THICK_MM = 1.8  # between slices; both real scans have 2 mm

TRAITS: dict[str, Callable[[Record], bool]] = {
    "displaced by less than 5 mm": lambda one: one["kind"] == DISPLACED and not _is_far(one),
    "displaced by 5 mm or more": lambda one: one["kind"] == DISPLACED and _is_far(one),
    "non-displaced, through the rib": lambda one: one["kind"] == NON_DISPLACED and _is_complete(one),
    "non-displaced, of one side": lambda one: one["kind"] == NON_DISPLACED and not _is_complete(one),
    "on ribs 1 to 3": lambda one: _rib(one) <= UPPER,
    "on ribs 4 to 10": lambda one: UPPER < _rib(one) < LOWER,
    "on ribs 11 and 12": lambda one: _rib(one) >= LOWER,
    "slices below 1.8 mm": lambda one: _slice_mm(one) < THICK_MM,
    "slices of 1.8 mm or more": lambda one: _slice_mm(one) >= THICK_MM,
}


def found_by_trait(paired: PairedList, hit: NDArray[np.bool_], data: Path) -> dict[str, dict[str, Any]]:
    """Number and sensitivity of the fractures with each trait that occurs.

    Args:
        paired: truth and findings of a simulated data set.
        hit: (G,) whether each lesion was found, scan by scan in the order of `paired`.
        data: folder of the data set.
    """
    records = list(_records(paired, data))
    result = {}
    for name, has in TRAITS.items():
        of_trait = np.array([has(record) for record in records], dtype=bool)
        if of_trait.any():
            result[name] = {"lesions": int(of_trait.sum()), "sensitivity": float(hit[of_trait].mean())}
    return result


def _records(paired: PairedList, data: Path) -> Iterator[Record]:
    for case, lesions in zip(paired.case_ids, paired.lesions, strict=True):
        record = read_record(data, case)
        for instance in lesions.instances:
            yield {**record["fractures"][str(instance)], "spacing": record["spacing"]}


def _is_far(one: Record) -> bool:
    return bool(one["parameters"]["step"] >= FAR_MM)


def _is_complete(one: Record) -> bool:
    return bool(one["parameters"]["open_from"] == COMPLETE)


def _rib(one: Record) -> int:
    return (int(one["rib"]) - 1) % RIBS_OF_A_SIDE + 1


def _slice_mm(one: Record) -> float:
    return float(one["spacing"][2])
