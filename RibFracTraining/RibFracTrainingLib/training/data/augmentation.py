"""From crops to the batch that the network trains on, on its device.

Source: spec 8.1 to 8.3, in this order: deformation (the patch is cut out of the middle of the crop by it),
normalisation, noise, then boxes and segmentation from the deformed mask. Corrected as the spec advises: the
jitter of boxes is symmetric, the sampling grid is float32.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor
from torch.nn.functional import grid_sample

from ..batch import TrainingBatch
from .elastic_grid import NO_DEFORMATION, DeformationSettings, derived_generator, sampling_points
from .instance_boxes import InstanceBoxes, instance_boxes
from .samples import CropBatch

_SIDES = 27  # below, inside or above along each of three axes
_BATCH = 0xBA7C  # keeps these random numbers apart from those of samples and their order


@dataclass(frozen=True)
class IntensitySettings:
    """From HU to network input; the same numbers belong to inference (`engine.settings`).

    Attributes:
        clip: HU range kept.
        subtract: HU subtracted.
        divide: HU divided by.
    """

    clip: tuple[float, float] = (-927.0, 3071.0)
    subtract: float = 330.0
    divide: float = 562.5


@dataclass(frozen=True)
class AugmentationSettings:
    """What happens to crops on the device; the defaults are the published system's.

    Attributes:
        patch_size: voxels (x, y, z) that the network sees; no larger than the crop.
        deformation: elastic and affine.
        intensity: normalisation.
        noise_probability: that a batch gets Gaussian noise.
        noise_sigma: range of its standard deviation, in normalised units.
        box_jitter: each side pair of a box is shifted along each axis by a whole number from -box_jitter to
            box_jitter, 0 for none. (The published system draws from -2 to 1, which moves boxes on average.)
    """

    patch_size: tuple[int, int, int] = (160, 192, 128)
    deformation: DeformationSettings = field(default_factory=DeformationSettings)
    intensity: IntensitySettings = field(default_factory=IntensitySettings)
    noise_probability: float = 0.4
    noise_sigma: tuple[float, float] = (0.0, 0.05)
    box_jitter: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.noise_probability <= 1 or self.box_jitter < 0 or min(self.noise_sigma) < 0:
            raise ValueError(f"expected a probability from 0 to 1 and no negative numbers, not {self}")


def no_augmentation(patch_size: tuple[int, int, int]) -> AugmentationSettings:
    """The middle of each crop as it is, normalised."""
    return AugmentationSettings(patch_size, deformation=NO_DEFORMATION, noise_probability=0.0, box_jitter=0)


def batch_generator(seed: int, epoch: int, step: int, rank: int = 0) -> Generator:
    """The random numbers of one batch of one process, on the CPU."""
    from numpy.random import SeedSequence

    state = int(SeedSequence([seed, epoch, step, rank, _BATCH]).generate_state(1, "uint64")[0])
    return torch.Generator().manual_seed(state >> 1)


@torch.no_grad()
def make_batch(
    crops: CropBatch, settings: AugmentationSettings, device: torch.device | str, generator: Generator
) -> TrainingBatch:
    """Augment, normalise, and make the targets.

    Lesions cut by the border of the patch keep a box, however small the rest (spec 8.3).

    Args:
        crops: on the CPU or the device.
        settings: what is done.
        device: where, and where the result lies.
        generator: of the CPU; all else being equal, the same state gives the same batch on the same device.

    Raises:
        ValueError: the patch is larger than the crops.
    """
    device = torch.device(device)
    crop_size = tuple(crops.images.shape[1:])
    if any(patch > crop for patch, crop in zip(settings.patch_size, crop_size, strict=True)):
        raise ValueError(f"a patch of {settings.patch_size} voxels does not fit into crops of {crop_size}")
    with torch.autocast(device.type, enabled=False):
        points = sampling_points(settings.patch_size, settings.deformation, generator, device)
        grid, reflections = _normalised_grid(points, crop_size)
        images = crops.images.to(device, torch.float32, non_blocking=True)[:, None]
        masks = crops.instances.to(device, torch.float32, non_blocking=True)[:, None]
        grid = grid.expand(len(images), -1, -1, -1, -1)
        images = grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=True)
        masks = grid_sample(masks, grid, mode="nearest", padding_mode="reflection", align_corners=True)
        instances = masks[:, 0].round_().int()
        images = _noisy(_normalise(images, settings.intensity), settings, generator)
    boxes, classes = _targets(instances, reflections, crops.classes, settings.box_jitter, generator)
    return TrainingBatch(images, boxes, classes, (instances > 0).to(torch.uint8))


def _normalised_grid(points: Tensor, crop_size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The grid that `grid_sample` wants, (1, X, Y, Z, 3) in the order z, y, x; and what is reflected.

    The undeformed patch starts at a whole voxel, (crop - patch) // 2. The second, int32 (X, Y, Z), is 0
    for voxels from inside the crop and tells the others apart by the sides they lie beyond, 1 to 26.
    """
    last = torch.tensor([n - 1 for n in crop_size], dtype=torch.float32, device=points.device)
    patch = torch.tensor(points.shape[1:], device=points.device)
    centre = (last + 1 - patch).div(2, rounding_mode="floor") + (patch - 1) / 2
    index = points + centre.reshape(3, 1, 1, 1)
    side = (index < -0.5).int() + 2 * (index > last.reshape(3, 1, 1, 1) + 0.5).int()
    scaled = 2 * index / last.clamp(min=1).reshape(3, 1, 1, 1) - 1
    return scaled.flip(0).permute(1, 2, 3, 0)[None], side[0] + 3 * side[1] + 9 * side[2]


