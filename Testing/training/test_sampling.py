"""Which samples come when: seeds, epochs, processes, resuming, classes, scans without fractures."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.evaluation_data import Box, write_findings_file
from ribfrac_testing.training_data import case_with_boxes
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.findings_file import read_findings, write_findings
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.false_positives import false_positives
from RibFracTrainingLib.training.data.prepared import PreparedCase
from RibFracTrainingLib.training.data.sampler import EpochBatches
from RibFracTrainingLib.training.data.samples import (
    BoneSamplingSettings,
    CropBatch,
    CropSamples,
    SampleKey,
    SamplingSettings,
    collate,
    lesion_centre,
    periphery_centre,
)
from torch.utils.data import DataLoader

CLASSES = ClassMap()
SMALL = SamplingSettings(crop_size=(24, 24, 20))
BONE_HU = 300


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[PreparedCase]:
    root = tmp_path_factory.mktemp("cases")
    return [
        case_with_boxes(root, [(5, 6, 7, 11, 13, 12), (40, 30, 20, 46, 36, 25)], [1, 3], case_id="a"),
        case_with_boxes(root, [], case_id="b"),
        case_with_boxes(root, [(20, 20, 10, 27, 26, 17), (50, 5, 30, 56, 11, 36)], [-1, 2], case_id="c"),
    ]


def same(first: CropBatch, second: CropBatch) -> bool:
    return (
        torch.equal(first.images, second.images)
        and torch.equal(first.instances, second.instances)
        and all(torch.equal(a, b) for a, b in zip(first.classes, second.classes, strict=True))
        and first.sources == second.sources
    )


@given(st.integers(1, 200), st.integers(1, 5), st.integers(1, 6), st.integers(0, 3), st.integers(0, 9))
def test_processes_share_an_epoch_without_overlap(samples, batch, world, epoch, seed) -> None:
    parts = []
    for rank in range(world):
        batches = EpochBatches(samples, batch, seed, rank, world)
        batches.start(epoch)
        parts.append(list(batches))
        assert len(parts[-1]) == len(batches) == batches.steps
    keys = [key for part in parts for keys in part for key in keys]
    assert len({key.position for key in keys}) == len(keys) == parts[0].__len__() * batch * world
    assert all(len(keys) == batch for part in parts for keys in part)
    if samples >= batch * world:
        assert len({key.item for key in keys}) == len(keys), "no sample comes twice in an epoch"
        assert len(keys) > samples - batch * world, "less than a step is left out"
    else:
        assert {key.item for key in keys} == set(range(samples)), "too few samples are all used"


@given(st.integers(4, 60), st.integers(1, 3), st.integers(1, 3), st.data())
def test_an_epoch_goes_on_at_any_step(samples, batch, world, data) -> None:
    rank = data.draw(st.integers(0, world - 1))
    whole = EpochBatches(samples, batch, 1, rank, world)
    whole.start(2)
    step = data.draw(st.integers(0, whole.steps))
    resumed = EpochBatches(samples, batch, 1, rank, world)
    resumed.start(2, step)
    assert list(resumed) == list(whole)[step:]
    assert len(resumed) == whole.steps - step


def test_order_depends_on_seed_and_epoch() -> None:
    orders = set()
    for seed in range(3):
        batches = EpochBatches(50, 1, seed)
        orders |= {tuple(batches.order(epoch)) for epoch in range(3)}
    assert len(orders) == 9


def test_every_item_comes_in_the_long_run() -> None:
    """What an epoch leaves out is not always the same."""
    batches = EpochBatches(7, 4, 0)
    seen = set()
    for epoch in range(20):
        batches.start(epoch)
        seen |= {key.item for keys in batches for key in keys}
    assert seen == set(range(7))


@pytest.mark.parametrize("arguments", [(0, 1, 0), (5, 0, 0), (5, 1, 0, 2, 2), (5, 1, 0, -1, 2)])
def test_bad_sampler(arguments) -> None:
    with pytest.raises(ValueError, match="expected"):
        EpochBatches(*arguments)
    with pytest.raises(ValueError, match="expected"):
        EpochBatches(5, 2, 0).start(0, 3)


def test_index_lists_lesions_and_oversamples(cases: list[PreparedCase]) -> None:
    """Classes 1 and 2 come twice, so 2 + 1 + 1 + 2; -1 is a lesion like any other."""
    assert len(CropSamples(cases, SMALL, CLASSES, 0)) == 6
    once = SamplingSettings(crop_size=SMALL.crop_size, oversample_classes=())
    assert len(CropSamples(cases, once, CLASSES, 0)) == 4
    assert len(CropSamples(cases, once, ClassMap({1: 0, 2: None, 3: None}), 0)) == 2
    with pytest.raises(ValueError, match="no lesion"):
        CropSamples(cases[1:2], SMALL, CLASSES, 0)


def test_first_crop_shows_its_lesion(cases: list[PreparedCase]) -> None:
    samples = CropSamples(cases, SMALL, CLASSES, 3)
    for item in range(len(samples)):
        for position in range(8):
            positive, _ = samples[SampleKey(0, position, item)]
            assert positive.instances.any()
            assert len(positive.classes)
            assert positive.source.startswith(("a", "c"))


def test_a_sample_is_a_function_of_its_key(cases: list[PreparedCase]) -> None:
    keys = [SampleKey(epoch, position, 0) for epoch in (0, 1) for position in (0, 1)]
    first, second = CropSamples(cases, SMALL, CLASSES, 3), CropSamples(cases, SMALL, CLASSES, 3)
    made = [collate([first[key]]) for key in keys]
    for key, crops in reversed(list(zip(keys, made, strict=True))):
        assert same(collate([second[key]]), crops)
    for number, crops in enumerate(made):
        for other in made[number + 1 :]:
            assert not same(crops, other), "each epoch and position is another draw"
    assert not same(collate([CropSamples(cases, SMALL, CLASSES, 4)[keys[0]]]), made[0])


def test_centres_fill_the_box_of_the_lesion(cases: list[PreparedCase]) -> None:
    lesion = cases[0].lesions[0]
    generator = np.random.default_rng(0)
    centres = np.array([lesion_centre(lesion, generator) for _ in range(2000)])
    assert centres.min(axis=0).tolist() == list(lesion.box[:3])
    assert centres.max(axis=0).tolist() == [side - 1 for side in lesion.box[3:]]


@given(st.tuples(*[st.integers(8, 90)] * 3), st.tuples(*[st.integers(4, 60)] * 3), st.integers(0, 999))
def test_negative_centres_lie_at_a_side_of_the_range(shape, size, seed) -> None:
    centre = periphery_centre(shape, size, np.random.default_rng(seed))
    ranges = []
    for n, wanted in zip(shape, size, strict=True):
        low, high = wanted // 2, n - wanted // 2
        ranges.append((low, high) if low <= high else (n // 2, n // 2))
    assert all(low <= c <= high for c, (low, high) in zip(centre, ranges, strict=True))
    assert any(centre[axis] in ranges[axis] for axis in (0, 1))
    assert all(c < n for c, n in zip(centre, shape, strict=True))


def test_all_four_sides_come_equally_often() -> None:
    generator = np.random.default_rng(0)
    centres = np.array([periphery_centre((100, 100, 100), (20, 20, 20), generator) for _ in range(800)])
    for axis in (0, 1):
        for side in (10, 90):
            assert 0.2 < (centres[:, axis] == side).mean() < 0.3
    assert (np.isin(centres[:, 2], (10, 90))).mean() < 0.1, "z is random"


def test_negative_crops_around_bone(cases: list[PreparedCase]) -> None:
    settings = BoneSamplingSettings(SMALL.crop_size, bone_hu=BONE_HU)
    for seed in range(50):
        for case in cases:
            centre = settings.negative_centre(case, np.random.default_rng(seed))
            assert case.image()[centre] > BONE_HU
    samples = CropSamples(cases, settings, CLASSES, 0)
    middle = tuple(side // 2 for side in SMALL.crop_size)
    drawn = [samples[SampleKey(0, place, place % len(samples))][1].image for place in range(20)]
    assert all((image[tuple(slice(n - 1, n + 2) for n in middle)] > BONE_HU).any() for image in drawn)


def test_lesions_lie_anywhere_in_moved_crops(cases: list[PreparedCase]) -> None:
    offset = (9, 5, 0)
    settings = BoneSamplingSettings(SMALL.crop_size, lesion_offset=offset)
    case, lesion = cases[0], cases[0].lesions[1]
    generator = np.random.default_rng(0)
    corners = (lesion.box[:3], tuple(high - 1 for high in lesion.box[3:]))
    centres = np.array(
        [settings.centre_around(case, corner, generator) for corner in corners for _ in range(1500)]
    )
    size = np.array(case.grid.size)
    assert (centres.min(axis=0) == np.maximum(np.subtract(lesion.box[:3], offset), 0)).all()
    assert (centres.max(axis=0) == np.minimum(np.add(lesion.box[3:], offset), size) - 1).all()
    far = BoneSamplingSettings(SMALL.crop_size, lesion_offset=(99, 99, 99))
    moved = np.array([far.centre_around(case, lesion.box[:3], generator) for _ in range(500)])
    assert (moved.min(axis=0) == 0).all(), "centres stay in the scan"
    assert (moved.max(axis=0) == size - 1).all()


def write_findings_of(case: PreparedCase, folder: Path, scored: list[tuple[Box, float]]) -> None:
    """What a detector would have found in the case's scan."""
    path = write_findings_file(folder, case.case_id, scored)
    found = read_findings(path)
    on_grid = [
        replace(finding, box_ras=case.grid.box_to_ras(finding.box_voxels)) for finding in found.findings
    ]
    write_findings(path, replace(found, findings=tuple(on_grid)))


