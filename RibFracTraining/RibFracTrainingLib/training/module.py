"""One step of training as a LightningModule: augment, run the network, weigh the losses, guard the gradients.

Randomness has no state: before each step torch's global generators (dropout) are seeded from (seed, epoch,
step, rank), and the augmentation has its own generator from the same numbers. So a step can be repeated after
an interruption. A step whose gradients are not finite leaves weights and optimizer as they were; because
gradients are those of all processes together, all of them skip it or none does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from RibFracDetectorLib.case.errors import RibFracError
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LambdaLR

from .averaging import Averaging, Moment
from .configuration.choices import Part
from .data.augmentation import batch_generator
from .data.samples import CropBatch
from .parts import BatchMaker, LossFunction

NETWORK_PREFIX = "network."
STATE_KEY, CURRENT_KEY = "ribfrac", "current_state_dict"


class TrainingDivergedError(RibFracError):
    """Gradients stayed NaN or infinite."""


@dataclass(frozen=True)
class Position:
    """Where a training stands: `step` batches of `epoch` (from 0) are done."""

    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class StepSettings:
    """What guards a step; see `configuration.schema.Loop`."""

    seed: int
    clip_norm: float | None
    nonfinite_limit: int


def validated_epoch(state: Mapping[str, Any]) -> int:
    """The last validated epoch by a checkpoint's state; for older checkpoints, that of the checkpoint."""
    return state.get("validated", state["epoch"])


