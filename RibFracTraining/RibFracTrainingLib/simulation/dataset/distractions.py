"""What a detector must learn not to call a fracture: faults of slices, shams, imitators."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from ..body import Body
from ..lesions.fracture import Fracture
from ..lesions.imitators import Imitator, insert_imitators
from ..lesions.insertion import sham_insertions
from ..lesions.slices import averaged_slice, motion_step
from .settings import SimulationSettings


def with_faults(
    body: Body, settings: SimulationSettings, generator: np.random.Generator
) -> tuple[Body, dict[str, Any]]:
    """The body with faulty slices and shams, and a record of them.

    Fractures are planned afterwards: a step of slices moves the ribs.
    """
    moved, averaged = (generator.random(2) < settings.slice_faults).tolist()
    if moved:
        body = motion_step(body, generator)
    if averaged:
        body = averaged_slice(body, generator)
    count = int(generator.integers(settings.shams[0], settings.shams[1] + 1))
    shams: list[Fracture] = []
    if count:
        insertion = sham_insertions(body, count, generator)
        body, shams = body.with_hu(insertion.hu), insertion.records
    record = {"motion_step": moved, "averaged_slice": averaged, "shams": [asdict(sham) for sham in shams]}
    return body, {**record, **asked_for("shams", len(shams), count)}


def with_imitators(
    body: Body, settings: SimulationSettings, plan: tuple[Fracture, ...], generator: np.random.Generator
) -> tuple[Body, dict[str, Any]]:
    """The body with imitators away from the planned fractures, and a record of them."""
    count = int(generator.integers(settings.imitators[0], settings.imitators[1] + 1))
    made: list[Imitator] = []
    if count:
        hu, made = insert_imitators(body, count, generator, plan)
        body = body.with_hu(hu)
    record = {"imitators": [asdict(imitator) for imitator in made]}
    return body, {**record, **asked_for("imitators", len(made), count)}


def asked_for(name: str, placed: int, wanted: int) -> dict[str, int]:
    """What a record says of a count that the ribs had no room for; nothing where all were placed."""
    return {f"{name}_asked_for": wanted} if placed < wanted else {}