def test_negative_crops_around_what_was_found_in_vain(cases: list[PreparedCase], tmp_path: Path) -> None:
    likely, unlikely = (30, 32, 10, 34, 36, 14), (50, 10, 20, 54, 14, 24)
    write_findings_of(cases[0], tmp_path, [(cases[0].lesions[0].box, 0.9), (likely, 0.6)])
    write_findings_of(cases[1], tmp_path, [(unlikely, 0.2)])
    settings = replace(SMALL, findings=str(tmp_path), findings_share=0.8)
    samples = CropSamples(cases, settings, CLASSES, 0)
    negatives = [samples[SampleKey(0, place, place % len(samples))][1] for place in range(400)]
    around_likely, around_unlikely = (
        sum(crop.source == source for crop in negatives)
        for source in ("a around voxel 32, 34, 12", "b around voxel 52, 12, 22")
    )
    assert 0.7 < (around_likely + around_unlikely) / 400 < 0.9
    assert 2 < around_likely / around_unlikely < 4.5, "three to one, as their scores"
    everywhere = {crop.source.split()[0] for crop in negatives}
    assert everywhere == {"a", "b", "c"}, "the others come from the lesions' scans"


def test_findings_that_score_nothing_are_no_places_and_all_places_lie_in_the_scan(
    cases: list[PreparedCase], tmp_path: Path
) -> None:
    x, y, z = cases[0].grid.size
    found = [((30, 32, 10, 34, 36, 14), 0.0), ((x, y + 2, z, x + 4, y + 4, z + 8), 0.5)]
    write_findings_of(cases[0], tmp_path, [*found, ((-4, -8, 10, -2, -2, 14), 0.25)])
    places = false_positives(tmp_path, cases)
    assert places == [(0, (x - 1, y - 1, z - 1), 0.5), (0, (0, 0, 12), 0.25)]


