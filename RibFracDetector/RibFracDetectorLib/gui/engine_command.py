"""The command line of the engine, and the environment that makes it use this library and no other copy."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..case.handshake import LIBRARY
from .child_process import Command

OWN_LIBRARIES = ("RibFracDetectorLib", "RibFracTrainingLib")


@dataclass(frozen=True)
class DetectionOptions:
    """What the user chose for one detection.

    Attributes:
        weights: name in the catalogue, or a checkpoint file.
        folder: for the case files.
        device, precision, engine, mode: as `ribfrac detect` takes them.
        settings: `key=value` that override those of the model.
    """

    weights: str
    folder: Path
    device: str = "auto"
    precision: str = "auto"
    engine: str = "auto"
    mode: str = "standard"
    settings: tuple[str, ...] = ()


def detect_arguments(ct: Path, case_id: str, options: DetectionOptions) -> list[str]:
    """Arguments of `ribfrac` for a temporary copy of a CT."""
    return ["detect", str(ct), "--case", case_id, *_arguments(options)]


def standby_arguments(options: DetectionOptions) -> list[str]:
    """Arguments of `ribfrac` for a CT that it will be told about."""
    return ["detect", "--standby", *_arguments(options)]


def _arguments(options: DetectionOptions) -> list[str]:
    arguments = ["--output", str(options.folder)]
    arguments += ["--weights", options.weights, "--mode", options.mode]
    arguments += ["--device", options.device, "--precision", options.precision]
    arguments += ["--engine", options.engine]
    for setting in options.settings:
        arguments += ["--set", setting]
    return [*arguments, "--progress", "jsonl", "--lifeline", "--temporary-input"]


def ribfrac_command(arguments: list[str], engine_python: str, clean: Mapping[str, str]) -> Command:
    """`ribfrac` as a process.

    Args:
        arguments: after the word `ribfrac`.
        engine_python: another interpreter than the application's; empty for its own.
        clean: the environment in which the application was started, for an interpreter that knows nothing
            of the application's libraries.
    """
    environment = dict(clean if engine_python else os.environ)
    existing = [] if engine_python else environment.get("PYTHONPATH", "").split(os.pathsep)
    folders = [*map(str, module_folders()), *filter(None, existing)]
    environment |= {
        "PYTHONPATH": os.pathsep.join(folders),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
    }
    program = engine_python or sys.executable
    return Command(program, ["-m", LIBRARY.name, *arguments], environment)


def module_folders() -> list[Path]:
    """The folders of both modules, as far as they are installed; this library's comes first."""
    folders = [LIBRARY.parent]
    for name in OWN_LIBRARIES:
        found = importlib.util.find_spec(name)
        if found is not None and found.submodule_search_locations:
            folders.append(Path(next(iter(found.submodule_search_locations))).resolve().parent)
    return list(dict.fromkeys(folders))
