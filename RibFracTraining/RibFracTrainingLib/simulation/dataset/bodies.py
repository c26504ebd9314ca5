"""The bodies that a data set asks for: drawn, dressed from an atlas, or read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..bodies.phantom import PhantomSettings, make_phantom
from ..body import Body
from .settings import ATLAS, HALVES, PHANTOM, BodySpec, SimulationSettings


@dataclass(frozen=True)
class Drawn:
    """A body and what is known of it.

    Attributes:
        body: without simulated fractures.
        record: how it was made, as JSON takes it.
        scanned: it is a real scan, with a scanner's blur and noise.
    """

    body: Body
    record: dict[str, Any]
    scanned: bool = False


def check_body(spec: BodySpec) -> None:
    """Read the files of a body.

    Raises:
        InputError: one cannot be used.
    """
    if spec.kind == ATLAS:
        from ..bodies.atlas_labels import read_labels

        read_labels(Path(spec.file))
    elif spec.kind != PHANTOM:
        from .real_scans import read_files

        read_files(spec)


def draw_body(
    spec: BodySpec, settings: SimulationSettings, choice: np.random.Generator, shape: np.random.Generator
) -> Drawn:
    """One body.

    Args:
        spec: where it comes from.
        settings: ranges of spacing and the part of the chest.
        choice: of spacing and part.
        shape: of the body.

    Raises:
        InputError: its file cannot be used.
    """
    in_plane = float(choice.uniform(*settings.in_plane_mm))
    spacing = (in_plane, in_plane, float(choice.uniform(*settings.slice_mm)))
    part = HALVES[int(choice.integers(2))] if settings.part == "half" else settings.part
    if spec.kind == PHANTOM:
        return Drawn(*make_phantom(PhantomSettings(spacing, part, settings.heights_mm), shape))
    if spec.kind == ATLAS:
        from ..bodies.atlas import make_atlas_body
        from ..bodies.atlas_file import read_atlas

        return Drawn(*make_atlas_body(read_atlas(spec.file), spacing, part, settings.heights_mm, shape))
    from .real_scans import read_body

    return Drawn(read_body(spec), {"ct": spec.file, "part": "chest"}, scanned=True)
