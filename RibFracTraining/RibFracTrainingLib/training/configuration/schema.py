"""Every key of a configuration, its type and range. The defaults are the published system's (spec 2).

Parts chosen by name are `Choice`s here; `choices.py` checks their parameters.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ..data.tiny import TinySettings
from .choices import parameter_model, parameter_values

Fraction = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Precision = Literal["fp32", "fp16", "bf16"]


class Section(BaseModel):
    """A mapping of a configuration; a key that it does not have is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, protected_namespaces=())


class Choice(BaseModel):
    """A part by its name; the other keys are the parameters of what it means."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    name: str = Field(min_length=1)


class SampleRate(Section):
    """Which part of the cases of a split is used."""

    training: Fraction = 1.0
    validation: Fraction = 0.5


SimulatedData = parameter_model(TinySettings, frozenset())
"""A tiny data set that the run makes for itself, in its own folder; for trying things out."""


class Data(Section):
    """Where the cases are and how many are read at once.

    Attributes:
        folder: a prepared data set; None only where `simulated` makes one.
        split_file: which of its `dataset*.json`.
        label_map: detector class (from 0) of each class of the label files; None leaves one out.
        cases_per_step: crops of so many lesions, and as many without one, make a step, on each device.
        workers: processes that read crops.
    """

    folder: str | None = None
    split_file: str = "dataset.json"
    label_map: dict[int, int | None] = Field(default={1: 0, 2: 0, 3: 0, 4: 0, 7: 0}, min_length=1)
    sample_rate: SampleRate = SampleRate()
    cases_per_step: Count = 3
    workers: Annotated[int, Field(ge=0)] = 9
    simulated: SimulatedData | None = None  # type: ignore[valid-type]

    @field_validator("simulated")
    @classmethod
    def _can_be_made(cls, wanted: BaseModel | None) -> BaseModel | None:
        if wanted is not None:
            TinySettings(**parameter_values(TinySettings, wanted))
        return wanted

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if self.folder is not None and self.simulated is not None:
            raise ValueError("folder or simulated, not both")
        if any(number not in (0, None) for number in self.label_map.values()):
            raise ValueError("the networks have one class: every label maps to 0, or to null to be left out")
        return self


class LossScaler(Section):
    """Of fp16 training; see torch.amp.GradScaler."""

    initial: Annotated[float, Field(gt=0)] = 1024.0
    growth: Annotated[float, Field(gt=1)] = 2.0
    backoff: Annotated[float, Field(gt=0, lt=1)] = 0.5
    interval: Count = 2000


class Loop(Section):
    """How long and how exactly to train.

    Attributes:
        epochs, max_steps: one of them ends the training; a step is one of the optimizer.
        clip_norm: L2 norm to which gradients are cut, None for no limit.
        accumulate: batches per step of the optimizer.
        nonfinite_limit: so many steps in a row with NaN or infinite gradients stop the training.
        log_every: steps between two rows of the log.
        deterministic: true refuses operations whose result is not repeatable, "warn" names them.
    """

    epochs: Count | None = 24
    max_steps: Count | None = None
    precision: Precision = "fp16"
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    accumulate: Count = 1
    loss_scaler: LossScaler = LossScaler()
    nonfinite_limit: Count = 20
    deterministic: bool | Literal["warn"] = False
    detect_anomaly: bool = False
    log_every: Count = 10

    @model_validator(mode="after")
    def _one_end(self) -> Loop:
        if (self.epochs is None) == (self.max_steps is None):
            raise ValueError(
                "either epochs or max_steps, and null for the other: loop.epochs=null turns epochs off"
            )
        return self


class Devices(Section):
    """Where to train. Under torchrun and SLURM, `count` and `nodes` must be what was started.

    Attributes:
        accelerator: "gpu" takes CUDA devices.
        count: devices of this machine, "auto" for all (one on a CPU).
    """

    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    count: Count | Literal["auto"] = "auto"
    nodes: Count = 1
    find_unused_parameters: bool = True


class Checkpoints(Section):
    """When to save; `latest.pth` is the newest of all.

    Attributes:
        every_epochs: epochs between two `epoch_N.pth`.
        every_steps: steps between two `latest.pth` in mid-epoch, None for none.
        keep: so many `epoch_N.pth` are kept.
    """

    every_epochs: Count = 1
    every_steps: Count | None = None
    keep: Count = 4


class Validation(Section):
    """Detection in whole scans of the validation split, at their own spacing and without flips (spec 9.1)."""

    every_epochs: Count | None = 2
    precision: Literal["auto", "fp32", "fp16", "bf16"] = "auto"


class Publication(Section):
    """What `ribfrac publish` tells of the weights; see `Resources/models.schema.json`."""

    title: str = Field(default="Rib fracture detector", min_length=1)
    training_data: str = Field(default="not described", min_length=1)
    licence: str = Field(default="not stated", min_length=1)
    intended_use: str = Field(default="Research only; not a medical device.", min_length=1)


class Configuration(Section):
    """A whole training."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    data: Data = Data()
    sampling: Choice = Choice(name="lesion_and_periphery")
    augmentation: Choice = Choice(name="standard")
    network: Choice = Choice(name="retina_unet")
    head: Choice = Choice(name="static")
    losses: Choice = Choice(name="detection")
    optimizer: Choice = Choice(name="adamw")
    schedule: Choice = Choice(name="poly")
    averaging: Choice | None = None
    callbacks: list[Choice] = []
    load_from: str | None = None
    loop: Loop = Loop()
    devices: Devices = Devices()
    checkpoints: Checkpoints = Checkpoints()
    validation: Validation = Validation()
    inference: dict[str, Any] = {}
    publication: Publication = Publication()
