"""`ribfrac info`: what this installation can use, or what a checkpoint file holds."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sized
from pathlib import Path
from typing import Any

from .. import __version__
from .given_path import given_path


def add_parser(subparsers: argparse._SubParsersAction) -> None:
    """Add `info` to the parser of `ribfrac`."""
    parser = subparsers.add_parser(
        "info",
        help="devices and versions, or what a checkpoint holds",
        description="Without FILE: versions, devices and models. With FILE: a checkpoint, checked strictly.",
    )
    parser.add_argument("file", nargs="?", type=given_path, metavar="FILE", help="a checkpoint")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the facts.

    Raises:
        InputError: the file is no checkpoint of S or D.
    """
    facts = describe_environment() if arguments.file is None else describe_checkpoint(arguments.file)
    print(json.dumps(facts) if arguments.json else as_text(facts))
    return 0


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Architecture, hash and origin of a checkpoint, and the settings it is searched with.

    Raises:
        InputError: see `load_weights`.
    """
    from ..case.catalogue import list_models
    from ..engine.model import Model
    from ..engine.weights import load_weights

    weights = load_weights(path)
    model = Model(weights, next((known for known in list_models() if known.sha256 == weights.sha256), None))
    return {
        "file": str(path),
        "architecture": weights.architecture,
        "sha256": weights.sha256,
        "dtype": weights.dtype,
        "keys": weights.tensor_count,
        "parameters": sum(tensor.numel() for tensor in weights.state_dict.values()),
        "catalogue": model.name,
        "training_data": model.training_data,
        "inference": dict(model.inference),
        "meta": dict(weights.meta),
    }


def describe_environment() -> dict[str, Any]:
    """Versions, devices with free memory, and the models of the catalogue."""
    from ..case.catalogue import list_models
    from ..case.handshake import hello_event
    from ..case.provenance import versions

    hello = hello_event()
    return {
        "version": __version__,
        "library": hello["library"],
        "protocol": hello["protocol"],
        "versions": versions(),
        "devices": _devices(),
        "warnings": _warnings(),
        "models": [model.name for model in list_models()],
    }


def as_text(facts: dict[str, Any]) -> str:
    """The facts as lines for people, nested ones indented."""
    lines = []
    for key, value in facts.items():
        if isinstance(value, dict):
            lines += [_heading(key, value), *(f"  {name}: {item}" for name, item in value.items())]
        elif isinstance(value, list):
            lines += [_heading(key, value), *(f"  {_one_line(item)}" for item in value)]
        else:
            lines.append(f"{key}: {value}")
    return "\n".join(lines)


def _heading(key: str, items: Sized) -> str:
    return f"{key}:" if items else f"{key}: none"


def _one_line(item: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in item.items()) if isinstance(item, dict) else str(item)


def _devices() -> list[dict[str, Any]]:
    import torch

    from ..engine.devices import device_label
    from ..engine.execution.ways import list_ways

    found = [torch.device("cpu")]
    found += [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    found += [torch.device("mps")] if torch.backends.mps.is_available() else []
    best = [list_ways("auto", str(device), "auto")[0] for device in found]
    return [
        {
            "device": device_label(way.device),
            "engine": way.engine,
            "precision": way.precision,
            **_memory(way.device),
        }
        for way in best
    ]


def _memory(device: Any) -> dict[str, float]:
    import torch

    if device.type != "cuda":
        return {}
    free, total = torch.cuda.mem_get_info(device)
    return {"free_gb": round(free / 1e9, 1), "total_gb": round(total / 1e9, 1)}


def _warnings() -> list[str]:
    """An NVIDIA card that torch cannot use is the commonest reason for a slow run."""
    import torch

    if torch.cuda.is_available() or shutil.which("nvidia-smi") is None:
        return []
    build = "a CPU build" if torch.version.cuda is None else f"built for CUDA {torch.version.cuda}"
    return [f"an NVIDIA driver is present, but torch ({build}) cannot use the card: install a matching torch"]
