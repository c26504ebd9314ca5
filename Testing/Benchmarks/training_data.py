"""How many patches a second the data pipeline prepares, as JSON on standard output.

Simulated scans of a usual size are put into a cache; then each stage is timed by itself, and the loader with
its workers as training uses it. Files come from the page cache of the system, as they do after an epoch that
fits into memory. Run it with RibFracDetector and RibFracTraining on PYTHONPATH:

    python Testing/Benchmarks/training_data.py --device cuda --workers 8
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from RibFracDetectorLib.case.geometry import Grid
from RibFracTrainingLib.training.data.augmentation import AugmentationSettings, batch_generator, make_batch
from RibFracTrainingLib.training.data.cache_writing import staged_case, write_arrays
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.layout import case_folder
from RibFracTrainingLib.training.data.prepared import PreparedCase, read_case
from RibFracTrainingLib.training.data.sampler import EpochBatches
from RibFracTrainingLib.training.data.samples import (
    CropBatch,
    CropSamples,
    SampleKey,
    SamplingSettings,
    collate,
)
from torch.utils.data import DataLoader

SCAN = (512, 512, 320)
SPACING = (0.75, 0.75, 1.1)
LESIONS = 8
_READ_AHEAD = 2  # batches a worker; the rate does not depend on it


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--samples-per-step", type=int, default=3, help="each gives two patches")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--scans", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = [_simulated_case(Path(folder), number) for number in range(options.scans)]
        print(json.dumps(_measure(cases, options), indent=2))


def _measure(cases: list[PreparedCase], options: argparse.Namespace) -> dict[str, Any]:
    device = torch.device(options.device)
    samples = CropSamples(cases, SamplingSettings(), ClassMap(), seed=0)
    step = [SampleKey(0, place, place % len(samples)) for place in range(options.samples_per_step)]
    crops = collate([samples[key] for key in step])
    patches = len(crops.images)
    stages = {
        "crop": (2, lambda number: samples[SampleKey(1, number, number % len(samples))]),
        "augment": (patches, lambda number: _augment(crops, device, number)),
        "augment_on_the_device_already": (patches, _augment_resident(crops, device)),
    }
    seconds = {name: _median_seconds(work, options.steps, device) for name, (_, work) in stages.items()}
    return {
        "data": "simulated",
        "scan_voxels": SCAN,
        "crop_voxels": SamplingSettings().crop_size,
        "patch_voxels": AugmentationSettings().patch_size,
        "patches_per_step": patches,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "cpu_cores": os.cpu_count(),
        "workers": options.workers,
        "seconds_per_patch": {name: seconds[name] / count for name, (count, _) in stages.items()},
        "patches_per_second": {name: count / seconds[name] for name, (count, _) in stages.items()},
        "loader_patches_per_second": loader_rate(samples, options, None),
        "loader_and_augment_patches_per_second": loader_rate(samples, options, device),
    }


def _augment(crops: CropBatch, device: torch.device, number: int) -> None:
    make_batch(crops, AugmentationSettings(), device, batch_generator(0, 0, number))


def _augment_resident(crops: CropBatch, device: torch.device) -> Callable[[int], None]:
    there = crops._replace(images=crops.images.to(device), instances=crops.instances.to(device))
    return lambda number: _augment(there, device, number)


def _median_seconds(work: Callable[[int], object], repeats: int, device: torch.device) -> float:
    """Median over `repeats` calls, after one that warms up."""
    taken = []
    for number in range(repeats + 1):
        begin = time.perf_counter()
        work(number)
        _wait(device)
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken[1:])


def loader_rate(samples: CropSamples, options: argparse.Namespace, device: torch.device | None) -> float:
    """Patches a second of the loader, once its workers keep up their pace.

    They read ahead, so what comes first comes at once, and batches come in groups of as many as there are
    workers. So the clock starts after what was read ahead, and whole rounds of the workers are counted, while
    they have more to prepare.

    Args:
        samples: of which epochs are made.
        options: of the command line; `steps` is the number of rounds.
        device: where patches are augmented, too; None leaves that out.
    """
    ahead, counted = _READ_AHEAD * options.workers, options.steps * max(options.workers, 1)
    begin_after = max(ahead, 1)
    loader = DataLoader(
        _Wrapped(samples),
        batch_sampler=EpochBatches(
            max(len(samples), (begin_after + counted + ahead) * options.samples_per_step),
            options.samples_per_step,
            seed=0,
        ),
        collate_fn=collate,
        num_workers=options.workers,
        prefetch_factor=_READ_AHEAD if options.workers else None,
        persistent_workers=options.workers > 0,
        pin_memory=device is not None and device.type == "cuda",
    )
    delivered, begin = 0, 0.0
    for number, crops in enumerate(itertools.islice(loader, begin_after + counted), start=1):
        if device is not None:
            _augment(crops, device, number)
            _wait(device)
        if number == begin_after:
            begin = time.perf_counter()
        elif number > begin_after:
            delivered += len(crops.images)
    return delivered / (time.perf_counter() - begin)


class _Wrapped(torch.utils.data.Dataset):
    """The samples again and again, so that an epoch is long enough to be timed."""

    def __init__(self, samples: CropSamples) -> None:
        self._samples = samples

    def __getitem__(self, key: SampleKey) -> list:
        return self._samples[key._replace(item=key.item % len(self._samples))]


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _simulated_case(root: Path, number: int) -> PreparedCase:
    """Noise with lesions of a usual size; values do not matter to speed."""
    generator = np.random.default_rng(number)
    image = generator.integers(-1000, 1500, SCAN, dtype=np.int16)
    instances = np.zeros(SCAN, dtype=np.uint16)
    for value in range(1, LESIONS + 1):
        x, y, z = (int(generator.integers(40, n - 70)) for n in SCAN)
        instances[x : x + 25, y : y + 30, z : z + 15] = value
    present = np.unique(instances[instances > 0]).tolist()
    name = f"scan{number}"
    with staged_case(root, name) as staging:
        labels = dict.fromkeys(present, 3)
        write_arrays(staging, name, image, instances, Grid(SCAN, SPACING), labels, "simulated", {})
    return read_case(case_folder(root, name))


if __name__ == "__main__":
    main()
