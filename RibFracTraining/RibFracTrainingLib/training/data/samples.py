"""Pairs of crops: one centred on a lesion, one from the rib periphery, or around bone.

Source: spec 7 and 8.1. A sample is a pure function of the seed and its key, so it can be made again alone,
in any worker, after any interruption.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .classes import ClassMap
from .crops import Crop, Point, cut_crop
from .false_positives import false_positives
from .prepared import Lesion, PreparedCase

XY, Z = (0, 1), (2,)
BONE_TRIALS = 1000  # of which some ten or more are bone


@dataclass(frozen=True)
class SamplingSettings:
    """How crops are drawn; the defaults are the published system's.

    Attributes:
        crop_size: voxels (x, y, z) before augmentation, which cuts the patch out of them.
        oversample_classes: classes of the label files whose lesions are listed twice.
        fracture_free_share: part of the rib-periphery crops that comes from scans without fractures; None
            takes the share that these scans have in the split. (The published system never uses them.)
        flip_xy_probability: of mirroring x and y together, each crop for itself.
        flip_z_probability: of mirroring z.
        findings: folder of what `ribfrac detect` finds in the training scans, to learn from its mistakes.
        findings_share: part of the negative crops that lies around findings which belong to no lesion, in
            whatever scan, the more often, the higher they score.
    """

    crop_size: tuple[int, int, int] = (212, 240, 176)
    oversample_classes: tuple[int, ...] = (1, 2)
    fracture_free_share: float | None = None
    flip_xy_probability: float = 0.4
    flip_z_probability: float = 0.4
    findings: str | None = None
    findings_share: float = 0.5

    def __post_init__(self) -> None:
        shares = (
            self.fracture_free_share or 0.0,
            self.flip_xy_probability,
            self.flip_z_probability,
            self.findings_share,
        )
        if min(self.crop_size) < 1 or not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"expected a positive crop size and probabilities from 0 to 1, not {self}")

    def centre_around(self, case: PreparedCase, point: Point, generator: np.random.Generator) -> Point:  # noqa: ARG002
        """The centre of a crop that shows a point: the point."""
        return point

    def negative_centre(self, case: PreparedCase, generator: np.random.Generator) -> Point:
        """The centre of a negative crop: in the rib periphery."""
        return periphery_centre(case.grid.size, self.crop_size, generator)


@dataclass(frozen=True)
class BoneSamplingSettings(SamplingSettings):
    """For small patches, where a crop in the rib periphery shows air, and where a place teaches much.

    Attributes:
        bone_hu: voxels above are taken for bone, around which the negative crops lie.
        elsewhere_share: part of the negative crops whose centre is any voxel of the scan: without them, what
            lies far from bone is never seen to be none.
        lesion_offset: voxels (x, y, z) by which a crop around a lesion or a finding is moved at most, either
            way, so that both are seen anywhere in a patch.
    """

    bone_hu: float = 300.0
    elsewhere_share: float = 0.0
    lesion_offset: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.lesion_offset) < 0:
            raise ValueError(f"expected offsets of at least 0 voxels, not {self.lesion_offset}")
        if not 0 <= self.elsewhere_share <= 1:
            raise ValueError(f"expected a share from 0 to 1, not {self.elsewhere_share}")

    def centre_around(self, case: PreparedCase, point: Point, generator: np.random.Generator) -> Point:
        """The point, moved within the scan."""
        limits = np.array(self.lesion_offset)
        moved = point + generator.integers(-limits, limits + 1)
        x, y, z = np.clip(moved, 0, np.array(case.grid.size) - 1).tolist()
        return x, y, z

    def negative_centre(self, case: PreparedCase, generator: np.random.Generator) -> Point:
        """A random voxel of bone, at times of anything; without any bone, one in the rib periphery."""
        points = generator.integers(0, case.grid.size, (BONE_TRIALS, 3))
        if generator.random() < self.elsewhere_share:
            x, y, z = points[0].tolist()
            return x, y, z
        bone = points[case.image()[tuple(points.T)] > self.bone_hu]
        if not len(bone):
            return super().negative_centre(case, generator)
        x, y, z = bone[0].tolist()
        return x, y, z


class SampleKey(NamedTuple):
    """Which sample: `item` of the data set, at a position of an epoch's order over all processes."""

    epoch: int
    position: int
    item: int


class CropBatch(NamedTuple):
    """Crops of N patches before augmentation, on the CPU.

    Attributes:
        images: int16 HU (N, X, Y, Z).
        instances: int16 (N, X, Y, Z): 0, or the number of a lesion in that crop, counted from 1.
        classes: for each crop int64 (n,): the class of its lesion i + 1; -1 where none is stated.
        sources: for each crop where it comes from, for messages.
    """

    images: Tensor
    instances: Tensor
    classes: list[Tensor]
    sources: list[str]


