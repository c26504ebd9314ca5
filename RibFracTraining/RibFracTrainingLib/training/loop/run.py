"""`train`: from a checked configuration to a finished run folder."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException
from RibFracDetectorLib import __version__
from RibFracDetectorLib.case.errors import InputError, RibFracError
from RibFracDetectorLib.case.whole_files import writing_to, written_whole
from RibFracDetectorLib.engine.devices import choose_precision
from RibFracDetectorLib.engine.execution.executor import OUT_OF_MEMORY
from torch import nn

from ..checkpoints import CheckpointFolder, Resumption
from ..configuration import LoadedConfiguration
from ..data.samples import CropSamples, SamplingSettings
from ..module import DetectionModule, Position, StepSettings
from ..validation import Validator
from .conductor import Conductor, Course
from .loading import ResumableBatches, make_loader
from .precision import usable_precision
from .records import RunRecords
from .reporting import TrainingReporter, make_training_reporter
from .start import (
    TrainingData,
    check_crop,
    check_memory_of_step,
    choose_resumption,
    load_start_weights,
    make_data,
    open_data,
)
from .stopping import Stopper, TrainingInterruptedError
from .trainer import make_trainer

CONFIGURATION_FILE = "config.yaml"
LONGEST_WAIT_S = 600


@dataclass(frozen=True)
class RunOptions:
    """What the command line says besides the configuration.

    Attributes:
        folder: of the run.
        resume: None, "auto" or a checkpoint.
        validate: whether to validate at all.
        progress: "auto", "bar", "jsonl" or "none".
    """

    folder: Path
    resume: str | None = None
    validate: bool = True
    progress: str = "auto"


def train(configuration: LoadedConfiguration, options: RunOptions) -> None:
    """Train to the end, or until somebody asks to stop.

    Raises:
        InputError: something is wrong with data, devices, checkpoint or memory; found before the first step.
        TrainingInterruptedError: asked to stop; everything is saved.
        TrainingDivergedError: gradients stayed NaN or infinite.
        RibFracError: out of memory.
    """
    with Stopper().installed() as stopper:
        run = _prepare(configuration, options, stopper)
        try:
            run.fit()
        except TrainingInterruptedError:
            if run.trainer.is_global_zero:
                raise
        except SIGTERMException:
            raise TrainingInterruptedError("stopped before the first step") from None
        except OUT_OF_MEMORY as error:
            raise RibFracError(
                f"out of memory on {run.trainer.strategy.root_device} ({str(error).splitlines()[0]}): lower "
                f"data.cases_per_step or augmentation.patch_size, and go on with --resume auto"
            ) from None
        finally:
            run.close()


@dataclass
class _Run:
    """A run that is ready to go; `fit` goes."""

    trainer: pl.Trainer
    module: DetectionModule
    loader: Any
    validator: Validator | None
    resumption: Resumption | None
    records: RunRecords | None
    reporter: TrainingReporter
    folder: Path

    def fit(self) -> None:
        """Run all steps that are left."""
        start = str(self.resumption.path) if self.resumption else None
        self.trainer.fit(self.module, self.loader, ckpt_path=start, weights_only=True)
        self.reporter.result(self.folder)

    def close(self) -> None:
        """Flush what is open."""
        self.reporter.close()
        if self.records is not None:
            with contextlib.suppress(OSError):  # a full disk has been told by then
                self.records.close()


def _prepare(configuration: LoadedConfiguration, options: RunOptions, stopper: Stopper) -> _Run:
    """All checks, then everything that a run needs."""
    values = configuration.values
    check_crop(configuration)
    trainer, notes = _trainer(configuration, options)
    first = trainer.is_global_zero
    reporter = make_training_reporter(options.progress, first)
    folder = CheckpointFolder(options.folder, values.checkpoints.every_epochs, values.checkpoints.keep)
    pl.seed_everything(values.seed, verbose=False)
    network = _network(configuration)
    resumption, more = choose_resumption(configuration, folder, options.resume, network)
    if resumption is None and values.load_from is not None:
        load_start_weights(network, values.load_from)
    device = trainer.strategy.root_device
    precision, _ = usable_precision(values.loop.precision, device.type == "cuda")
    check_memory_of_step(configuration, network, device, half=precision != "fp32")
    made_here = values.data.simulated is not None
    if made_here:  # in the run folder
        _open_folder(configuration, options.folder, first, reporter)
    validates = options.validate and values.validation.every_epochs is not None
    data = open_data(configuration, options.folder, validates)
    validator = _validator(configuration, data, device, stopper) if data.validation else None
    course = Course(
        values.loop.epochs,
        values.loop.max_steps,
        values.loop.log_every,
        values.checkpoints.every_steps,
        values.validation.every_epochs,
    )
    module = _module(configuration, network, data)
    loader = _loader(configuration, data, trainer, resumption.position if resumption else Position())
    if not made_here:  # as late as can be: a refused training leaves no folder
        _open_folder(configuration, options.folder, first, reporter)
    records = None
    if first:
        # Nothing of an earlier run is touched before all checks are done.
        more += _clear(folder, course, resumption)
        records = _records(options.folder, course, resumption)
    for note in (*notes, *more, *data.notes, *([f"going on from {resumption.path}"] if resumption else [])):
        reporter.note(note)
        if records is not None:
            records.log(note)
    trainer.callbacks.append(Conductor(course, folder, validator, records, reporter, stopper))
    return _Run(trainer, module, loader, validator, resumption, records, reporter, options.folder)


def _clear(folder: CheckpointFolder, course: Course, resumption: Resumption | None) -> list[str]:
    """Make the folder's checkpoints those of this run; notes on what was removed.

    Raises:
        InputError: see `CheckpointFolder.begin_at`.
    """
    folder.remove_unfinished()
    if resumption is None:
        return []
    epoch = course.epochs_told(resumption.position, resumption.global_step)
    removed = folder.begin_at(resumption, epoch)
    return [f"removed {', '.join(removed)}: damaged"] if removed else []


def _records(folder: Path, course: Course, resumption: Resumption | None) -> RunRecords:
    if resumption is None:
        return RunRecords(folder, 0, 0, 0)
    epoch = course.epochs_told(resumption.position, resumption.global_step)
    return RunRecords(folder, resumption.global_step, epoch, min(resumption.validated, epoch))


def _trainer(configuration: LoadedConfiguration, options: RunOptions) -> tuple[pl.Trainer, list[str]]:
    callbacks = [part.build() for part in configuration.callback_parts]
    try:
        return make_trainer(configuration.values, options.folder, callbacks)
    except Exception as error:  # Lightning's own, of many kinds and lengths
        cause = " ".join(str(error).split())[:300]
        raise InputError(
            f"devices: {cause} (see devices.accelerator, devices.count, devices.nodes)"
        ) from error


def _network(configuration: LoadedConfiguration) -> nn.Module:
    head = configuration.part("head").build()
    return configuration.part("network").build(head=head).train()


def _module(configuration: LoadedConfiguration, network: nn.Module, data: TrainingData) -> DetectionModule:
    loop = configuration.values.loop
    averaging = configuration.parts.get("averaging")
    module = DetectionModule(
        network,
        configuration.part("losses").build(),
        configuration.part("augmentation").build(),
        configuration.part("optimizer"),
        configuration.part("schedule"),
        averaging.build() if averaging else None,
        StepSettings(configuration.values.seed, loop.clip_norm, loop.nonfinite_limit),
    )
    module.meta = {
        "exp_name": configuration.name,
        "seed": configuration.values.seed,
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "CLASSES": ["fracture"],
        "ribfrac_version": __version__,
        "torch_version": str(torch.__version__),
        "head": configuration.part("head").name,
        "optimizer": configuration.part("optimizer").name,
        "training_data": data.kind,
        "inference": json.dumps(configuration.plain["inference"]),
        "config": configuration.as_yaml(),
    }
    return module


def _validator(
    configuration: LoadedConfiguration, data: TrainingData, device: torch.device, stopper: Stopper
) -> Validator:
    return Validator(
        data.validation,
        data.classes,
        configuration.validation_inference,
        choose_precision(configuration.values.validation.precision, device),
        lambda: stopper.requested,
    )


def _loader(
    configuration: LoadedConfiguration, data: TrainingData, trainer: pl.Trainer, position: Position
) -> Any:
    values = configuration.values
    settings: SamplingSettings = configuration.part("sampling").build()
    samples = CropSamples(data.training, settings, data.classes, values.seed)
    batches = ResumableBatches(
        len(samples),
        values.data.cases_per_step,
        values.seed,
        trainer.global_rank,
        trainer.world_size,
        position,
    )
    on_gpu = trainer.strategy.root_device.type == "cuda"
    return make_loader(samples, batches, values.data.workers, on_gpu)


def _open_folder(
    configuration: LoadedConfiguration, folder: Path, first: bool, reporter: TrainingReporter
) -> None:
    """Make the run folder with its configuration and, where it is asked for, its data."""
    if first:
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        make_data(configuration, folder, reporter.note)
        with written_whole(folder / CONFIGURATION_FILE) as temporary:
            temporary.write_text(configuration.as_yaml(), encoding="utf-8")
        return
    # Processes that torchrun or SLURM started together have nothing but the folder to wait by.
    if configuration.values.data.simulated is not None:
        _wait_for(folder / "data" / configuration.values.data.split_file)


def _wait_for(path: Path) -> None:
    end = time.monotonic() + LONGEST_WAIT_S
    while not path.exists():
        if time.monotonic() > end:
            raise RibFracError(f"the first process has not written {path} in {LONGEST_WAIT_S} s")
        time.sleep(0.2)
