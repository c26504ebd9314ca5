"""The course of a run, as one callback of Lightning's: log, save, validate, stop, in this order.

At the end of an epoch the checkpoint is written first and validated then. So an interruption in validation
loses nothing: the resumed run finds that the metrics of its epoch are missing, and begins with them. Once
they are there, callbacks are told by `on_validation_end`, and `latest.pth` is written again with what they
made of them. An epoch in which the steps of the training end is treated alike, but saved as one that may go
on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil
import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies.launchers import _SubprocessScriptLauncher
from RibFracDetectorLib.engine.progress import CancelledError

from ..checkpoints import CheckpointFolder
from ..module import DetectionModule, Position
from ..validation import Validator
from .records import RunRecords
from .reporting import TrainingReporter
from .stopping import Stopper, TrainingInterruptedError


@dataclass(frozen=True)
class Course:
    """When what happens.

    Attributes:
        epochs, max_steps: of the training; one of them is None.
        log_every: steps between two rows of the log.
        save_every_steps: steps between two checkpoints in mid-epoch, or None.
        validate_every: epochs between two validations, or None.
    """

    epochs: int | None
    max_steps: int | None
    log_every: int
    save_every_steps: int | None
    validate_every: int | None

    def is_over(self, epochs: int, step: int) -> bool:
        """Whether nothing comes after so many epochs and steps of the optimizer."""
        return epochs == self.epochs or self._has_all(step)

    def epochs_told(self, position: Position, step: int) -> int:
        """Epochs that have been reported: whole ones, and the one in which the steps ended."""
        return position.epoch + bool(position.step and self._has_all(step))

    def _has_all(self, step: int) -> bool:
        return self.max_steps is not None and step >= self.max_steps


class Conductor(pl.Callback):
    """See the module; `records` is None on all processes but the first."""

    def __init__(
        self,
        course: Course,
        checkpoints: CheckpointFolder,
        validator: Validator | None,
        records: RunRecords | None,
        reporter: TrainingReporter,
        stopper: Stopper,
    ) -> None:
        self._course = course
        self._checkpoints = checkpoints
        self._validator = validator
        self._records = records
        self._reporter = reporter
        self._stopper = stopper
        self._is_unsaved = False
        self._skipped_before = 0
        self._epoch_began = 0.0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: DetectionModule) -> None:
        """Make up for a validation that was interrupted, also where no step is left.

        Raises:
            TrainingInterruptedError: it was interrupted again.
        """
        if trainer.should_stop:
            self._note(
                "nothing to train: a callback stopped this training early; take it out or let it wait longer"
            )
        step = pl_module.meta.get("iter", 0)
        done = self._course.epochs_told(pl_module.position, step)
        in_mid_epoch = pl_module.position.step and done == pl_module.position.epoch
        if in_mid_epoch or not done or not self._is_validation_due(done, self._course.is_over(done, step)):
            return
        missing = self._records is not None and not self._records.is_validated(done)
        if trainer.strategy.broadcast(missing):
            self._validate(trainer, pl_module, done)
            self._is_unsaved = True  # optimizer and step are not restored yet

    def on_fit_end(self, trainer: pl.Trainer, pl_module: DetectionModule) -> None:
        """Save that a validation was made up for, where no step was left after it."""
        if self._is_unsaved:
            self._save(trainer, pl_module, pl_module.position)

    def on_train_start(self, trainer: pl.Trainer, pl_module: DetectionModule) -> None:
        """Take the signals back from Lightning."""
        self._stopper.install(_children_of(trainer))
        self._reporter.begin(trainer.global_step, pl_module.total_steps)
        self._begin_epoch(trainer, pl_module)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: DetectionModule) -> None:
        """Count from here; a metric of the epoch before is no metric of this one."""
        trainer.callback_metrics.pop("mAP", None)
        self._begin_epoch(trainer, pl_module)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: DetectionModule,
        outputs: Any,  # noqa: ARG002
        batch: Any,  # noqa: ARG002
        batch_idx: int,
    ) -> None:
        """Log, and in mid-epoch save and stop, or come to the end of all steps.

        Raises:
            TrainingInterruptedError: the run was asked to stop, and is saved.
        """
        steps = math.ceil(trainer.num_training_batches)
        epoch_ends = batch_idx + 1 == steps
        steps_end = trainer.global_step == self._course.max_steps
        at_boundary = epoch_ends or (batch_idx + 1) % trainer.accumulate_grad_batches == 0
        is_logged = epoch_ends or steps_end or trainer.global_step % self._course.log_every == 0
        if at_boundary and is_logged:
            self._log(trainer, pl_module)
        if epoch_ends:
            return  # `on_train_epoch_end` follows
        if steps_end:
            self._end_epoch(trainer, pl_module, Position(trainer.current_epoch, batch_idx + 1))
            return
        stop = trainer.strategy.reduce_boolean_decision(self._stopper.requested, all=False)
        every = self._course.save_every_steps
        due = every is not None and trainer.global_step % every == 0
        if at_boundary and (stop or due):
            self._save(trainer, pl_module, Position(trainer.current_epoch, batch_idx + 1))
        if at_boundary and stop:
            raise self._interrupted(pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: DetectionModule) -> None:
        """See `_end_epoch`.

        Raises:
            TrainingInterruptedError: the run was asked to stop, and is saved.
        """
        has_ended = pl_module.meta.get("iter") == trainer.global_step  # with all steps, in mid-epoch
        if not has_ended:
            self._end_epoch(trainer, pl_module, Position(trainer.current_epoch + 1))

    def _end_epoch(self, trainer: pl.Trainer, module: DetectionModule, position: Position) -> None:
        """Save, report, validate, stop."""
        done = trainer.current_epoch + 1
        self._save(trainer, module, position)
        is_last = self._course.is_over(done, trainer.global_step)
        if trainer.is_global_zero:
            self._checkpoints.mark_epoch(done, is_last)
        self._report_epoch(trainer, module, done)
        if self._is_validation_due(done, is_last):
            self._validate(trainer, module, done)
            self._save(trainer, module, position)
        if trainer.should_stop and not is_last:
            self._note(f"epoch {done} is the last: a callback stops the training early")
        stop = trainer.strategy.reduce_boolean_decision(self._stopper.requested, all=False)
        if stop and not is_last:
            raise self._interrupted(module)

    def _begin_epoch(self, trainer: pl.Trainer, module: DetectionModule) -> None:
        self._skipped_before = module.skipped_steps
        self._epoch_began = time.monotonic()
        if trainer.strategy.root_device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def _log(self, trainer: pl.Trainer, module: DetectionModule) -> None:
        values = {key: float(value) for key, value in module.last_log.items()}
        rate = module.learning_rate
        row = {
            "epoch": trainer.current_epoch + 1,
            "lr": rate,
            "grad_norm": module.grad_norm,
            "skipped_steps": module.skipped_steps,
            **values,
        }
        if self._records is not None:
            self._records.step(trainer.global_step, row)
        shown = {"loss": values["loss"], "lr": rate, "grad_norm": module.grad_norm}
        self._reporter.step(trainer.current_epoch + 1, trainer.global_step, shown)

    def _save(self, trainer: pl.Trainer, module: DetectionModule, position: Position) -> None:
        module.position = position
        module.meta = {**module.meta, "epoch": position.epoch, "iter": trainer.global_step}
        self._checkpoints.save_latest(trainer.save_checkpoint)
        self._is_unsaved = False

    def _report_epoch(self, trainer: pl.Trainer, module: DetectionModule, epoch: int) -> None:
        if self._records is None:
            return
        values: dict[str, Any] = {
            "loss": self._records.mean_loss(epoch),
            "seconds": round(time.monotonic() - self._epoch_began, 1),
            "peak_memory_gb": round(_peak_memory(trainer.strategy.root_device) / 1e9, 2),
            "skipped_steps": module.skipped_steps - self._skipped_before,
        }
        self._reporter.epoch(epoch, trainer.global_step, values)
        self._records.epoch(epoch, trainer.global_step, values)
        self._records.log(f"epoch {epoch}: {_text(values)}")
        self._records.draw()

    def _is_validation_due(self, epoch: int, is_last: bool = False) -> bool:
        every = self._course.validate_every
        return self._validator is not None and every is not None and (epoch % every == 0 or is_last)

    def _validate(self, trainer: pl.Trainer, module: DetectionModule, epoch: int) -> None:
        assert self._validator is not None
        try:
            values = self._validator.run(
                module.best_network, trainer.strategy.root_device, trainer.global_rank, trainer.world_size
            )
        except CancelledError:
            raise self._interrupted(module) from None
        trainer.callback_metrics["mAP"] = torch.tensor(values["mAP"])  # for callbacks
        self._reporter.validation(epoch, values)
        if self._records is not None:
            if values["mAP"] > self._records.best():
                self._checkpoints.mark_best(epoch)
            self._records.validated(epoch, module.meta["iter"], values)
            self._records.log(f"epoch {epoch} validation: {_text(values)}")
            self._records.draw()
        if module.validated < epoch:  # else the callbacks' restored states know of it
            module.validated = epoch
            for callback in trainer.callbacks:
                callback.on_validation_end(trainer, module)

    def _note(self, text: str) -> None:
        self._reporter.note(text)
        if self._records is not None:
            self._records.log(text)

    def _interrupted(self, module: DetectionModule) -> TrainingInterruptedError:
        return TrainingInterruptedError(
            f"stopped after {module.meta['iter']} steps, saved to {self._checkpoints.latest}; "
            f"--resume auto goes on from there"
        )


def _children_of(trainer: pl.Trainer) -> Any:
    """How to signal the processes that Lightning started, if it did."""
    launcher = trainer.strategy.launcher
    return launcher.kill if isinstance(launcher, _SubprocessScriptLauncher) and launcher.procs else None


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    memory = psutil.Process().memory_info()
    return getattr(memory, "peak_wset", memory.rss)  # systems but Windows tell the present use alone


def _text(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:.4g}" for key, value in values.items())
