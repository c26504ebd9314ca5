"""What a benchmark ran on, and how fast the machine multiplies matrices: the limit of any network."""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from RibFracDetectorLib.case.provenance import versions
from RibFracDetectorLib.engine.devices import cpu_computes_bf16, cpu_has_bf16_matrices

MATRIX = 4096
TYPES = {"fp32": torch.float32, **({"bf16": torch.bfloat16} if cpu_computes_bf16() else {})}
"""By name of the precision, those that the CPU does not emulate."""


def describe() -> dict[str, Any]:
    """Processor, cores, what it can do, load at the start, and versions; no name of machine or user."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "matrix_instructions_for_bf16": cpu_has_bf16_matrices(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "versions": versions() | {"platform": _system()},
    }


def matrix_product_rates(repeats: int = 3) -> dict[str, float]:
    """FLOP/s of a 4096 x 4096 x 4096 product, best of several, by precision."""
    rates = {}
    for name, dtype in TYPES.items():
        left, right = (torch.randn(MATRIX, MATRIX).to(dtype) for _ in range(2))
        rates[name] = 2 * MATRIX**3 / min(seconds(lambda a=left, b=right: a @ b) for _ in range(repeats))
    return rates


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _system() -> str:
    """The system and the first two numbers of its version: what follows may name the machine."""
    number = re.match(r"\d+(\.\d+)?", platform.release())
    return f"{platform.system()} {number[0]}" if number else platform.system()


def _processor() -> str:
    """The model as Linux names it, with family and model number where the name says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in pairs}
    return f"{facts.get('model name', platform.machine())}, model {facts.get('model', 'unknown')}"
