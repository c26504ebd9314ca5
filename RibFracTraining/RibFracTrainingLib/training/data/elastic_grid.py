"""Where the voxels of an augmented patch come from: elastic deformation, then an affine map.

Source: spec 8.1. One set of parameters serves the whole batch. Coordinates are float32 throughout (the
published system rounds them to half precision on GPUs): half a voxel in 240 needs more than eleven bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

Range = tuple[float, float]


@dataclass(frozen=True)
class DeformationSettings:
    """Ranges of the deformation's parameters; the defaults are the published system's.

    Attributes:
        probability: that a batch is deformed.
        elastic_sigma: standard deviation, voxels, of the Gaussian that smooths the offsets.
        elastic_magnitude: factor of the smoothed offsets, which begin as U(-1, 1).
        rotation: degrees about each axis.
        translation: voxels along each axis.
        scale: of the sampling grid along each axis; above 1 things get smaller.
    """

    probability: float = 1.0
    elastic_sigma: Range = (9.0, 13.0)
    elastic_magnitude: Range = (64.0, 256.0)
    rotation: Range = (-15.0, 15.0)
    translation: Range = (-8.0, 8.0)
    scale: Range = (0.85, 1.15)

    def __post_init__(self) -> None:
        ranges = (self.elastic_sigma, self.elastic_magnitude, self.rotation, self.translation, self.scale)
        if not 0 <= self.probability <= 1 or any(low > high for low, high in ranges):
            raise ValueError(f"expected a probability from 0 to 1 and increasing ranges, not {self}")
        if self.elastic_sigma[0] <= 0 or self.scale[0] <= 0:
            raise ValueError(f"expected sigma and scale above 0, not {self.elastic_sigma}, {self.scale}")


NO_DEFORMATION = DeformationSettings(probability=0.0)


def sampling_points(
    patch_size: tuple[int, int, int],
    settings: DeformationSettings,
    generator: Generator,
    device: torch.device,
) -> Tensor:
    """Where each voxel of the patch is sampled, in voxels from the crop's centre, float32 (3, X, Y, Z).

    Args:
        patch_size: voxels of the patch along x, y, z.
        settings: ranges of the parameters.
        generator: of the CPU; the parameters are the same on every device.
        device: of the result; the offsets are drawn there.
    """
    points = torch.stack(
        torch.meshgrid(
            *[torch.arange(n, device=device, dtype=torch.float32) - (n - 1) / 2 for n in patch_size],
            indexing="ij",
        )
    )
    deformed = _uniform((0.0, 1.0), 1, generator).item() < settings.probability
    sigma = _uniform(settings.elastic_sigma, 1, generator).item()
    magnitude = _uniform(settings.elastic_magnitude, 1, generator).item()
    angles = _uniform(settings.rotation, 3, generator)
    shifts = _uniform(settings.translation, 3, generator)
    scales = _uniform(settings.scale, 3, generator)
    on_device = derived_generator(generator, device)
    if not deformed:
        return points
    points += magnitude * _smooth_noise(patch_size, sigma, on_device, device)
    points = points * _column(scales, device) + _column(shifts, device)
    # Sums, not a matrix product, which autocast and TF32 would round.
    rotated = [sum(float(row[axis]) * points[axis] for axis in range(3)) for row in _rotation(angles)]
    return torch.stack(rotated)


def derived_generator(generator: Generator, device: torch.device) -> Generator:
    """A generator on `device` whose seed is drawn from `generator`."""
    seed = int(torch.randint(2**62, (1,), generator=generator).item())
    return torch.Generator(device=device).manual_seed(seed)


def _smooth_noise(
    size: tuple[int, int, int], sigma: float, generator: Generator, device: torch.device
) -> Tensor:
    """U(-1, 1) smoothed by a Gaussian truncated at 3 sigma, zero beyond the border, (3, X, Y, Z)."""
    noise = torch.rand((3, *size), generator=generator, device=device) * 2 - 1
    # As a product with a banded matrix along each axis: several times faster than a convolution on a CPU.
    noise = torch.einsum("ai,cijk->cajk", _smoothing(size[0], sigma, device), noise)
    noise = torch.einsum("bj,cajk->cabk", _smoothing(size[1], sigma, device), noise)
    return torch.einsum("dk,cabk->cabd", _smoothing(size[2], sigma, device), noise)


def _smoothing(size: int, sigma: float, device: torch.device) -> Tensor:
    """The matrix (size, size) of a truncated Gaussian filter."""
    index = torch.arange(size, device=device, dtype=torch.float32)
    distance = index[:, None] - index[None]
    radius = int(3 * sigma + 0.5)
    taps = torch.arange(-radius, radius + 1, dtype=torch.float32)
    total = torch.exp(-0.5 * (taps / sigma) ** 2).sum().item()
    return torch.exp(-0.5 * (distance / sigma) ** 2) * (distance.abs() <= radius) / total


def _rotation(degrees: Tensor) -> Tensor:
    """Rotation about x, then y, then z as a matrix (3, 3): Rx @ Ry @ Rz."""
    matrix = torch.eye(3, dtype=torch.float64)
    for axis, angle in enumerate(torch.deg2rad(degrees.double()).tolist()):
        first, second = (other for other in range(3) if other != axis)
        single = torch.eye(3, dtype=torch.float64)
        single[first, first] = single[second, second] = math.cos(angle)
        single[first, second], single[second, first] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ single
    return matrix


def _uniform(limits: Range, count: int, generator: Generator) -> Tensor:
    low, high = limits
    return low + (high - low) * torch.rand(count, generator=generator)


def _column(values: Tensor, device: torch.device) -> Tensor:
    return values.to(device).reshape(3, 1, 1, 1)
