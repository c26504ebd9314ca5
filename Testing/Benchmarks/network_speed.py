"""Seconds of one window by every way of computing it, against the limit of the machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from machine import TYPES, matrix_product_rates, seconds
from RibFracDetectorLib.engine.execution.openvino_library import is_installed
from RibFracDetectorLib.engine.execution.ways import Way, make_executor
from RibFracDetectorLib.engine.network import RetinaUNet, build_network
from RibFracDetectorLib.engine.progress import SilentReporter
from RibFracDetectorLib.engine.settings import InferenceSettings
from RibFracDetectorLib.engine.weights import Weights
from torch.utils.flop_counter import FlopCounterMode

CPU = torch.device("cpu")
DEAD_LEVEL = "torch fp32, original graph with its dead level"


def measure_network(weights: Weights, settings: InferenceSettings, rounds: int) -> dict[str, Any]:
    """Best of `rounds` for every way, taken in turns so that a busy machine slows all of them."""
    window = torch.randn(1, 1, *settings.roi_size)
    works = _works(weights, settings, window)
    taken: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()  # the first run allocates and, on some ways, compiles
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(seconds(work))
    flops = count_flops(weights, settings)
    rates = matrix_product_rates()
    best = {name: min(values) for name, values in taken.items()}
    return {
        "window": list(settings.roi_size),
        "rounds": rounds,
        "gflop_per_window": flops / 1e9,
        "matrix_product_gflops": {name: rate / 1e9 for name, rate in rates.items()},
        "seconds": best,
        "share_of_matrix_product": {
            name: flops / value / rates["bf16" if "bf16" in name else "fp32"]
            for name, value in best.items()
            if name != DEAD_LEVEL
        },
        "times_faster_than_torch_fp32": {name: best["torch fp32"] / value for name, value in best.items()},
    }


def count_flops(weights: Weights, settings: InferenceSettings) -> int:
    """Floating-point operations of one window, convolutions and matrix products only."""
    with torch.device("meta"):
        network = build_network(weights.architecture).eval()
        window = torch.empty(1, 1, *settings.roi_size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if weights.architecture == "S":
            network(window)
        else:  # the dynamic head's gathers do not run on the meta device
            finest, *_ = network.neck(network.backbone(window))
            network.seg_head(finest)
    return counter.get_total_flops()


def _works(
    weights: Weights, settings: InferenceSettings, window: torch.Tensor
) -> dict[str, Callable[[], object]]:
    works: dict[str, Callable[[], object]] = {}
    for engine in ("torch", "openvino") if is_installed() else ("torch",):
        for precision in TYPES:
            executor = make_executor(Way(engine, CPU, precision), weights, settings)
            works[f"{engine} {precision}"] = lambda run=executor: run(window, SilentReporter())
    network = weights.network()
    works[DEAD_LEVEL] = lambda: with_dead_level(network, window)
    return works


def with_dead_level(network: RetinaUNet, window: torch.Tensor) -> None:
    """As the published code runs it: the pyramid's finest level is computed, and nothing reads it."""
    with torch.inference_mode():
        _dead, stride2, *coarser = network.neck(network.backbone(window), 0)
        network.bbox_head(coarser)
        network.seg_head(stride2)
