"""Seconds of one training step by stage, as JSON on standard output.

Stages are timed one after the other on one batch: cutting the crops, augmentation, forward, losses, backward
and the optimizer's step. Data are simulated. Run it with RibFracDetector and RibFracTraining on PYTHONPATH:

    python Testing/Benchmarks/training_steps.py --patch 160 192 128 --samples-per-step 3 --device cuda \
        --precision fp16
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from RibFracDetectorLib.engine.network import build_network
from RibFracTrainingLib.training.data.augmentation import AugmentationSettings, batch_generator, make_batch
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.samples import CropSamples, SampleKey, SamplingSettings, collate
from RibFracTrainingLib.training.data.split import open_split
from RibFracTrainingLib.training.data.tiny import TinySettings, make_tiny_dataset
from RibFracTrainingLib.training.losses import LossSettings, detection_losses

TYPES = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}
CLASSES = ClassMap({1: 0, 2: 0, 3: 0, 4: 0})
CROP_MARGIN = 1.35  # of the published crop over its patch, per axis


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", choices=["S", "D"], default="S")
    parser.add_argument("--patch", type=int, nargs=3, default=[96, 96, 96])
    parser.add_argument("--samples-per-step", type=int, default=1, help="each gives two patches")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=TYPES, default="fp32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        make_tiny_dataset(Path(folder), TinySettings(), seed=0)
        print(json.dumps(_measure(Path(folder), options), indent=2))


def _measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    device = torch.device(options.device)
    crop = tuple(round(n * CROP_MARGIN) for n in options.patch)
    cases = open_split(folder, "training", CLASSES)
    samples = CropSamples(cases, SamplingSettings(crop_size=crop), CLASSES, seed=0)
    augmentation = AugmentationSettings(patch_size=tuple(options.patch))
    network = build_network(options.architecture).to(device).train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    clock = _Clock(device)
    for step in range(options.steps + 1):
        with clock("crop"):
            keys = [SampleKey(0, step * 97 + n, n % len(samples)) for n in range(options.samples_per_step)]
            crops = collate([samples[key] for key in keys])
        with clock("augment"):
            batch = make_batch(crops, augmentation, device, batch_generator(0, 0, step))
        with clock("forward"), _autocast(device, options.precision):
            raw = network(batch.images)
        with clock("losses"):
            losses = detection_losses(raw, batch, LossSettings())
        with clock("backward"):
            optimizer.zero_grad()
            losses.total.backward()
        with clock("optimizer"):
            optimizer.step()
        if step == 0:
            clock.forget()  # the first step warms up
    seconds = clock.medians()
    return {
        "data": "simulated",
        "architecture": options.architecture,
        "patch_voxels": options.patch,
        "patches_per_step": len(batch.images),
        "precision": options.precision,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "seconds": seconds,
        "steps_per_second": 1 / sum(seconds.values()),
    }


class _Clock:
    """Collects the duration of named blocks."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._taken: dict[str, list[float]] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        self._taken.setdefault(name, []).append(time.perf_counter() - begin)

    def forget(self) -> None:
        self._taken.clear()

    def medians(self) -> dict[str, float]:
        return {name: statistics.median(taken) for name, taken in self._taken.items()}


def _autocast(device: torch.device, precision: str) -> torch.autocast:
    kind = TYPES[precision]
    return torch.autocast(device.type, dtype=kind or torch.bfloat16, enabled=kind is not None)


if __name__ == "__main__":
    main()
