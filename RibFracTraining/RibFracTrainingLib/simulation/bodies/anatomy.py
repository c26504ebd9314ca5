"""What is drawn for one chest: sizes, pose and densities, all recorded with the case.

Sizes are those of adults: ribs of 10 to 15 mm height and 6 to 9 mm thickness with a cortex of 0.3 to 1.3 mm
(thinner towards the sternum), chests 250 to 360 mm wide. Densities are HU at about 120 kV before the scanner
blurs them: fat -115 to -85, muscle 35 to 65, blood 35 to 50 (to 250 with contrast medium), lung -910 to -780,
hyaline cartilage 70 to 140, cortical bone of ribs 800 to 1650. Marrow runs from 0 (osteoporosis) to 260,
uneven by 30 to 140, and the cortex passes into it over up to 1.8 mm: both as seen in two real scans, where
simulated ribs had looked like rings around an even filling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Generator = np.random.Generator


@dataclass(frozen=True)
class Bone:
    """Densities and cortex of a skeleton.

    Attributes:
        cortex_hu: of compact bone, before any blur.
        cortex_mm: mean thickness of the ribs' cortex; other bones have a multiple of it.
        border_mm: over which compact bone passes into spongy bone.
        marrow_hu: mean of the spongy bone of ribs; that of vertebrae is 1.3 times as dense, minus fat.
        grain_hu: standard deviation of the spongy bone.
        cartilage_hu: of costal cartilage.
        calcified: share of the cartilage that is calcified, 0 to 1.
    """

    cortex_hu: float
    cortex_mm: float
    border_mm: float
    marrow_hu: float
    grain_hu: float
    cartilage_hu: float
    calcified: float


@dataclass(frozen=True)
class Soft:
    """Densities of what is not bone."""

    fat_hu: float
    muscle_hu: float
    lung_hu: float
    blood_hu: float
    liver_hu: float
    grain_hu: float


@dataclass(frozen=True)
class Build:
    """Sizes and pose of a chest.

    Attributes:
        width, depth, height: scale of the mean adult chest along x, y, z.
        slope: scale of how far ribs sink from back to front.
        rib_half_up, rib_half_out: half axes of a rib's mean cross-section, mm.
        jitter: mm by which each rib differs from a regular one.
        bend: mm of sideward curvature of the spine.
        kyphosis: scale of the curvature of the thoracic spine.
        muscle_mm, fat_mm: mean thickness of the layers around the rib cage.
        turn: radians about x, y, z of the patient on the table.
        arms_down: arms lie beside the chest, else they are out of the scan.
    """

    width: float
    depth: float
    height: float
    slope: float
    rib_half_up: float
    rib_half_out: float
    jitter: float
    bend: float
    kyphosis: float
    muscle_mm: float
    fat_mm: float
    turn: tuple[float, float, float]
    arms_down: bool


@dataclass(frozen=True)
class Anatomy:
    """One chest."""

    build: Build
    bone: Bone
    soft: Soft


def draw_bone(generator: Generator) -> Bone:
    """A skeleton from young and dense to old and porous."""
    age = float(generator.uniform(0, 1))
    return Bone(
        cortex_hu=float(generator.uniform(950, 1650) - 150 * age),
        cortex_mm=float(np.clip(generator.normal(0.8 - 0.3 * age, 0.17), 0.3, 1.3)),
        border_mm=float(generator.uniform(0, 1.8)),
        marrow_hu=float(np.clip(generator.normal(190 - 150 * age, 45), -20, 280)),
        grain_hu=float(generator.uniform(30, 140)),
        cartilage_hu=float(generator.uniform(70, 140)),
        calcified=float(np.clip(generator.normal(0.9 * age - 0.25, 0.2), 0, 0.8)),
    )


def draw_soft(generator: Generator) -> Soft:
    """Soft tissues, a quarter of them with contrast medium in the vessels."""
    contrast = generator.random() < 0.25
    return Soft(
        fat_hu=float(generator.uniform(-115, -85)),
        muscle_hu=float(generator.uniform(35, 65)),
        lung_hu=float(generator.uniform(-910, -790)),
        blood_hu=float(generator.uniform(120, 280) if contrast else generator.uniform(33, 50)),
        liver_hu=float(generator.uniform(40, 70) + 40 * contrast),
        grain_hu=float(generator.uniform(3, 12)),
    )


def draw_build(generator: Generator) -> Build:
    """Sizes and pose, wider than those of one population so that a detector does not rely on them."""
    size = generator.normal(1, 0.05)
    scales = np.clip(size + generator.normal(0, [0.05, 0.07, 0.04]), 0.82, 1.2)
    turn = generator.normal(0, np.deg2rad([3, 2, 4]))
    return Build(
        width=float(scales[0]),
        depth=float(scales[1]),
        height=float(scales[2]),
        slope=float(np.clip(generator.normal(1, 0.12), 0.65, 1.3)),
        rib_half_up=float(size * generator.uniform(5.2, 7.4)),
        rib_half_out=float(size * generator.uniform(3.0, 4.3)),
        jitter=float(generator.uniform(0.5, 2.5)),
        bend=float(generator.normal(0, 5)),
        kyphosis=float(generator.uniform(0.6, 1.5)),
        muscle_mm=float(generator.uniform(8, 20)),
        fat_mm=float(np.clip(generator.gamma(2.0, 7.0), 2.5, 45)),
        turn=(float(turn[0]), float(turn[1]), float(turn[2])),
        arms_down=bool(generator.random() < 0.3),
    )


def draw_anatomy(generator: Generator) -> Anatomy:
    """One chest."""
    return Anatomy(draw_build(generator), draw_bone(generator), draw_soft(generator))
