"""From a chest to its CT: kernel, slice thickness, noise, whole numbers.

The grid is that of the chest, whose soft edges already hold the partial volume of a voxel. The kernel is one
short filter per axis: a Gaussian in soft kernels, minus a wider one in sharp ones, which overshoots at edges
as reconstructions do. Noise has the spectrum of filtered back-projection, little at low frequencies and most
where the kernel still lets detail pass; it grows with what the beam has to cross from side to side, so it is
strongest at the shoulders, where it also runs in lateral streaks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LOWEST_HU, HIGHEST_HU = -1024, 3071
FWHM = 2.3548  # of a Gaussian, in standard deviations
TILE = (192, 192, 48)  # noise repeats after this many voxels, further than a training patch is wide
WATER_PATH_MM = 320.0  # from side to side of a mean chest: here noise has its stated strength
PATH_OF_E_FOLD_MM = 180.0
NOISE_RANGE = (0.5, 3.0)


@dataclass(frozen=True)
class Scanner:
    """One protocol.

    Attributes:
        blur_mm: full width at half maximum of the kernel's point spread in the slice.
        sharpening: 0 for soft kernels, up to 0.6 for sharp ones.
        thickness_mm: of a slice, full width at half maximum.
        noise_hu: standard deviation in the middle of a mean chest.
        streaks: how much of the excess noise of wide places runs in streaks.
    """

    blur_mm: float
    sharpening: float
    thickness_mm: float
    noise_hu: float
    streaks: float


def draw_scanner(generator: np.random.Generator, slice_step: float) -> Scanner:
    """A protocol for slices `slice_step` mm apart: soft to sharp, quiet to noisy, thin to thick."""
    sharp = float(generator.uniform(0, 1))
    thickness = float(np.clip(slice_step * generator.uniform(0.8, 1.5), 0.6, 2.6))
    noise = float(generator.uniform(6, 16) + sharp * generator.uniform(2, 22))
    return Scanner(
        blur_mm=float(1.55 - 0.7 * sharp + generator.uniform(-0.12, 0.12)),
        sharpening=float(max(0.0, sharp - 0.3) * generator.uniform(0.2, 0.8)),
        thickness_mm=thickness,
        noise_hu=noise,
        streaks=float(generator.uniform(0.2, 1.2)),
    )


def scan(
    hu: NDArray[np.float32],
    spacing: tuple[float, float, float],
    scanner: Scanner,
    generator: np.random.Generator,
) -> NDArray[np.int16]:
    """The CT of a chest.

    Args:
        hu: float32 [x, y, z]; overwritten.
        spacing: mm.
        scanner: the protocol.
        generator: of the noise.

    Returns:
        int16 HU of the same shape, x fastest in memory.
    """
    # Summed before the blur, as rays are.
    paths = _paths(hu, spacing)
    for axis in range(3):
        kernel = _kernel(scanner, spacing, axis)
        if len(kernel) > 1:
            ndimage.correlate1d(hu, kernel, axis=axis, output=hu, mode="nearest")
    grain = _grain(generator, scanner, spacing)
    streaks = _streaks(generator, spacing)
    result = np.empty(hu.shape[::-1], np.int16).T
    shift = generator.integers(0, TILE)
    x, y = (
        (np.arange(count) + start) % size
        for count, start, size in zip(hu.shape, shift[:2], TILE, strict=False)
    )
    for z in range(hu.shape[2]):
        plane = (z + shift[2]) % TILE[2]
        strength = np.clip(np.exp((paths[:, z] - WATER_PATH_MM) / PATH_OF_E_FOLD_MM), *NOISE_RANGE)
        noise = grain[:, :, plane][np.ix_(x, y)] * strength
        noise += streaks[:, :, plane][np.ix_(x, y)] * (scanner.streaks * np.maximum(strength - 1, 0))
        noisy = hu[:, :, z] + np.float32(scanner.noise_hu) * noise
        result[:, :, z] = np.clip(np.rint(noisy), LOWEST_HU, HIGHEST_HU)
    return result


def _kernel(scanner: Scanner, spacing: tuple[float, float, float], axis: int) -> NDArray[np.float64]:
    """The filter along one axis, (n,), sum 1; the voxel's own edge is already in the chest."""
    width = scanner.thickness_mm if axis == 2 else scanner.blur_mm
    variance = (width / FWHM / spacing[axis]) ** 2 - 1 / 12
    sharpening = 0.0 if axis == 2 else scanner.sharpening
    if variance < 0.02:
        return np.ones(1)
    reach = int(np.ceil(4 * np.sqrt(variance) * (1.6 if sharpening else 1)))
    places = np.arange(-reach, reach + 1)
    narrow = np.exp(-(places**2) / (2 * variance))
    wide = np.exp(-(places**2) / (2 * variance * 2.6))
    return (1 + sharpening) * narrow / narrow.sum() - sharpening * wide / wide.sum()


def _paths(hu: NDArray[np.float32], spacing: tuple[float, float, float]) -> NDArray[np.float32]:
    """Water-equivalent mm that a ray from side to side crosses, (y, z), smooth."""
    # Every other column is enough, and half the time.
    path = np.clip(hu[::2] / 1000 + 1, 0, 2.5).sum(axis=0) * np.float32(2 * spacing[0])
    return ndimage.gaussian_filter(path, (15 / spacing[1], 6 / spacing[2]), mode="nearest")


def _grain(generator: np.random.Generator, scanner: Scanner, spacing: tuple[float, float, float]) -> NDArray:
    """Periodic noise with the kernel's spectrum, (TILE), standard deviation 1."""
    white = np.fft.rfftn(generator.standard_normal(TILE))
    fx, fy, fz = _frequencies(spacing)
    radial = np.sqrt(fx**2 + fy**2)
    width = scanner.blur_mm / FWHM
    passed = np.exp(-2 * (np.pi * radial * width) ** 2)
    passed = passed * (1 + 1.6 * scanner.sharpening * (1 - passed))
    # A ramp from a floor, as low frequencies are not quite free of noise.
    spectrum = passed * np.sqrt(0.005 + radial) * np.exp(-2 * (np.pi * fz * scanner.thickness_mm / FWHM) ** 2)
    return _normalised(np.fft.irfftn(white * spectrum, TILE, axes=(0, 1, 2)))


def _streaks(generator: np.random.Generator, spacing: tuple[float, float, float]) -> NDArray:
    """Periodic lateral streaks, (TILE), standard deviation 1."""
    white = np.fft.rfftn(generator.standard_normal(TILE))
    fx, fy, fz = _frequencies(spacing)
    spectrum = np.exp(-2 * (np.pi**2) * ((fx * 14) ** 2 + (fy * 0.8) ** 2 + (fz * 0.8) ** 2))
    return _normalised(np.fft.irfftn(white * spectrum, TILE, axes=(0, 1, 2)))


def _frequencies(spacing: tuple[float, float, float]) -> tuple[NDArray, NDArray, NDArray]:
    """Cycles per mm of a transformed tile along each axis, to broadcast."""
    fx, fy = (np.fft.fftfreq(size, step) for size, step in zip(TILE[:2], spacing[:2], strict=True))
    return fx[:, None, None], fy[None, :, None], np.fft.rfftfreq(TILE[2], spacing[2])[None, None, :]


def _normalised(noise: NDArray) -> NDArray[np.float32]:
    noise = np.asfortranarray(noise, np.float32)
    return (noise - noise.mean()) / noise.std()
