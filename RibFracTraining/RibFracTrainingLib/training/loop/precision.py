"""In which precision a training computes."""

from __future__ import annotations

import torch
from pytorch_lightning.plugins import MixedPrecision
from RibFracDetectorLib.engine.devices import EMULATES_BF16, cpu_computes_bf16

from ..configuration.schema import LossScaler, Precision

_AUTOCAST = {"bf16": "bf16-mixed", "fp16": "16-mixed"}


def usable_precision(wanted: Precision, on_gpu: bool) -> tuple[Precision, list[str]]:
    """The precision that this machine can train in, and a note if it is not the wanted one."""
    if wanted == "fp16" and not on_gpu:
        return "fp32", ["fp16 needs a GPU: training in fp32"]
    if wanted == "bf16" and not on_gpu and not cpu_computes_bf16():
        return "fp32", [f"{EMULATES_BF16}: training in fp32"]
    return wanted, []


def mixed_precision(precision: Precision, scaling: LossScaler, on_gpu: bool) -> list[MixedPrecision]:
    """Lightning's plug-in for a precision that `usable_precision` gave; none for fp32."""
    if precision == "fp32":
        return []
    scaler = None
    if precision == "fp16":
        scaler = torch.amp.GradScaler(
            "cuda",
            init_scale=scaling.initial,
            growth_factor=scaling.growth,
            backoff_factor=scaling.backoff,
            growth_interval=scaling.interval,
        )
    return [MixedPrecision(_AUTOCAST[precision], "cuda" if on_gpu else "cpu", scaler)]
