"""The parts of a training that a configuration chooses by name; `configuration/choices.py` says how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

import torch
from pydantic import Field
from RibFracDetectorLib.engine.network import RetinaUNet, build_network
from RibFracDetectorLib.engine.network.dynamic_head import DynamicHead
from RibFracDetectorLib.engine.network.static_head import StaticHead
from torch import Tensor, nn

from .averaging import AVERAGINGS
from .batch import TrainingBatch
from .configuration.choices import PartKind
from .data.augmentation import AugmentationSettings, make_batch
from .data.samples import BoneSamplingSettings, CropBatch, SamplingSettings
from .early_stopping import MapStopping
from .losses import Losses, LossSettings, VoxelLossSettings, detection_losses, voxel_losses
from .optimizers import OPTIMIZERS
from .schedules import SCHEDULES


class LossFunction(Protocol):
    """What a class of `losses` makes."""

    def __call__(
        self, network: RetinaUNet, batch: TrainingBatch, average_over_processes: Callable[[Tensor], Tensor]
    ) -> Losses:
        """What the network loses on a batch; anything with `total` and `for_log()` will do."""


class BatchMaker(Protocol):
    """What a class of `augmentation` makes."""

    def __call__(self, crops: CropBatch, device: torch.device, generator: torch.Generator) -> TrainingBatch:
        """Augmented patches on the device."""


@dataclass(frozen=True)
class DetectionLosses(LossSettings):
    """`detection_losses` with these settings."""

    def __call__(
        self, network: RetinaUNet, batch: TrainingBatch, average_over_processes: Callable[[Tensor], Tensor]
    ) -> Losses:
        """See `LossFunction`."""
        return detection_losses(network(batch.images), batch, self, average_over_processes)


@dataclass(frozen=True)
class VoxelLosses(VoxelLossSettings):
    """`voxel_losses` with these settings: to train trunk and segmentation head first.

    A step without the box head costs about half, and every voxel of a fracture teaches.
    """

    def __call__(
        self,
        network: RetinaUNet,
        batch: TrainingBatch,
        average_over_processes: Callable[[Tensor], Tensor],  # noqa: ARG002 - a mean over voxels needs none
    ) -> Losses:
        """See `LossFunction`; the box head gets no gradient and stays as it is."""
        return voxel_losses(network.segment(batch.images), batch, self)


@dataclass(frozen=True)
class Augmentation(AugmentationSettings):
    """`make_batch` with these settings."""

    def __call__(self, crops: CropBatch, device: torch.device, generator: torch.Generator) -> TrainingBatch:
        """See `BatchMaker`."""
        return make_batch(crops, self, device, generator)


def static_head() -> nn.Module:
    """Of configuration S."""
    return StaticHead()


def dynamic_head() -> nn.Module:
    """Of configuration D."""
    return DynamicHead()


def retina_unet(head: nn.Module) -> RetinaUNet:
    """The published network with a head, which may be a user's own."""
    network = build_network("D" if isinstance(head, DynamicHead) else "S")
    network.bbox_head = head
    return network


def early_stopping(patience: Annotated[int, Field(ge=1)] = 5, min_delta: float = 0.0) -> MapStopping:
    """Stop when mAP has not risen for `patience` validations."""
    return MapStopping(patience, min_delta)


KINDS = {
    "sampling": PartKind({"lesion_and_bone": BoneSamplingSettings, "lesion_and_periphery": SamplingSettings}),
    "augmentation": PartKind({"standard": Augmentation}),
    "network": PartKind({"retina_unet": retina_unet}, frozenset({"head"})),
    "head": PartKind({"dynamic": dynamic_head, "static": static_head}),
    "losses": PartKind({"detection": DetectionLosses, "voxels": VoxelLosses}),
    "optimizer": PartKind(OPTIMIZERS, frozenset({"parameters"})),
    "schedule": PartKind(SCHEDULES, frozenset({"total_steps", "steps_per_epoch", "base_lr"})),
    "averaging": PartKind(AVERAGINGS),
    "callbacks": PartKind({"early_stopping": early_stopping}),
}
