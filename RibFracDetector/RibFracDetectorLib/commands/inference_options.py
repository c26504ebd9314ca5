"""The options of every command that detects: how the network is run, and what is told about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

MODES = ("standard", "original")
ENGINES = ("auto", "torch", "openvino")
PROGRESS_STYLES = ("auto", "bar", "jsonl", "none")
_MODE = "original repeats the published system's numbers (default standard)"
_ENGINE = "library that computes the network (default auto: the fastest)"


def add_inference_options(add: Callable[..., Any]) -> None:
    """Add them to a parser.

    Args:
        add: its `add_argument`.
    """
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="one setting, e.g. score_thr=0.1")
    add("--mode", choices=MODES, default="standard", help=_MODE)
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    add("--precision", default="auto", help="auto (default), fp32, fp16 or bf16")
    add("--engine", choices=ENGINES, default="auto", help=_ENGINE)
    add("--exhaustive", action="store_true", help="search where no rib can be, too (default: only near ribs)")
    add("--overwrite", action="store_true", help="detect again in finished cases")
    add("--progress", choices=PROGRESS_STYLES, default="auto", help="jsonl is for programs (default auto)")


def assignments_of(arguments: argparse.Namespace) -> list[str]:
    """All single settings of a command line, as `settings.resolve_settings` takes them."""
    return [*arguments.set, *(["exhaustive=true"] if arguments.exhaustive else [])]
