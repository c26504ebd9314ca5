"""Trained weights: strictly checked against the network they claim to belong to.

Accepted are the published checkpoints (spec 4), training checkpoints with an optimizer, and bare state
dicts, with or without the prefix `module.` of distributed training, in float32 or float16. Which keys and
shapes are right is asked of the network itself, built without memory on PyTorch's meta device.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..case.errors import InputError
from .checkpoint import read_checkpoint
from .network import Architecture, RetinaUNet, build_network

PARALLEL_PREFIX = "module."
DYNAMIC_HEAD_PREFIX = "bbox_head.dyhead_tower."
DTYPES = {torch.float16: "float16", torch.float32: "float32"}
SHOWN_KEYS = 3
META_KEYS = ("epoch", "iter", "time", "seed", "exp_name", "mmdet_version", "mmcv_version", "CLASSES")
META_LENGTH = 80
KINDS_OF_DATA = ("real", "simulated")
UNKNOWN_DATA = "unknown"


@dataclass(frozen=True)
class Weights:
    """Weights that fit a network exactly.

    Attributes:
        path: the file they came from.
        architecture: "S" or "D", as its keys tell.
        state_dict: float32 on the CPU, in the network's order.
        sha256: of the whole file, hexadecimal.
        dtype: as stored in the file, "float32" or "float16" (if any tensor is).
        tensor_count: number of keys.
        meta: what the file tells of its training, short plain values only.
        training_data: "real" or "simulated" fractures, as the file tells; "unknown" if it does not.
        inference: settings the file says it was trained and validated with, for `settings.resolve_settings`;
            empty if it does not.
    """

    path: Path
    architecture: Architecture
    state_dict: Mapping[str, Tensor]
    sha256: str
    dtype: str
    tensor_count: int
    meta: Mapping[str, str | int | float]
    training_data: str
    inference: Mapping[str, Any]

    def network(self) -> RetinaUNet:
        """A new network with a copy of these weights, in evaluation mode on the CPU."""
        network = _without_memory(self.architecture)
        copies = {key: tensor.clone() for key, tensor in self.state_dict.items()}
        network.load_state_dict(copies, assign=True)
        return network.eval()


def load_weights(path: Path, expected_sha256: str | None = None) -> Weights:
    """Read and check a checkpoint; the file is read once.

    Args:
        path: a file written by `torch.save`, in the zip or the legacy layout.
        expected_sha256: hexadecimal, e.g. the catalogue's; None accepts any file.

    Raises:
        InputError: the file is missing, unreadable, not a checkpoint, truncated, holds pickled code, is not
            the expected file, or its tensors are not those of S or D (missing, unexpected, of another
            shape or type, NaN or infinite).
    """
    path = Path(path)
    content, sha256 = read_checkpoint(path)
    if expected_sha256 is not None and sha256 != expected_sha256.lower():
        raise InputError(
            f"{path} has SHA-256 {sha256}; expected {expected_sha256.lower()}: it is another file or damaged"
        )
    stored = _stored_tensors(path, content)
    architecture: Architecture = "D" if any(key.startswith(DYNAMIC_HEAD_PREFIX) for key in stored) else "S"
    shapes = expected_shapes(architecture)
    _check_keys(path, architecture, shapes, stored)
    dtype = _check_values(path, stored)
    meta = content.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    return Weights(
        path=path,
        architecture=architecture,
        state_dict={key: stored[key].float() for key in shapes},
        sha256=sha256,
        dtype=dtype,
        tensor_count=len(shapes),
        meta={key: _plain(meta[key]) for key in META_KEYS if meta.get(key) is not None},
        training_data=_told(meta.get("training_data")),
        inference=_settings(meta.get("inference")),
    )


@cache
def expected_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of the state dict, in its order."""
    return {key: tuple(tensor.shape) for key, tensor in _without_memory(architecture).state_dict().items()}