class CropSamples(Dataset):
    """For each lesion (twice for oversampled classes) two crops: a positive and a negative one."""

    def __init__(
        self, cases: Sequence[PreparedCase], settings: SamplingSettings, classes: ClassMap, seed: int
    ) -> None:
        """Set up the index.

        Args:
            cases: of the training split, as `split.open_split` returns them.
            settings: how crops are drawn.
            classes: the detector's classes.
            seed: of everything random.

        Raises:
            ValueError: no case has a lesion that the detector shall find.
            InputError: the folder of findings has none for these cases, or a damaged file.
        """
        self.settings = settings
        self.classes = classes
        self.seed = seed
        self._cases = list(cases)
        self._index = [
            (number, lesion)
            for number, case in enumerate(cases)
            for lesion in case.lesions_of(classes)
            for _ in range(2 if lesion.label in settings.oversample_classes else 1)
        ]
        self._fracture_free = [case for case in cases if not case.lesions_of(classes)]
        if not self._index:
            raise ValueError("no lesion to sample; open the split with open_split, which says why")
        share = settings.fracture_free_share
        self._free_share = len(self._fracture_free) / len(self._cases) if share is None else share
        self._false = [] if settings.findings is None else false_positives(Path(settings.findings), cases)
        scores = np.array([place.score for place in self._false])
        self._false_chances = scores / scores.sum() if len(scores) else scores

    def __len__(self) -> int:
        """Entries of the index; each gives two crops."""
        return len(self._index)

    def __getitem__(self, key: SampleKey) -> list[Crop]:
        """The positive and the negative crop of a key, which `sampler.EpochBatches` gives."""
        generator = np.random.default_rng([self.seed, key.epoch, key.position])
        number, lesion = self._index[key.item]
        case = self._cases[number]
        centre = self.settings.centre_around(case, lesion_centre(lesion, generator), generator)
        positive = self._flip(cut_crop(case, self.classes, centre, self.settings.crop_size), generator)
        other, centre = self._negative_place(case, generator)
        negative = cut_crop(other, self.classes, centre, self.settings.crop_size)
        return [positive, self._flip(negative, generator)]

    def _negative_place(
        self, case: PreparedCase, generator: np.random.Generator
    ) -> tuple[PreparedCase, Point]:
        """Around a false finding of any scan; in the lesion's own scan, at times in one without fractures."""
        if self._false and generator.random() < self.settings.findings_share:
            place = self._false[generator.choice(len(self._false), p=self._false_chances)]
            case = self._cases[place.case]
            return case, self.settings.centre_around(case, place.centre, generator)
        if self._fracture_free and generator.random() < self._free_share:
            case = self._fracture_free[generator.integers(len(self._fracture_free))]
        return case, self.settings.negative_centre(case, generator)

    def _flip(self, crop: Crop, generator: np.random.Generator) -> Crop:
        xy = generator.random() < self.settings.flip_xy_probability
        z = generator.random() < self.settings.flip_z_probability
        return crop.flipped((XY if xy else ()) + (Z if z else ()))


def lesion_centre(lesion: Lesion, generator: np.random.Generator) -> Point:
    """A uniformly random voxel of the lesion's box (spec 7)."""
    x, y, z = generator.integers(lesion.box[:3], lesion.box[3:]).tolist()
    return x, y, z


def periphery_centre(shape: Point, crop_size: Point, generator: np.random.Generator) -> Point:
    """A centre at one of the four sides of the range where a crop fits, where ribs run (spec 7).

    Along x or y it is the least or the greatest of the range, along the other one random, along z random.
    """
    ranges = [_centres(n, wanted) for n, wanted in zip(shape, crop_size, strict=True)]
    centre = [int(generator.integers(low, high + 1)) for low, high in ranges]
    side = int(generator.integers(4))
    axis = side // 2
    centre[axis] = ranges[axis][side % 2]
    x, y, z = centre
    return x, y, z


def _centres(shape: int, crop: int) -> tuple[int, int]:
    """First and last centre of a crop that lies inside; the middle where none does."""
    low, high = crop // 2, shape - crop // 2
    return (low, high) if low <= high else (shape // 2, shape // 2)


def collate(samples: Sequence[Sequence[Crop]]) -> CropBatch:
    """One batch of the crops of some samples, in their order."""
    crops = [crop for sample in samples for crop in sample]
    return CropBatch(
        torch.from_numpy(np.stack([crop.image for crop in crops])),
        torch.from_numpy(np.stack([crop.instances for crop in crops])),
        [torch.from_numpy(crop.classes) for crop in crops],
        [crop.source for crop in crops],
    )
