"""Everything that can be found wrong before a step is run is found here, in a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine.weights import load_weights
from torch import nn

from ..checkpoints import CheckpointFolder, Resumption, find_resumption
from ..configuration import LoadedConfiguration
from ..configuration.choices import parameter_values
from ..data.classes import ClassMap
from ..data.prepared import PreparedCase
from ..data.split import open_split
from ..data.tiny import TinySettings, make_tiny_dataset
from .memory import bytes_of_step, check_memory, free_bytes

PATCHES_PER_CASE = 2
"""One around a lesion, one from the rib periphery."""


@dataclass(frozen=True)
class TrainingData:
    """Checked cases.

    Attributes:
        classes: the detector's.
        training: cases to learn from.
        validation: cases to validate on; empty where there is no validation.
    """

    classes: ClassMap
    training: list[PreparedCase]
    validation: list[PreparedCase]

    @property
    def kind(self) -> str:
        """Whether the fractures are "real", "simulated" (any of them) or "unknown"."""
        kinds = {case.data for case in self.training}
        return "simulated" if "simulated" in kinds else "real" if kinds == {"real"} else "unknown"

    @property
    def notes(self) -> list[str]:
        """What people should know of the data before they are trained on."""
        if not self.validation or any(case.lesions_of(self.classes) for case in self.validation):
            return []
        return [
            f"no fracture in the {len(self.validation)} scans of the validation: mAP will be NaN, and no "
            f"checkpoint the best; raise data.sample_rate.validation or move cases into the test split"
        ]


def open_data(configuration: LoadedConfiguration, run_folder: Path, validate: bool) -> TrainingData:
    """Open and check the data set.

    Raises:
        InputError: no folder is named, or everything that is wrong with the data set (`open_split`).
    """
    data = configuration.values.data
    classes = ClassMap(data.label_map)
    folder = _data_folder(configuration, run_folder)
    rate = data.sample_rate
    training = open_split(folder, "training", classes, data.split_file, rate.training)
    if not any(case.lesions_of(classes) for case in training):
        raise InputError(
            f"{folder}: no fracture in the part of the training split that is used; "
            f"raise data.sample_rate.training ({rate.training:g})"
        )
    validation = open_split(folder, "test", classes, data.split_file, rate.validation) if validate else []
    return TrainingData(classes, training, validation)


def make_data(configuration: LoadedConfiguration, run_folder: Path, say: Callable[[str], None]) -> None:
    """Make the tiny data set that the configuration asks for, unless it is there."""
    wanted = configuration.values.data.simulated
    folder = run_folder / "data"
    if wanted is None or (folder / configuration.values.data.split_file).exists():
        return
    say(f"making a tiny simulated data set in {folder}")
    settings = TinySettings(**parameter_values(TinySettings, wanted))
    make_tiny_dataset(folder, settings, configuration.values.seed)


def check_memory_of_step(
    configuration: LoadedConfiguration, network: nn.Module, device: torch.device, half: bool
) -> None:
    """Refuse patches that do not fit into memory.

    Raises:
        InputError: see `memory.check_memory`; or the network does not take patches of that size.
    """
    patch = configuration.part("augmentation").plain.get("patch_size")
    if patch is None:  # a user's own augmentation
        return
    size = tuple(patch)
    _check_patch(size)
    patches = PATCHES_PER_CASE * configuration.values.data.cases_per_step
    check_memory(bytes_of_step(network, size, patches, half), free_bytes(device), size, patches, str(device))


def check_crop(configuration: LoadedConfiguration) -> None:
    """Refuse patches larger than the crops they are cut from.

    Raises:
        InputError: with both sizes.
    """
    patch = configuration.part("augmentation").plain.get("patch_size")
    crop = configuration.part("sampling").plain.get("crop_size")
    if patch and crop and any(p > c for p, c in zip(patch, crop, strict=True)):
        raise InputError(
            f"augmentation.patch_size {patch} is larger than sampling.crop_size {crop}; "
            f"the patch is cut out of the crop"
        )


def choose_resumption(
    configuration: LoadedConfiguration, folder: CheckpointFolder, resume: str | None, network: nn.Module
) -> tuple[Resumption | None, list[str]]:
    """The checkpoint to go on from, and notes.

    Raises:
        InputError: the folder holds a run and nobody said what to do with it; or the checkpoint is of
            another network or optimizer; see `find_resumption`.
    """
    if resume is None:
        if folder.latest.exists():
            raise InputError(
                f"{folder.path} holds a run already: --resume auto goes on with it, "
                f"--output DIR starts another"
            )
        return None, []
    found, notes = find_resumption(folder, resume)
    if found is None:
        return None, [f"nothing to resume in {folder.path}: starting anew"]
    if set(found.keys) != set(network.state_dict()):
        raise InputError(f"{found.path} is of another network than head={configuration.part('head').name}")
    before = found.meta.get("optimizer")
    if before != configuration.part("optimizer").name:
        raise InputError(
            f"{found.path} was trained with optimizer {before}, not {configuration.part('optimizer').name}; "
            f"to start from its weights alone: load_from={found.path}"
        )
    return found, notes


def load_start_weights(network: nn.Module, path: str) -> None:
    """Put the weights of a checkpoint into the network, strictly.

    Raises:
        InputError: see `load_weights`; or they are of another network.
    """
    weights = load_weights(Path(path))
    if set(weights.state_dict) != set(network.state_dict()):
        raise InputError(f"load_from: {path} holds a network {weights.architecture}, not the configured one")
    network.load_state_dict(dict(weights.state_dict))


def _data_folder(configuration: LoadedConfiguration, run_folder: Path) -> Path:
    data = configuration.values.data
    if data.simulated is not None:
        return run_folder / "data"
    if data.folder is None:
        raise InputError("data.folder is not set: data.folder=DIR, a folder made by `ribfrac prepare`")
    folder = Path(data.folder)
    if not folder.is_dir():
        raise InputError(f"data.folder {folder} is no folder; expected one made by `ribfrac prepare`")
    return folder


def _check_patch(size: tuple[int, ...]) -> None:
    if any(n % 16 or n < 32 for n in size):
        raise InputError(
            f"augmentation.patch_size is {list(size)}; expected three multiples of 16, each at least 32"
        )