def test_crops_around_findings_are_moved_as_those_of_lesions(
    cases: list[PreparedCase], tmp_path: Path
) -> None:
    write_findings_of(cases[0], tmp_path, [((30, 32, 10, 34, 36, 14), 0.6)])
    settings = BoneSamplingSettings(
        SMALL.crop_size, findings=str(tmp_path), findings_share=1.0, lesion_offset=(2, 0, 0)
    )
    samples = CropSamples(cases, settings, CLASSES, 0)
    sources = {samples[SampleKey(0, place, 0)][1].source for place in range(60)}
    assert sources == {f"a around voxel {x}, 34, 12" for x in range(30, 35)}


def test_findings_of_other_scans_are_refused(cases: list[PreparedCase], tmp_path: Path) -> None:
    write_findings_file(tmp_path, "another", [])
    with pytest.raises(InputError, match="run `ribfrac detect` on the training scans"):
        CropSamples(cases, replace(SMALL, findings=str(tmp_path)), CLASSES, 0)


def test_some_negative_crops_lie_anywhere(cases: list[PreparedCase]) -> None:
    little_bone = 750
    settings = BoneSamplingSettings(SMALL.crop_size, bone_hu=little_bone, elsewhere_share=0.5)
    generator = np.random.default_rng(0)
    centres = [settings.negative_centre(cases[0], generator) for _ in range(400)]
    bone = np.mean([cases[0].image()[centre] > little_bone for centre in centres])
    assert 0.4 < bone < 0.65, "half of them are bone by intention, few of the others"


