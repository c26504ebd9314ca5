"""Synthetic CT volumes and ways to store them, made without the code under test.

Volumes are int16 HU, indexed [x, y, z] in LPS order. A scan is stored in any orientation by turning the array
with numpy and giving SimpleITK the grid that belongs to it.
"""

from __future__ import annotations

import contextlib
import locale
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import permutations, product
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

AIR, FAT, MUSCLE, BONE, LUNG, BRAIN = -1000, -100, 50, 700, -850, 35
SIDES = ("left", "right")
EXTENSIONS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")

# Every way to lay the axes of a volume along the body: each letter is the side to which an index grows.
ORIENTATIONS = tuple(
    "".join(pair[side] for pair, side in zip(pairs, sides, strict=True))
    for pairs in permutations(("LR", "PA", "SI"))
    for sides in product((0, 1), repeat=3)
)
_LPS_OF_LETTER = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}


def chest(
    size: tuple[int, int, int] = (140, 110, 60),
    spacing: tuple[float, float, float] = (2.0, 2.0, 2.0),
    aerated: Collection[str] = SIDES,
    noise: float = 20.0,
) -> NDArray[np.int16]:
    """A body of fat and muscle in air, with slanting ribs as a ring, spine and lungs, scaled to the size.

    Args:
        aerated: sides whose lung holds air; the other one is opaque.
        noise: standard deviation in HU.
    """
    x, y, z = _millimetres(size, spacing)
    half = (np.asarray(size) * spacing / 2)[:2]
    radius = np.hypot(x / (0.9 * half[0]), y / (0.85 * half[1]))
    volume = np.full(size, AIR, np.float32)
    volume[np.broadcast_to(radius < 1, size)] = FAT
    volume[np.broadcast_to(radius < 0.93, size)] = MUSCLE
    volume[(radius > 0.8) & (radius < 0.88) & ((z - 0.3 * y) % 24 < 10)] = BONE
    lung = (radius < 0.76) & (np.abs(x) > 0.15 * half[0])
    for side, inside in (("left", lung & (x > 0)), ("right", lung & (x < 0))):
        volume[np.broadcast_to(inside, size)] = LUNG if side in aerated else MUSCLE
    spine = np.hypot(x, y - 0.5 * half[1]) < 0.15 * half[1]
    volume[np.broadcast_to(spine, size)] = 400
    return _with_noise(volume, noise)


def head(size: tuple[int, int, int] = (100, 120, 70), noise: float = 20.0) -> NDArray[np.int16]:
    """A skull with brain and air-filled sinuses, at 2 mm."""
    x, y, z = _millimetres(size, (2.0, 2.0, 2.0))
    radius = np.hypot(np.hypot(x / 75, y / 95), z / 110)
    volume = np.full(size, AIR, np.float32)
    volume[radius < 1] = MUSCLE
    volume[radius < 0.95] = BONE
    volume[radius < 0.87] = BRAIN
    for side in (-1, 1):
        volume[np.hypot(np.hypot(x - side * 25, y + 60), z + 40) < 15] = AIR
    return _with_noise(volume, noise)


def pelvis(size: tuple[int, int, int] = (160, 110, 60), noise: float = 20.0) -> NDArray[np.int16]:
    """Hip bones, sacrum and gas in the bowel, at 2 mm."""
    x, y, z = _millimetres(size, (2.0, 2.0, 2.0))
    radius = np.broadcast_to(np.hypot(x / 150, y / 100), size)
    volume = np.full(size, AIR, np.float32)
    volume[radius < 1] = FAT
    volume[radius < 0.85] = MUSCLE
    for side in (-1, 1):
        wing = np.hypot((x - side * 90) / 20, (y - 10) / 50) < 1
        volume[np.broadcast_to(wing, size)] = BONE
    volume[np.hypot(np.hypot(x, y + 30), z) < 30] = AIR
    return _with_noise(volume, noise)


def _millimetres(size: Iterable[int], spacing: Iterable[float]) -> tuple[NDArray, NDArray, NDArray]:
    steps = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(size, spacing, strict=True)]
    return tuple(np.meshgrid(*steps, indexing="ij", sparse=True))


def _with_noise(volume: NDArray[np.float32], noise: float) -> NDArray[np.int16]:
    generator = np.random.default_rng(7)
    return np.round(volume + noise * generator.standard_normal(volume.shape, np.float32)).astype(np.int16)


