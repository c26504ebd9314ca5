"""The noise of a block of CT, measured, so that what interpolation smooths can be made up for.

Noise is described by its standard deviation and by the width of a Gaussian along each axis that gives white
noise the same correlation between neighbours; the shape of a real kernel's noise spectrum is not followed
any further.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TISSUE_HU = (-150.0, 150.0)
NORMAL_MAD = 1.4826  # standard deviation of a normal distribution over its median absolute deviation
FEWEST = 200  # differences, for a measurement worth the name
LEAST_HU, GREATEST_HU = 1.0, 60.0
WIDEST = 1.5  # voxels


@dataclass(frozen=True)
class Noise:
    """Noise of one block.

    Attributes:
        sigma: standard deviation, HU.
        widths: of the Gaussian along x, y, z, voxels; 0 for noise without correlation.
    """

    sigma: float
    widths: tuple[float, float, float]

    def field(self, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float32]:
        """Such noise, float32 of `shape`."""
        white = rng.standard_normal(shape, np.float32)
        # The gain of the filter as it is applied, by what it makes of one voxel.
        gain = 1.0
        for axis, width in enumerate(self.widths):
            if width > 0.05:
                white = ndimage.gaussian_filter1d(white, width, axis=axis)
                point = np.zeros(2 * int(4 * width + 0.5) + 1)
                point[len(point) // 2] = 1
                gain *= float(np.sqrt((ndimage.gaussian_filter1d(point, width) ** 2).sum()))
        return white * np.float32(self.sigma / gain)


def measure_noise(hu: NDArray[np.float32], place_of_bone: NDArray[np.bool_]) -> Noise:
    """The noise in the soft tissue of a block.

    From differences of voxels one and two steps apart: slow changes hardly enter, edges are outvoted by the
    median. In a block with little soft tissue, noise is taken as least.

    Args:
        hu: [x, y, z].
        place_of_bone: voxels to leave out.
    """
    tissue = (hu > TISSUE_HU[0]) & (hu < TISSUE_HU[1]) & ~place_of_bone
    variances, widths = [], []
    for axis in range(3):
        one, two = (_spread(hu, tissue, axis, steps) for steps in (1, 2))
        if one is None or two is None:
            widths.append(0.0)
            continue
        width, variance = _correlation(one**2 / 2, two**2 / 2)
        widths.append(width)
        variances.append(variance)
    sigma = np.sqrt(np.median(variances)) if variances else LEAST_HU
    return Noise(float(np.clip(sigma, LEAST_HU, GREATEST_HU)), (widths[0], widths[1], widths[2]))


def _spread(hu: NDArray, tissue: NDArray[np.bool_], axis: int, steps: int) -> float | None:
    """Robust standard deviation of differences along an axis, None where there are too few."""
    if hu.shape[axis] <= steps:
        return None
    values, inside = np.moveaxis(hu, axis, 0), np.moveaxis(tissue, axis, 0)
    both = inside[steps:] & inside[:-steps]
    differences = (values[steps:] - values[:-steps])[both]
    if len(differences) < FEWEST:
        return None
    return float(NORMAL_MAD * np.median(np.abs(differences)))


def _correlation(one: float, two: float) -> tuple[float, float]:
    """Width in voxels and variance of Gaussian-correlated noise from half the variances of differences.

    With correlation r between neighbours and r**4 between next ones, one = v (1 - r), two = v (1 - r**4).
    """
    if one <= 0:
        return WIDEST, LEAST_HU**2
    correlations = np.exp(-1 / (4 * np.linspace(0.05, WIDEST, 60) ** 2))
    ratios = (1 - correlations**4) / (1 - correlations)
    best = int(np.abs(ratios - two / one).argmin())
    correlation = float(correlations[best])
    width = 0.0 if correlation < 0.01 else float(np.sqrt(-1 / (4 * np.log(correlation))))
    return width, one / (1 - correlation)
