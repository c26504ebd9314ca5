"""Boxes for tests."""

from __future__ import annotations

import numpy as np
from RibFracDetectorLib.engine.inference.boxes import ScoredBoxes


def scored(rows: np.ndarray) -> ScoredBoxes:
    """Boxes of class 0 from rows (x1, y1, z1, x2, y2, z2, score)."""
    rows = np.asarray(rows, np.float32).reshape(-1, 7)
    return ScoredBoxes(rows[:, :6], rows[:, 6], np.zeros(len(rows), np.int64))
