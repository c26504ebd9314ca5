"""Imitators that concern whole slices: the step of a patient who moved, and a slice lost and averaged.

Both make ribs look stepped or split where a slice ends. They change the body, ribs included, so they come
before fractures are planned.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from ..body import Body

STEP_MM = (1.0, 3.0)
BAND_MM = (6.0, 25.0)  # that were scanned while the patient had moved


def motion_step(body: Body, rng: np.random.Generator) -> Body:
    """A band of slices, tissue and all, moved in its plane."""
    depth = body.hu.shape[2]
    thick = min(max(round(rng.uniform(*BAND_MM) / body.spacing[2]), 1), depth)
    first = int(rng.integers(0, depth - thick + 1))
    band = slice(first, first + thick)
    size, angle = rng.uniform(*STEP_MM), rng.uniform(0, 2 * np.pi)
    by = (size * np.cos(angle) / body.spacing[0], size * np.sin(angle) / body.spacing[1], 0)
    hu, ribs = body.hu.copy(order="K"), body.ribs.copy(order="K")
    hu[:, :, band] = ndimage.shift(body.hu[:, :, band], by, order=1, mode="nearest")
    ribs[:, :, band] = ndimage.shift(body.ribs[:, :, band], by, order=0, mode="nearest")
    return Body(hu, ribs, body.spacing)


def averaged_slice(body: Body, rng: np.random.Generator) -> Body:
    """One slice as the mean of its neighbours: a rib that crosses it steeply shows twice, and faintly."""
    depth = body.hu.shape[2]
    if depth < 3:
        return body
    at = int(rng.integers(1, depth - 1))
    hu = body.hu.copy(order="K")
    hu[:, :, at] = (body.hu[:, :, at - 1] + body.hu[:, :, at + 1]) / 2
    return body.with_hu(hu)
