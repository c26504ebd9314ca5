"""The table under the patient: a curved shell of carbon fibre over foam, with a thin mattress."""

from __future__ import annotations

import numpy as np

from .canvas import AIR_HU, Canvas


def paint_table(canvas: Canvas, generator: np.random.Generator) -> None:
    """Fill the air below the patient's back where the grid reaches that far."""
    x, y, _ = canvas.frame.axes
    body = canvas.hu > -400
    backs = np.flatnonzero(body.any(axis=(0, 2)))
    if not len(backs):
        return
    top = float(y[backs[-1]]) + float(generator.uniform(1, 8))
    middle = float(x.mean())
    surface = y[None, :] - (top - (x[:, None] - middle) ** 2 / (2 * float(generator.uniform(350, 900))))
    mattress = canvas.cover(np.abs(surface - 2) - 2) * float(generator.uniform(20, 120))
    shell = canvas.cover(np.abs(surface - 6) - 0.7) * float(generator.uniform(500, 1000))
    added = np.maximum(mattress, shell)[:, :, None]
    if added.max() > 0:
        canvas.hu += np.where(canvas.hu < AIR_HU + 60, added, 0)
