"""The network in PyTorch on any device: precision, batches, and what to do when memory runs out."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor

from ..network import RawOutput, RetinaUNet
from ..progress import Reporter
from .executor import DeviceFullError, is_out_of_memory

AUTOCAST_TYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


def _full_float32() -> AbstractContextManager[None]:
    """Convolutions of float32 in float32: cuDNN's default, TF32, keeps ten bits of the mantissa."""
    cudnn = torch.backends.cudnn
    return cudnn.flags(
        enabled=cudnn.enabled,
        benchmark=cudnn.benchmark,
        deterministic=cudnn.deterministic,
        allow_tf32=False,
    )


class TorchExecutor:
    """See `Executor`: one network on one device in one precision.

    Attributes:
        network: in evaluation mode, on `device`.
        device: where the network is.
        precision: "fp32", "fp16" or "bf16"; the latter two run under autocast.
        batch_limit: windows given to the network at once; halved whenever memory runs out.
    """

    def __init__(self, network: RetinaUNet, device: torch.device, precision: str, batch_limit: int) -> None:
        self.network = network.to(device).eval()
        self.device = device
        self.precision = precision
        # Every norm works on single windows, so a batch changes nothing but speed, and a CPU gains none.
        self.batch_limit = batch_limit if device.type != "cpu" else 1

    def __call__(self, windows: Tensor, reporter: Reporter) -> list[RawOutput]:
        """Outputs for normalised windows (N, 1, X, Y, Z), in batches that fit.

        Raises:
            DeviceFullError: when a single window does not fit either.
        """
        outputs: list[RawOutput] = []
        done = 0
        while done < len(windows):
            batch = windows[done : done + self.batch_limit]
            try:
                outputs.append(self._forward(batch))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
                if len(batch) == 1:
                    raise DeviceFullError(
                        f"out of memory on {self.device} with a single window of {tuple(batch.shape[2:])} "
                        "voxels: close what else uses the device, or use --device cpu"
                    ) from None
                self.batch_limit = len(batch) // 2
                torch.cuda.empty_cache()
                reporter.note(f"out of memory on {self.device}: now {self.batch_limit} windows at once")
                continue
            done += len(batch)
        return outputs

    def _forward(self, batch: Tensor) -> RawOutput:
        batch = batch.to(self.device, non_blocking=True)
        with torch.inference_mode():
            if self.precision == "fp32":
                with _full_float32():
                    return self.network(batch)
            with torch.autocast(self.device.type, dtype=AUTOCAST_TYPES[self.precision]):
                return self.network(batch)