@dataclass(frozen=True)
class Stored:
    """A volume as it lies in a file.

    Attributes:
        array: indexed along the file's axes.
        spacing, origin: mm along and LPS mm of the file's axes.
        direction: (3, 3), columns are the LPS directions of the file's axes.
    """

    array: NDArray
    spacing: tuple[float, float, float] = (2.0, 2.0, 2.0)
    origin: tuple[float, float, float] = (-120.5, -90.25, -300.0)
    direction: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))

    def turned(self, orientation: str) -> Stored:
        """The same voxels at the same places, along axes such as "RAS" or "PIR"; self must be LPS."""
        order = [_LPS_OF_LETTER[letter][0] for letter in orientation]
        signs = np.array([_LPS_OF_LETTER[letter][1] for letter in orientation])
        first = np.zeros(3)
        array = self.array.transpose(order)
        for axis, sign in enumerate(signs):
            if sign < 0:
                array = np.flip(array, axis)
                first[order[axis]] = self.array.shape[order[axis]] - 1
        origin = np.asarray(self.origin) + self.direction @ (first * self.spacing)
        return Stored(
            array,
            tuple(self.spacing[axis] for axis in order),
            tuple(origin.tolist()),
            self.direction[:, order] * signs,
        )

    def point(self, index: Iterable[float]) -> NDArray[np.float64]:
        """LPS mm of a voxel of the file."""
        return np.asarray(self.origin) + self.direction @ (np.asarray(index) * self.spacing)

    def image(self) -> sitk.Image:
        """As a SimpleITK image."""
        image = sitk.GetImageFromArray(np.ascontiguousarray(self.array.transpose(2, 1, 0)))
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction.ravel().tolist())
        return image

    def write(self, path: Path) -> Path:
        """Write to a file of any of `EXTENSIONS`; `.nii.gz` and `.nrrd` are compressed."""
        sitk.WriteImage(self.image(), str(path), useCompression=path.suffix in (".gz", ".nrrd"))
        return path


def rotation(degrees: Iterable[float]) -> NDArray[np.float64]:
    """Rotation by the three angles about x, then y, then z."""
    transform = sitk.Euler3DTransform()
    transform.SetRotation(*(float(np.radians(angle)) for angle in degrees))
    return np.asarray(transform.GetMatrix()).reshape(3, 3)


@contextlib.contextmanager
def _locale_kept() -> Iterator[None]:
    """GDCM sets the C locale when it writes, in which Python no longer decodes UTF-8."""
    before = locale.setlocale(locale.LC_ALL)
    try:
        yield
    finally:
        locale.setlocale(locale.LC_ALL, before)


@_locale_kept()
def write_dicom(
    folder: Path,
    stored: Stored,
    uid: str = "1.2.826.0.1.3680043.8.498.1",
    modality: str = "CT",
    skip: Collection[int] = (),
    shifts: dict[int, tuple[float, float, float]] | None = None,
    first_number: int = 0,
) -> Path:
    """Write the slices of `stored` as a DICOM series into `folder`, which may hold another one.

    Args:
        skip: slices that are left out.
        shifts: LPS mm to be added to the position of some slices.
        first_number: of the file names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    image = stored.image()
    for z in range(stored.array.shape[2]):
        if z in skip:
            continue
        position = stored.point((0, 0, z)) + (shifts or {}).get(z, (0.0, 0.0, 0.0))
        plane = image[:, :, z]
        tags = {
            "0008|0008": "ORIGINAL\\PRIMARY\\AXIAL",
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"{uid}.{first_number + z}.{abs(hash(tuple(position))) % 10**9}",
            "0008|0060": modality,
            "0008|103e": f"series {uid[-1]}",
            "0020|000d": "1.2.826.0.1.3680043.8.498.100",
            "0020|000e": uid,
            "0020|0013": str(z + 1),
            "0020|0032": "\\".join(f"{value:.6f}" for value in position),
            "0020|0037": "\\".join(f"{value:.9f}" for value in stored.direction[:, :2].T.ravel()),
            "0028|0030": f"{stored.spacing[1]:.6f}\\{stored.spacing[0]:.6f}",
            "0028|1052": "-1024",
            "0028|1053": "1",
        }
        for tag, value in tags.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"slice{first_number + z:04d}.dcm"))
        writer.Execute(plane)
    return folder


@_locale_kept()
def write_multi_frame(path: Path, stored: Stored, uid: str = "1.2.826.0.1.3680043.8.498.9") -> Path:
    """Write the whole volume as one DICOM file of many frames; its axes must be LPS."""
    image = stored.image()
    tags = {
        "0008|0060": "CT",
        "0020|000e": uid,
        "0020|0032": "\\".join(f"{value:.6f}" for value in stored.origin),
        "0020|0037": "1\\0\\0\\0\\1\\0",
        "0028|0030": f"{stored.spacing[1]:.6f}\\{stored.spacing[0]:.6f}",
        "0018|0088": f"{stored.spacing[2]:.6f}",
    }
    for tag, value in tags.items():
        image.SetMetaData(tag, value)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(image)
    return path