class DetectionModule(pl.LightningModule):
    """Trains a detector.

    Attributes:
        network: as the engine runs it; its state dict is that of the checkpoints.
        averaging: of its weights, or None.
        position: kept by the loop, saved with every checkpoint.
        meta: plain facts saved with every checkpoint, for people and for `ribfrac publish`.
        validated: the last epoch (from 1) that was validated and that all callbacks have been told of.
        skipped_steps: steps so far that changed nothing because gradients were not finite.
        last_log: losses of the last batch, on the device; `loss` is their total.
        grad_norm, learning_rate: of the last step; the L2 norm before clipping.
    """

    def __init__(
        self,
        network: nn.Module,
        losses: LossFunction,
        augmentation: BatchMaker,
        optimizer: Part,
        schedule: Part,
        averaging: Averaging | None,
        settings: StepSettings,
    ) -> None:
        super().__init__()
        self.network = network
        self.averaging = averaging
        self.position = Position()
        self.meta: dict[str, Any] = {}
        self.validated = 0
        self.skipped_steps = 0
        self.last_log: Mapping[str, Tensor | float] = {}
        self.grad_norm = float("nan")
        self.learning_rate = float("nan")
        self._losses = losses
        self._augmentation = augmentation
        self._optimizer = optimizer
        self._schedule = schedule
        self._settings = settings
        self._skipped_in_a_row = 0
        self._sources: list[str] = []
        self._hyperparameters: list[dict[str, Any]] = []

    @property
    def best_network(self) -> nn.Module:
        """What is validated and published: the average where there is one."""
        averaged = self.averaging.network if self.averaging else None
        return self.network if averaged is None else averaged

    def training_step(self, crops: CropBatch, batch_idx: int) -> Tensor:
        """The loss of one batch of crops."""
        seed = (self._settings.seed, self.current_epoch, batch_idx, self.global_rank)
        generator = batch_generator(*seed)
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=batch_generator(*seed))))
        batch = self._augmentation(crops, self.device, generator)
        losses = self._losses(self.network, batch, self._mean_over_processes)
        self.last_log = {**losses.for_log(), "loss": losses.total.detach()}
        self._sources = crops.sources
        return losses.total

    def _mean_over_processes(self, value: Tensor) -> Tensor:
        return self.trainer.strategy.reduce(value.clone(), reduce_op="mean")

    def configure_optimizers(self) -> dict[str, Any]:
        """The optimizer, and its schedule by step."""
        optimizer = self._optimizer.build(parameters=self.network.parameters())
        base_lr = optimizer.param_groups[0]["lr"]
        factor = self._schedule.build(
            total_steps=self.total_steps, steps_per_epoch=self.steps_per_epoch, base_lr=base_lr
        )
        scheduler = {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}
        # Some optimizers keep a state of their own in their groups: what nobody configures is left alone.
        names = {"initial_lr", *self._optimizer.parameters}
        self._hyperparameters = [
            {key: value for key, value in group.items() if key in names} for group in optimizer.param_groups
        ]
        return {"optimizer": optimizer, "lr_scheduler": scheduler}

    def on_train_start(self) -> None:
        """Let what is configured count: Lightning has restored rates and decays as they were saved."""
        optimizer, scheduler = self.optimizers(use_pl_optimizer=False), self.lr_schedulers()
        for group, configured in zip(optimizer.param_groups, self._hyperparameters, strict=True):
            group.update(configured)
        scheduler.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        for group, rate, factor in zip(
            optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True
        ):
            group["lr"] = rate * factor(scheduler.last_epoch)

    @property
    def total_steps(self) -> int:
        """Steps of the optimizer in the whole training."""
        return int(self.trainer.estimated_stepping_batches)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of the optimizer in an epoch."""
        self.trainer.fit_loop.setup_data()  # does nothing once the loader is there
        return -(-int(self.trainer.num_training_batches) // self.trainer.accumulate_grad_batches)

    def configure_gradient_clipping(self, optimizer: Any, *_: Any, **__: Any) -> None:
        """Clip, or drop the gradients when they are not finite.

        Raises:
            TrainingDivergedError: too many steps in a row were dropped.
        """
        self.learning_rate = optimizer.param_groups[0]["lr"]
        limit = self._settings.clip_norm or float("inf")
        self.grad_norm = float(clip_grad_norm_(self.network.parameters(), limit))
        if self.grad_norm < float("inf"):
            self._skipped_in_a_row = 0
            return
        # An optimizer leaves alone what has no gradient.
        for parameter in self.network.parameters():
            parameter.grad = None
        self.skipped_steps += 1
        self._skipped_in_a_row += 1
        if self._skipped_in_a_row >= self._settings.nonfinite_limit:
            raise TrainingDivergedError(self._why_diverged())

    def _why_diverged(self) -> str:
        loss = float(self.last_log.get("loss", float("nan")))
        return (
            f"training diverged in epoch {self.current_epoch + 1}: {self._skipped_in_a_row} steps in a row "
            f"had gradients that are NaN or infinite (loss {loss:g}, learning rate {self.learning_rate:g}; "
            f"last crops: {'; '.join(self._sources[:2])}); try a lower optimizer.lr, loop.precision=bf16 or "
            f"fp32, or loop.detect_anomaly=true, and go on from the last checkpoint with --resume auto"
        )

    def optimizer_step(self, *arguments: Any, **keywords: Any) -> None:
        """Lightning's, then the average of the weights."""
        super().optimizer_step(*arguments, **keywords)
        if self.averaging is not None:
            step = self.trainer.global_step + 1  # Lightning counts it afterwards
            self.averaging.update(self.network, Moment(step, self.total_steps, self.steps_per_epoch))

    def on_fit_start(self) -> None:
        """A restored average was made before the network went to its device."""
        if self.averaging is not None:
            self.averaging.to(self.device)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the network's own keys under `state_dict`, and beside it what a resumed training needs."""
        checkpoint["state_dict"] = dict(self.best_network.state_dict())
        checkpoint["meta"] = dict(self.meta)
        state = {
            "epoch": self.position.epoch,
            "step": self.position.step,
            "validated": self.validated,
            "skipped_steps": self.skipped_steps,
            "skipped_in_a_row": self._skipped_in_a_row,
        }
        if self.averaging is not None:
            checkpoint[CURRENT_KEY] = dict(self.network.state_dict())
            state["averaging"] = self.averaging.state_dict()
        checkpoint[STATE_KEY] = state

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Undo `on_save_checkpoint`."""
        state = checkpoint[STATE_KEY]
        self.position = Position(state["epoch"], state["step"])
        self.validated = validated_epoch(state)
        self.skipped_steps = state["skipped_steps"]
        self._skipped_in_a_row = state["skipped_in_a_row"]
        self.meta |= {key: checkpoint["meta"][key] for key in ("epoch", "iter")}
        saved = checkpoint["state_dict"]
        current = checkpoint.get(CURRENT_KEY, saved)
        if self.averaging is not None and "averaging" in state:
            self.averaging.load_state_dict(state["averaging"], self.network, saved)
        checkpoint["state_dict"] = {NETWORK_PREFIX + key: tensor for key, tensor in current.items()}
