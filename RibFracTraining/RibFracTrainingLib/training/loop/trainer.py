"""Lightning's Trainer, set up from a configuration."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import SLURMEnvironment
from pytorch_lightning.strategies import DDPStrategy

from ..checkpoints import WholeCheckpointIO
from ..configuration.schema import Configuration
from .precision import mixed_precision, usable_precision


def make_trainer(
    values: Configuration, run_folder: Path, callbacks: list[pl.Callback]
) -> tuple[pl.Trainer, list[str]]:
    """The Trainer, and notes on what could not be as configured.

    Raises:
        InputError, or Lightning's own errors, where devices are not there.
    """
    _quieten()
    on_gpu = values.devices.accelerator != "cpu" and torch.cuda.is_available()
    loop = values.loop
    precision, notes = usable_precision(loop.precision, on_gpu)
    trainer = pl.Trainer(
        accelerator="gpu" if on_gpu or values.devices.accelerator == "gpu" else "cpu",
        devices=_device_count(values, on_gpu),
        num_nodes=values.devices.nodes,
        strategy=_strategy(values, on_gpu),
        max_epochs=loop.epochs or -1,
        max_steps=loop.max_steps or -1,
        accumulate_grad_batches=loop.accumulate,
        deterministic=loop.deterministic,
        detect_anomaly=loop.detect_anomaly,
        benchmark=on_gpu and not loop.deterministic,
        callbacks=callbacks,
        default_root_dir=run_folder,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        plugins=[WholeCheckpointIO(), *_slurm(), *mixed_precision(precision, loop.loss_scaler, on_gpu)],
    )
    return trainer, notes


def _device_count(values: Configuration, on_gpu: bool) -> int | str:
    count = values.devices.count
    launched = os.environ.get("LOCAL_WORLD_SIZE")
    if count == "auto" and launched:  # torchrun
        return int(launched)
    return count if on_gpu or count != "auto" else 1


def _strategy(values: Configuration, on_gpu: bool) -> Any:
    count = _device_count(values, on_gpu)
    devices = torch.cuda.device_count() if count == "auto" else int(count)
    if devices * values.devices.nodes == 1:
        return "auto"
    return DDPStrategy(find_unused_parameters=values.devices.find_unused_parameters)


def _slurm() -> list[Any]:
    """Under SLURM, without Lightning's own way to save and requeue: ours is `Stopper` and --resume auto."""
    return [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []


def _quieten() -> None:
    """Leave out what Lightning tells of itself; what concerns the user is told by our reporter."""
    for name in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for name in ("pytorch_lightning", "lightning_fabric"):
        warnings.filterwarnings("ignore", module=name)
    warnings.filterwarnings("ignore", message=".*`isinstance\\(treespec, LeafSpec\\)`.*")
