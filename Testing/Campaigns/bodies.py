"""How well each kind of simulated body is searched: what weights of one kind are worth on the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from records import read_record
from RibFracDetectorLib.evaluation.center_metric import pool_by_center
from RibFracDetectorLib.evaluation.froc import CHALLENGE_POINTS, froc_curve, sensitivity_at
from RibFracDetectorLib.evaluation.matching import Pool
from RibFracDetectorLib.evaluation.pairing import PairedList
from RibFracTrainingLib.simulation.dataset.settings import ATLAS, CT, PHANTOM


def froc_by_body(paired: PairedList, data: Path) -> dict[str, dict[str, Any]]:
    """FROC of the scans of each kind of body that occurs, by the centre rule.

    Args:
        paired: truth and findings of a simulated data set.
        data: folder of the data set, where the body of each scan is told.

    Returns:
        By kind: number of scans and of fractures, sensitivity by false positives a scan, and its mean.
    """
    records = [read_record(data, case) for case in paired.case_ids]
    pool = pool_by_center(paired)
    of_kind = {kind: np.array([kind in record for record in records]) for kind in (ATLAS, PHANTOM, CT)}
    return {kind: _values(pool, chosen) for kind, chosen in of_kind.items() if chosen.any()}


def _values(pool: Pool, chosen: np.ndarray) -> dict[str, Any]:
    lesions = int(chosen[pool.lesion_case].sum())
    curve = froc_curve(pool, chosen.astype(np.float64))
    found = sensitivity_at(curve, CHALLENGE_POINTS, lesions)
    return {
        "scans": int(chosen.sum()),
        "lesions": lesions,
        "froc": dict(zip(map(str, CHALLENGE_POINTS), found.tolist(), strict=True)),
        "mean_of_challenge_points": float(found.mean()),
    }
