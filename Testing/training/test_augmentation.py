"""Augmentation: image, mask and boxes move together, by as much as told, and by nothing else."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.training_data import BRIGHT, case_with_boxes
from RibFracDetectorLib.engine.settings import InferenceSettings
from RibFracTrainingLib.training.batch import TrainingBatch
from RibFracTrainingLib.training.data.augmentation import (
    AugmentationSettings,
    IntensitySettings,
    batch_generator,
    make_batch,
    no_augmentation,
)
from RibFracTrainingLib.training.data.classes import UNKNOWN, ClassMap
from RibFracTrainingLib.training.data.crops import cut_crop
from RibFracTrainingLib.training.data.elastic_grid import DeformationSettings, sampling_points
from RibFracTrainingLib.training.data.instance_boxes import instance_boxes
from RibFracTrainingLib.training.data.samples import CropBatch, collate

CPU = torch.device("cpu")
STILL = DeformationSettings(elastic_magnitude=(0, 0), rotation=(0, 0), translation=(0, 0), scale=(1, 1))


def crops_of(image: np.ndarray, instances: np.ndarray, classes: list[int]) -> CropBatch:
    """A batch of one crop."""
    return CropBatch(
        torch.from_numpy(image.astype(np.int16))[None],
        torch.from_numpy(instances.astype(np.int16))[None],
        [torch.tensor(classes, dtype=torch.int64)],
        ["test"],
    )


def crops_with_boxes(size: tuple[int, int, int], boxes: list, classes: list[int] | None = None) -> CropBatch:
    image = np.full(size, 40, np.int16)
    instances = np.zeros(size, np.int16)
    for number, (x1, y1, z1, x2, y2, z2) in enumerate(boxes, start=1):
        image[x1:x2, y1:y2, z1:z2] = BRIGHT
        instances[x1:x2, y1:y2, z1:z2] = number
    return crops_of(image, instances, classes or [0] * len(boxes))


def normalised(hu: torch.Tensor) -> torch.Tensor:
    return (hu.float().clamp(-927, 3071) - 330) / 562.5


@settings(max_examples=30)
@given(st.tuples(*[st.integers(8, 20)] * 3), st.tuples(*[st.integers(0, 9)] * 3), st.integers(0, 99))
def test_without_augmentation_the_patch_is_the_middle_of_the_crop(patch, margin, seed) -> None:
    size = tuple(p + m for p, m in zip(patch, margin, strict=True))
    generator = np.random.default_rng(seed)
    image = generator.integers(-1200, 3300, size)
    instances = generator.integers(0, 5, size)
    batch = make_batch(crops_of(image, instances, [0] * 4), no_augmentation(patch), "cpu", torch.Generator())
    window = tuple(slice(m // 2, m // 2 + p) for p, m in zip(patch, margin, strict=True))
    assert torch.allclose(batch.images[0, 0], normalised(torch.from_numpy(image[window])), atol=2e-2)
    assert np.array_equal(batch.segmentation[0].numpy(), instances[window] > 0)


def test_zero_strength_is_the_identity_too() -> None:
    crops = crops_with_boxes((40, 36, 32), [(15, 12, 10, 20, 18, 17)])
    none = make_batch(crops, no_augmentation((32, 32, 32)), "cpu", batch_generator(0, 0, 0))
    zero = replace(no_augmentation((32, 32, 32)), deformation=STILL)
    still = make_batch(crops, zero, "cpu", batch_generator(0, 0, 0))
    assert torch.allclose(none.images, still.images, atol=1e-3)
    assert torch.equal(none.segmentation, still.segmentation)
    assert torch.equal(none.boxes[0], still.boxes[0])


def test_normalisation_is_that_of_inference() -> None:
    inference, training = InferenceSettings(), IntensitySettings()
    assert (inference.clip, inference.subtract, inference.divide) == (
        training.clip,
        training.subtract,
        training.divide,
    )
    assert AugmentationSettings().patch_size == inference.roi_size


def test_contract_of_the_batch() -> None:
    crops = collate([[*two_crops(), *two_crops()]])
    batch = make_batch(crops, AugmentationSettings((32, 32, 32)), "cpu", batch_generator(1, 0, 0))
    assert isinstance(batch, TrainingBatch)
    assert batch.images.dtype == torch.float32
    assert batch.images.shape == (len(crops.images), 1, 32, 32, 32)
    assert batch.segmentation.dtype == torch.uint8
    assert set(batch.segmentation.unique().tolist()) <= {0, 1}
    for boxes, classes in zip(batch.boxes, batch.classes, strict=True):
        assert boxes.dtype == torch.float32
        assert classes.dtype == torch.int64
        assert boxes.shape == (len(classes), 6)
        assert (boxes[:, 3:] > boxes[:, :3]).all()


def two_crops():
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        case = case_with_boxes(Path(folder), [(20, 20, 15, 27, 26, 22)], [-1], size=(60, 60, 60))
        lesion = cut_crop(case, ClassMap(), (24, 23, 18), (44, 42, 40))
        empty = cut_crop(case, ClassMap(), (50, 50, 50), (44, 42, 40))
    return [lesion, empty]


def test_crops_without_lesions_are_legal_and_unknown_stays_unknown() -> None:
    batch = make_batch(collate([two_crops()]), no_augmentation((40, 40, 40)), "cpu", torch.Generator())
    assert batch.classes[0].tolist() == [UNKNOWN]
    assert batch.segmentation[0].any(), "positive for segmentation"
    assert batch.boxes[1].shape == (0, 6)
    assert batch.classes[1].shape == (0,)


def test_boxes_are_a_voxel_larger_on_both_sides() -> None:
    crops = crops_with_boxes((32, 32, 32), [(5, 6, 7, 12, 14, 16), (20, 0, 9, 32, 5, 11)], [0, UNKNOWN])
    batch = make_batch(crops, no_augmentation((32, 32, 32)), "cpu", torch.Generator())
    assert batch.boxes[0].tolist() == [[4, 5, 6, 12, 14, 16], [19, -1, 8, 32, 5, 11]]
    assert batch.classes[0].tolist() == [0, UNKNOWN]


def test_a_lesion_outside_the_patch_has_no_box() -> None:
    crops = crops_with_boxes((48, 32, 32), [(0, 6, 7, 6, 14, 16), (20, 9, 9, 25, 15, 14)], [0, UNKNOWN])
    batch = make_batch(crops, no_augmentation((32, 32, 32)), "cpu", torch.Generator())
    assert batch.classes[0].tolist() == [UNKNOWN]


@pytest.mark.parametrize("seed", range(12))
def test_image_mask_and_boxes_move_together(seed: int) -> None:
    """Under every deformation bright voxels stay under the mask, and boxes just hold them."""
    crops = crops_with_boxes((72, 68, 64), [(28, 26, 24, 42, 40, 38), (44, 18, 30, 54, 27, 39)])
    settings = replace(AugmentationSettings((48, 48, 48)), noise_probability=0.0, box_jitter=0)
    batch = make_batch(crops, settings, "cpu", batch_generator(seed, 0, 0))
    bright = batch.images[0, 0] > normalised(torch.tensor((BRIGHT + 40) / 2))
    mask = batch.segmentation[0] > 0
    overlap = (bright & mask).sum() / (bright | mask).sum()
    assert overlap > 0.9
    inside = torch.zeros_like(mask)
    for x1, y1, z1, x2, y2, z2 in batch.boxes[0].int().tolist():
        inside[x1 + 1 : x2, y1 + 1 : y2, z1 + 1 : z2] = True
    assert not (mask & ~inside).any()
    assert len(batch.boxes[0]) == 2


@pytest.mark.parametrize("seed", range(4))
def test_numbers_of_lesions_are_not_mixed(seed: int) -> None:
    """Between background and lesion 5 there is no lesion 2, as interpolation would make one."""
    crops = crops_with_boxes((60, 60, 60), [(20, 20, 20, 40, 40, 40)])
    crops = crops._replace(instances=crops.instances * 5, classes=[torch.tensor([0, 0, 0, 0, UNKNOWN])])
    settings = replace(AugmentationSettings((40, 40, 40)), noise_probability=0.0)
    batch = make_batch(crops, settings, "cpu", batch_generator(seed, 0, 0))
    assert batch.classes[0].tolist() == [UNKNOWN]


@pytest.mark.parametrize("axis", range(3))
def test_parameters_mean_what_they_say(axis: int) -> None:
    """Translation and scale in voxels of the grid, rotation in degrees about its axis."""
    patch = (17, 17, 17)
    identity = sampling_points(patch, STILL, torch.Generator(), CPU)
    shifted = sampling_points(patch, replace(STILL, translation=(3, 3)), torch.Generator(), CPU)
    assert torch.allclose(shifted - identity, torch.tensor(3.0))
    scaled = sampling_points(patch, replace(STILL, scale=(1.1, 1.1)), torch.Generator(), CPU)
    assert torch.allclose(scaled, identity * 1.1, atol=1e-5)
    turned = sampling_points(patch, replace(STILL, rotation=(10, 10)), torch.Generator(), CPU)
    lengths = turned.square().sum(dim=0).sqrt(), identity.square().sum(dim=0).sqrt()
    assert torch.allclose(*lengths, atol=1e-4)
    matrix = torch.linalg.lstsq(identity.reshape(3, -1).T, turned.reshape(3, -1).T).solution.T
    assert torch.allclose(torch.linalg.det(matrix), torch.tensor(1.0), atol=1e-4)
    c, s = math.cos(math.radians(10)), math.sin(math.radians(10))
    rx = torch.tensor([[1, 0, 0], [0, c, -s], [0, s, c]])
    about = {0: rx, 1: rx.roll((1, 1), (0, 1)).T, 2: rx.roll((2, 2), (0, 1))}
    product = about[0] @ _either(about[1], matrix) @ about[2]
    assert torch.allclose(matrix[:, axis], product[:, axis], atol=1e-4)


def _either(about_y: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """The sense of the rotation about y is free; the range of angles is symmetric."""
    return about_y if torch.sign(about_y[0, 2]) == torch.sign(matrix[0, 2]) else about_y.T


def test_affine_is_rotation_of_the_shifted_scaled_grid() -> None:
    """R @ T @ S: the point in the middle goes where rotation sends the translation."""
    both = replace(STILL, translation=(4, 4), rotation=(15, 15), scale=(1.15, 1.15))
    alone = replace(STILL, rotation=(15, 15))
    patch = (9, 9, 9)
    middle = sampling_points(patch, both, torch.Generator(), CPU)[:, 4, 4, 4]
    turned = sampling_points(patch, alone, torch.Generator(), CPU)
    assert torch.allclose(middle, turned[:, 8, 8, 8], atol=1e-4), "(4, 4, 4) from the middle"


def test_elastic_offsets_are_smooth_and_as_large_as_told() -> None:
    settings = replace(STILL, elastic_magnitude=(256, 256), elastic_sigma=(9, 9))
    patch = (72, 72, 72)
    identity = sampling_points(patch, STILL, torch.Generator(), CPU)
    offsets = sampling_points(patch, settings, torch.Generator().manual_seed(1), CPU) - identity
    inner = offsets[:, 27:-27, 27:-27, 27:-27]
    # U(-1, 1) has a variance of 1/3; a Gaussian in 3-D divides it by (2 sqrt(pi) sigma)^3.
    expected = 256 * math.sqrt(1 / 3 / (2 * math.sqrt(math.pi) * 9) ** 3)
    spread = (
        torch.stack(
            [
                (sampling_points(patch, settings, torch.Generator().manual_seed(n), CPU) - identity)[
                    :, 30:42, 30:42, 30:42
                ]
                .square()
                .mean()
                for n in range(20)
            ]
        )
        .mean()
        .sqrt()
    )
    assert 0.75 * expected < spread < 1.25 * expected
    assert inner.diff(dim=1).abs().max() < 0.5 * expected


def test_elastic_smoothing_is_a_gaussian_filter() -> None:
    from RibFracTrainingLib.training.data.elastic_grid import _smooth_noise
    from scipy.ndimage import gaussian_filter

    size, sigma = (30, 25, 20), 2.5
    smooth = _smooth_noise(size, sigma, torch.Generator().manual_seed(3), CPU).numpy()
    noise = torch.rand((3, *size), generator=torch.Generator().manual_seed(3)).numpy() * 2 - 1
    for ours, raw in zip(smooth, noise, strict=True):
        assert np.allclose(ours, gaussian_filter(raw, sigma, mode="constant", truncate=3), atol=1e-6)


def test_same_state_same_batch_and_another_otherwise() -> None:
    crops = crops_with_boxes((40, 40, 40), [(12, 12, 12, 24, 22, 20)])
    settings = replace(AugmentationSettings((32, 32, 32)), noise_probability=1.0)
    keys = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    batches = [make_batch(crops, settings, "cpu", batch_generator(*key)) for key in keys]
    torch.manual_seed(999)
    again = make_batch(crops, settings, "cpu", batch_generator(*keys[0]))
    assert torch.equal(again.images, batches[0].images)
    assert torch.equal(again.boxes[0], batches[0].boxes[0])
    for number, batch in enumerate(batches):
        for other in batches[number + 1 :]:
            assert not torch.allclose(batch.images, other.images, atol=0.05)


def test_global_generators_are_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    make_batch(
        crops_with_boxes((40, 40, 40), []),
        AugmentationSettings((32, 32, 32)),
        "cpu",
        batch_generator(0, 0, 0),
    )
    assert torch.equal(torch.rand(3), expected)


def test_noise_comes_as_often_and_as_strong_as_told() -> None:
    crops = crops_with_boxes((20, 20, 20), [])
    settings = replace(no_augmentation((20, 20, 20)), noise_probability=0.4, noise_sigma=(0.0, 0.05))
    spreads = [
        make_batch(crops, settings, "cpu", batch_generator(0, 0, step)).images.std().item()
        for step in range(300)
    ]
    noisy = [spread for spread in spreads if spread > 1e-4]
    assert 0.3 < len(noisy) / len(spreads) < 0.5
    assert 0.035 < max(noisy) < 0.052
    assert 0.02 < np.mean(noisy) < 0.03
    always = replace(settings, noise_probability=1.0, noise_sigma=(0.3, 0.4))
    spreads = [
        make_batch(crops, always, "cpu", batch_generator(0, 0, step)).images.std().item()
        for step in range(50)
    ]
    assert 0.29 < min(spreads) < 0.31
    assert 0.39 < max(spreads) < 0.41


def test_jitter_is_symmetric_and_moves_no_voxel() -> None:
    crops = crops_with_boxes((20, 20, 20), [(5, 5, 5, 10, 11, 12)])
    plain = make_batch(crops, no_augmentation((20, 20, 20)), "cpu", batch_generator(0, 0, 0))
    settings = replace(no_augmentation((20, 20, 20)), box_jitter=2)
    shifts = []
    for step in range(400):
        batch = make_batch(crops, settings, "cpu", batch_generator(0, 0, step))
        assert torch.equal(batch.images, plain.images)
        moved = (batch.boxes[0] - plain.boxes[0])[0]
        assert torch.equal(moved[:3], moved[3:]), "a shift, not a change of size"
        shifts.append(moved[:3])
    drawn = torch.stack(shifts)
    assert set(drawn.unique().tolist()) == {-2, -1, 0, 1, 2}
    assert drawn.mean().abs() < 0.15, "the published system's mean is -0.5"


def test_a_mirror_image_beyond_the_crop_is_a_lesion_of_its_own() -> None:
    """Reflection shows the lesion again far away; a box around both would be wrong."""
    crops = crops_with_boxes((32, 32, 32), [(22, 12, 12, 26, 18, 18)])
    shift = replace(STILL, translation=(14, 14))
    settings = replace(no_augmentation((32, 32, 32)), deformation=shift)
    batch = make_batch(crops, settings, "cpu", torch.Generator())
    # Moved by 14 along every axis, each shows the lesion and, around 31 * 2 - place, its reflection.
    assert len(batch.boxes[0]) == 8
    assert (batch.boxes[0][:, 3:] - batch.boxes[0][:, :3]).max() <= 8
    assert batch.classes[0].tolist() == [0] * len(batch.boxes[0])


def test_a_lesion_that_touches_its_mirror_image_has_one_box() -> None:
    crops = crops_with_boxes((32, 32, 32), [(26, 12, 12, 32, 18, 18)])
    shift = replace(STILL, translation=(4, 4))
    settings = replace(no_augmentation((32, 32, 32)), deformation=shift)
    batch = make_batch(crops, settings, "cpu", torch.Generator())
    assert len(batch.boxes[0]) == 1


@given(st.integers(0, 9999))
def test_boxes_of_all_instances_at_once(seed: int) -> None:
    generator = np.random.default_rng(seed)
    masks = generator.integers(0, 4, (3, 6, 5, 4)) * generator.integers(0, 2, (3, 6, 5, 4))
    masks = np.where(masks == 3, 40_000, masks)
    found = instance_boxes(torch.from_numpy(masks))
    expected = []
    for patch, mask in enumerate(masks):
        for value in sorted(set(mask.ravel().tolist()) - {0}):
            places = np.argwhere(mask == value)
            expected.append([patch, value, *places.min(axis=0), *places.max(axis=0)])
    ours = torch.cat([found.patch[:, None], found.number[:, None], found.first, found.last], dim=1)
    assert ours.tolist() == [[int(n) for n in row] for row in expected]


def test_no_instance_at_all() -> None:
    assert len(instance_boxes(torch.zeros((2, 4, 4, 4), dtype=torch.int32)).number) == 0


def test_patch_larger_than_the_crop() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        make_batch(
            crops_with_boxes((20, 20, 20), []), no_augmentation((32, 20, 20)), "cpu", torch.Generator()
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: DeformationSettings(probability=1.5),
        lambda: DeformationSettings(rotation=(3, -3)),
        lambda: DeformationSettings(elastic_sigma=(0, 3)),
        lambda: AugmentationSettings(noise_probability=-1),
        lambda: AugmentationSettings(box_jitter=-1),
    ],
)
def test_impossible_settings(make) -> None:
    with pytest.raises(ValueError, match="expected"):
        make()