def _without_memory(architecture: Architecture) -> RetinaUNet:
    with torch.device("meta"), _NoRandomNumbers():
        return build_network(architecture)


class _NoRandomNumbers(TorchFunctionMode):
    """Leaves tensors uninitialised: on the meta device, PyTorch's random numbers take 2 s to import."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in (Tensor.normal_, Tensor.uniform_) or getattr(func, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))


def _stored_tensors(path: Path, content: Any) -> dict[str, Tensor]:
    """The state dict inside a checkpoint, without `module.`."""
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds a {type(content).__name__}; expected a dictionary with a state_dict")
    stored = content.get("state_dict", content)
    if not isinstance(stored, Mapping) or not stored:
        raise InputError(f"{path} holds no state_dict with tensors; it is not a checkpoint of a network")
    strangers = [str(key) for key, value in stored.items() if not _is_plain_tensor(value)]
    if strangers:
        raise InputError(
            f"{path} holds no state_dict: {_some(strangers)} where tensors are expected; "
            f"it is not a checkpoint of a network"
        )
    names = [str(key) for key in stored]
    if all(name.startswith(PARALLEL_PREFIX) for name in names):
        names = [name.removeprefix(PARALLEL_PREFIX) for name in names]
    return dict(zip(names, stored.values(), strict=True))


def _is_plain_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided


def _check_keys(
    path: Path,
    architecture: Architecture,
    shapes: Mapping[str, tuple[int, ...]],
    stored: Mapping[str, Tensor],
) -> None:
    missing = [key for key in shapes if key not in stored]
    unexpected = [key for key in stored if key not in shapes]
    if len(missing) == len(shapes):
        raise InputError(
            f"{path} is a checkpoint of another network: none of its {len(stored)} keys belongs to S or D "
            f"(first: {_some(unexpected)})"
        )
    misshaped = [
        f"{key} is {_shape(stored[key].shape)}, expected {_shape(shape)}"
        for key, shape in shapes.items()
        if key in stored and tuple(stored[key].shape) != shape
    ]
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": misshaped}
    found = [f"{len(keys)} {fault} ({_some(keys)})" for fault, keys in faults.items() if keys]
    if found:
        raise InputError(f"{path} does not fit network {architecture}: tensors {'; '.join(found)}")


def _check_values(path: Path, stored: Mapping[str, Tensor]) -> str:
    """The name of the stored type."""
    others = [
        f"{key} is {str(t.dtype).removeprefix('torch.')}"
        for key, t in stored.items()
        if t.dtype not in DTYPES
    ]
    if others:
        raise InputError(f"{path} has {len(others)} tensors not in float32 or float16 ({_some(others)})")
    infinite = [key for key, tensor in stored.items() if not torch.isfinite(tensor).all()]
    if infinite:
        raise InputError(
            f"{path} has NaN or infinite values in {len(infinite)} tensors ({_some(infinite)}); "
            f"the training diverged or the file is damaged"
        )
    return DTYPES[torch.float16 if any(t.dtype == torch.float16 for t in stored.values()) else torch.float32]


def _told(kind: Any) -> str:
    return kind if isinstance(kind, str) and kind in KINDS_OF_DATA else UNKNOWN_DATA


def _settings(text: Any) -> Mapping[str, Any]:
    """The JSON object that `ribfrac train` writes; what other programs put there is theirs."""
    try:
        values = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def _plain(value: Any) -> str | int | float:
    if isinstance(value, int | float):
        return value
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "".join(c for c in text if c.isprintable())[:META_LENGTH]


def _some(items: Iterable[str]) -> str:
    """The first few items, printable, and how many more there are."""
    items = [repr(item)[1:-1] for item in items]
    more = len(items) - SHOWN_KEYS
    return ", ".join(items[:SHOWN_KEYS]) + (f", and {more} more" if more > 0 else "")


def _shape(shape: Iterable[int]) -> str:
    return "x".join(map(str, shape)) or "a scalar"
