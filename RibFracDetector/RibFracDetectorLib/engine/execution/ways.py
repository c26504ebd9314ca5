"""Which library computes the network where and in which precision: the choices of a run, best first."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...case.errors import InputError
from ..devices import choose_device, choose_precision, device_label
from ..settings import InferenceSettings
from ..weights import Weights
from .executor import Executor
from .openvino_executor import OpenVinoExecutor
from .openvino_library import is_fast_here, is_installed
from .torch_executor import TorchExecutor

ENGINES = ("auto", "torch", "openvino")


@dataclass(frozen=True)
class Way:
    """One way of computing the network.

    Attributes:
        engine: "torch" or "openvino".
        device: where.
        precision: "fp32", "fp16" or "bf16".
    """

    engine: str
    device: torch.device
    precision: str

    @property
    def is_trusted(self) -> bool:
        """Whether its numbers need no check: PyTorch's float32, but for Metal."""
        return self.engine == "torch" and self.precision == "fp32" and self.device.type != "mps"

    def __str__(self) -> str:
        return f"{self.precision} on {device_label(self.device)} by {self.engine}"


def list_ways(engine: str, device: str, precision: str) -> list[Way]:
    """The ways to try, best first; the last one is trusted, and the last ones are on the CPU.

    Metal's own float32 is not among them: what its half precision fails, it may fail as well.

    Args:
        engine: one of `ENGINES`.
        device: see `choose_device`.
        precision: see `choose_precision`.

    Raises:
        InputError: an unknown name, or a combination that cannot be used here.
    """
    if engine not in ENGINES:
        raise InputError(f"--engine {engine}: expected {', '.join(ENGINES)}")
    chosen = choose_device("cpu" if (engine, device) == ("openvino", "auto") else device)
    wanted = choose_precision(precision, chosen)
    if engine == "openvino":
        _require_openvino(device, chosen)
    if chosen.type != "cpu":
        on_device = [
            Way("torch", chosen, wanted),
            *([Way("torch", chosen, "fp32")] if chosen.type == "cuda" else []),
        ]
        return list(dict.fromkeys([*on_device, *list_ways(engine, "cpu", "auto")]))
    if engine == "openvino" or (engine == "auto" and is_fast_here()):
        ways = [Way("openvino", chosen, wanted), Way("openvino", chosen, "fp32")]
    else:
        ways = [Way("torch", chosen, wanted)]
    return list(dict.fromkeys([*ways, Way("torch", chosen, "fp32")]))


def make_executor(way: Way, weights: Weights, settings: InferenceSettings) -> Executor:
    """The executor of one network.

    Raises:
        OpenVinoError: OpenVINO was chosen and fails.
    """
    if way.engine == "openvino":
        return OpenVinoExecutor(weights, settings.roi_size, way.precision)
    return TorchExecutor(weights.network(), way.device, way.precision, settings.sw_batch_size)


def _require_openvino(name: str, device: torch.device) -> None:
    if device.type != "cpu":
        raise InputError(f"--engine openvino computes on the CPU, --device {name} was asked for")
    if not is_installed():
        raise InputError("--engine openvino: it is not installed; pip install openvino, or use --engine auto")