def _normalise(images: Tensor, intensity: IntensitySettings) -> Tensor:
    return images.clamp_(*intensity.clip).sub_(intensity.subtract).div_(intensity.divide)


def _noisy(images: Tensor, settings: AugmentationSettings, generator: Generator) -> Tensor:
    draw, place = torch.rand(2, generator=generator).tolist()
    low, high = settings.noise_sigma
    on_device = derived_generator(generator, images.device)
    if draw < settings.noise_probability:
        noise = torch.empty_like(images).normal_(generator=on_device)
        images.add_(noise, alpha=low + (high - low) * place)
    return images


def _targets(
    instances: Tensor, reflections: Tensor, classes: list[Tensor], jitter: int, generator: Generator
) -> tuple[list[Tensor], list[Tensor]]:
    """Boxes [first - 1, last + 1] (spec 8.3) and classes of each patch."""
    shown = _lesions_shown(instances, reflections)
    shift = torch.randint(-jitter, jitter + 1, (len(shown.number), 3), generator=generator)
    shift = shift.to(instances.device)
    corners = torch.cat([shown.first - 1 + shift, shown.last + 1 + shift], dim=1).float()
    boxes, labels = [], []
    for patch, known in enumerate(classes):
        here = shown.patch == patch
        boxes.append(corners[here])
        labels.append(known.to(instances.device)[shown.number[here] - 1])
    return boxes, labels


def _lesions_shown(instances: Tensor, reflections: Tensor) -> InstanceBoxes:
    """The lesions in the patches; a reflection counts for itself where it is apart from its lesion.

    `grid_sample` fills by reflection what lies beyond the crop, lesions included. A box around a lesion and
    its distant reflection would hold neither.
    """
    parts = instance_boxes(_SIDES * instances + reflections * (instances > 0))
    reflection = parts.number % _SIDES
    # Ascending, so a lesion itself (reflection 0) is found by bisection.
    keys = parts.patch * (_SIDES * (int(instances.max()) + 1)) + parts.number
    places = torch.arange(len(keys), device=keys.device)
    own = torch.searchsorted(keys, keys - reflection).clamp(max=max(len(keys) - 1, 0))
    near = (parts.first <= parts.last[own] + 1) & (parts.first[own] <= parts.last + 1)
    joined = near.all(dim=1) & (keys[own] == keys - reflection)
    target = torch.where(joined, own, places)
    index = target[:, None].expand(-1, 3)
    first = parts.first.scatter_reduce(0, index, parts.first, reduce="amin")
    last = parts.last.scatter_reduce(0, index, parts.last, reduce="amax")
    kept = target == places
    return InstanceBoxes(parts.patch[kept], parts.number[kept] // _SIDES, first[kept], last[kept])
