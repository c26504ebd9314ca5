"""The scanner blurs, sharpens and adds noise as its protocol says."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from RibFracTrainingLib.simulation.scanner import WATER_PATH_MM, Scanner, draw_scanner, scan

SPACING = (0.8, 0.8, 1.2)
SOFT = Scanner(blur_mm=1.5, sharpening=0.0, thickness_mm=1.5, noise_hu=12.0, streaks=0.0)
# Of water, so thick that its noise has the stated strength.
SIZE = (round(WATER_PATH_MM / SPACING[0]), 64, 24)


def water() -> np.ndarray:
    return np.zeros(SIZE[::-1], np.float32).T


def silent(scanner: Scanner) -> Scanner:
    return dataclasses.replace(scanner, noise_hu=0.0)


def edge(scanner: Scanner) -> np.ndarray:
    hu = np.full((40, 40, 8), -100, np.float32)
    hu[20:] = 900
    return scan(hu, SPACING, silent(scanner), np.random.default_rng(0))[:, 20, 4].astype(float)


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 1000), noise=st.floats(5, 30), blur=st.floats(0.9, 1.7))
def test_noise_has_the_stated_strength(seed: int, noise: float, blur: float) -> None:
    scanner = dataclasses.replace(SOFT, noise_hu=noise, blur_mm=blur)
    image = scan(water(), SPACING, scanner, np.random.default_rng(seed))
    assert image.std() == pytest.approx(noise, rel=0.15)
    assert abs(image.mean()) < noise / 4


def test_soft_kernels_have_coarser_noise_than_sharp_ones() -> None:
    def neighbours(blur: float) -> float:
        image = scan(water(), SPACING, dataclasses.replace(SOFT, blur_mm=blur), np.random.default_rng(1))
        flat = image.astype(float)
        return float(np.corrcoef(flat[1:].ravel(), flat[:-1].ravel())[0, 1])

    assert neighbours(1.7) > neighbours(0.9) + 0.15


def test_noise_is_weak_at_low_frequencies() -> None:
    sharp = dataclasses.replace(SOFT, blur_mm=0.9)
    image = scan(water(), SPACING, sharp, np.random.default_rng(2)).astype(float)
    spectrum = np.abs(np.fft.fft2(image[:64, :64], axes=(0, 1))).mean(axis=2)
    assert spectrum[1:3, 1:3].mean() < 0.8 * spectrum[8:16, 8:16].mean()


def test_wide_places_are_noisier() -> None:
    narrow = water()
    narrow[: SIZE[0] // 2] = -1000
    inside = slice(SIZE[0] // 2 + 10, None)
    thin, thick = (
        scan(hu, SPACING, SOFT, np.random.default_rng(3))[inside].std() for hu in (narrow, water())
    )
    assert thin < 0.7 * thick


def test_streaks_run_from_side_to_side() -> None:
    heavy = np.full(SIZE[::-1], 400, np.float32).T
    scanner = dataclasses.replace(SOFT, streaks=1.2)
    image = scan(heavy, SPACING, scanner, np.random.default_rng(4)).astype(float)
    along_x = np.corrcoef(image[6:].ravel(), image[:-6].ravel())[0, 1]
    along_y = np.corrcoef(image[:, 6:].ravel(), image[:, :-6].ravel())[0, 1]
    assert along_x > along_y + 0.05


def test_only_sharp_kernels_overshoot() -> None:
    soft, sharp = edge(SOFT), edge(dataclasses.replace(SOFT, sharpening=0.5))
    assert soft.max() <= 901
    assert soft.min() >= -101
    assert sharp.max() > 915
    assert sharp.min() < -115
    assert np.diff(sharp).max() > np.diff(soft).max()


def test_blur_keeps_the_amount_of_bone() -> None:
    hu = np.zeros((24, 24, 24), np.float32)
    hu[10:13, 10:13, 10:13] = 1000
    total = hu.sum()
    image = scan(hu, SPACING, silent(SOFT), np.random.default_rng(0))
    assert image.max() < 1000
    assert image.sum() == pytest.approx(total, rel=0.05)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), step=st.floats(0.5, 3))
def test_protocols_stay_within_their_ranges(seed: int, step: float) -> None:
    scanner = draw_scanner(np.random.default_rng(seed), step)
    assert 0.6 <= scanner.thickness_mm <= 2.6
    assert 0.7 < scanner.blur_mm < 1.7
    assert 0 <= scanner.sharpening <= 0.6
    assert 6 <= scanner.noise_hu <= 40


def test_the_image_is_a_ct() -> None:
    hu = np.full((16, 16, 16), 9000, np.float32)
    hu[:8] = -3000
    image = scan(hu, SPACING, SOFT, np.random.default_rng(0))
    assert image.dtype == np.int16
    assert image.min() >= -1024
    assert image.max() <= 3071