def test_without_bone_negative_crops_are_of_the_periphery(cases: list[PreparedCase]) -> None:
    everywhere_too_soft = BoneSamplingSettings(SMALL.crop_size, bone_hu=40000)
    for seed in range(20):
        centre = everywhere_too_soft.negative_centre(cases[0], np.random.default_rng(seed))
        ranges = [
            (n // 2, size - n // 2) for n, size in zip(SMALL.crop_size, cases[0].grid.size, strict=True)
        ]
        assert any(centre[axis] in ranges[axis] for axis in (0, 1))


def test_scans_without_fractures_are_used_as_negatives(cases: list[PreparedCase]) -> None:
    def share_of_b(settings: SamplingSettings) -> float:
        samples = CropSamples(cases, settings, CLASSES, 0)
        drawn = [samples[SampleKey(0, place, place % len(samples))][1].source for place in range(300)]
        return sum(source.startswith("b ") for source in drawn) / len(drawn)

    assert 0.2 < share_of_b(SMALL) < 0.47, "a third of the scans has none"
    assert share_of_b(SamplingSettings(SMALL.crop_size, fracture_free_share=0.0)) == 0
    assert share_of_b(SamplingSettings(SMALL.crop_size, fracture_free_share=1.0)) == 1


def test_flips_come_as_often_as_told(cases: list[PreparedCase]) -> None:
    never = SamplingSettings(SMALL.crop_size, flip_xy_probability=0, flip_z_probability=0)
    always = SamplingSettings(SMALL.crop_size, flip_xy_probability=1, flip_z_probability=1)
    plain, turned = (CropSamples(cases, settings, CLASSES, 0) for settings in (never, always))
    for place in range(4):
        for a, b in zip(plain[SampleKey(0, place, 0)], turned[SampleKey(0, place, 0)], strict=True):
            assert np.array_equal(a.image, np.flip(b.image))
            assert np.array_equal(a.instances, np.flip(b.instances))
    some = CropSamples(cases, SMALL, CLASSES, 0)
    flipped = [
        not np.array_equal(a.image, b.image)
        for place in range(100)
        for a, b in zip(plain[SampleKey(0, place, 0)], some[SampleKey(0, place, 0)], strict=True)
    ]
    assert 0.5 < np.mean(flipped) < 0.78, "1 - 0.6 * 0.6"


def loader(cases: list[PreparedCase], batches: EpochBatches, workers: int, start_method: str) -> DataLoader:
    return DataLoader(
        CropSamples(cases, SMALL, CLASSES, 5),
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context=multiprocessing.get_context(start_method) if workers else None,
    )


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_persistent_workers_and_resuming_change_nothing(cases: list[PreparedCase], start_method: str) -> None:
    """Two epochs in one process, in two persistent workers, and gone on in mid-epoch."""
    if start_method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {start_method} on this system")
    batches = EpochBatches(6, 1, 5)
    alone = loader(cases, batches, 0, start_method)
    workers = loader(cases, batches, 2, start_method)
    made = []
    for epoch in (0, 1):
        batches.start(epoch)
        made.append(list(alone))
        batches.start(epoch)
        assert all(same(a, b) for a, b in zip(made[-1], workers, strict=True))
    assert not same(made[0][0], made[1][0])
    batches.start(1, 4)
    assert all(same(a, b) for a, b in zip(made[1][4:], workers, strict=True))


def test_batches_can_be_pinned_and_moved(cases: list[PreparedCase]) -> None:
    """Loaders and Lightning walk through named tuples."""
    crops = collate([CropSamples(cases, SMALL, CLASSES, 0)[SampleKey(0, 0, 0)]])
    assert isinstance(crops, tuple)
    assert crops.images.dtype == crops.instances.dtype == torch.int16
    assert crops.images.shape == (2, *SMALL.crop_size)


def test_no_image_library_is_needed(tmp_path: Path) -> None:
    """A training machine may have torch, numpy and scipy alone."""
    import subprocess
    import sys

    from ribfrac_testing.command_line import environment

    script = """
import sys
for name in ("SimpleITK", "monai", "lightning", "matplotlib", "jsonschema", "rich"):
    sys.modules[name] = None
from pathlib import Path
from RibFracTrainingLib.training.data.augmentation import AugmentationSettings, batch_generator, make_batch
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.samples import CropSamples, SamplingSettings, SampleKey, collate
from RibFracTrainingLib.training.data.split import open_split
from RibFracTrainingLib.training.data.tiny import TinySettings, make_tiny_dataset
root = make_tiny_dataset(Path(sys.argv[1]), TinySettings(2, 1, size=(48, 48, 48)))
cases = open_split(root, "training", ClassMap())
samples = CropSamples(cases, SamplingSettings((40, 40, 40)), ClassMap(), 0)
crops = collate([samples[SampleKey(0, 0, 0)]])
print(len(make_batch(crops, AugmentationSettings((32, 32, 32)), "cpu", batch_generator(0, 0, 0)).boxes))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "2"
