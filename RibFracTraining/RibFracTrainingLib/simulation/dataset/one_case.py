"""One simulated case, a pure function of the settings, the split and the number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.geometry import Grid

from ..lesions.insertion import insert_fractures
from ..lesions.planning import EVEN_MIX, plan_fractures
from ..scanner import draw_scanner, scan
from .bodies import Drawn, draw_body
from .distractions import asked_for, with_faults, with_imitators
from .settings import SPLITS, SimulationSettings


@dataclass(frozen=True)
class SimulatedCase:
    """A scan with its truth.

    Attributes:
        case_id: its name.
        image: int16 HU [x, y, z].
        instances: uint16 [x, y, z], 0 or the number of a lesion.
        labels: class of each instance.
        grid: of both.
        record: everything that was drawn, as JSON takes it; where the ribs had no room for all,
            `fractures_asked_for`, `shams_asked_for` or `imitators_asked_for` tells the number.
    """

    case_id: str
    image: NDArray[np.int16]
    instances: NDArray[np.uint16]
    labels: dict[int, int]
    grid: Grid
    record: dict[str, Any]


def simulate_case(settings: SimulationSettings, split: str, number: int) -> SimulatedCase:
    """Make one case.

    Raises:
        InputError: a file of the bodies cannot be used.
    """
    # The split is part of the key: no seed makes a training case equal to a test case.
    key = np.random.SeedSequence(settings.seed, spawn_key=(SPLITS.index(split), number))
    choice, shape, fault_rng, plan_rng, lesion_rng, scan_rng = (
        np.random.default_rng(part) for part in key.spawn(6)
    )
    drawn = draw_body(settings.body(number), settings, choice, shape)
    count = _count(settings, choice)
    body, distractions = with_faults(drawn.body, settings, fault_rng)
    mix = {kind: EVEN_MIX[kind] for kind in settings.kinds}
    plan = plan_fractures(body, count, plan_rng, mix) if count else ()
    body, look_alikes = with_imitators(body, settings, plan, fault_rng)
    made = insert_fractures(body, plan, lesion_rng)
    image, protocol = _scanned(drawn, made.hu, scan_rng)
    shown = set(np.unique(made.instances).tolist())
    labels = {value: label for value, label in made.labels.items() if value in shown}
    record = {
        "seed": [settings.seed, split, number],
        **drawn.record,
        "spacing": list(drawn.body.spacing),
        "scanner": protocol,
        **distractions,
        **look_alikes,
        "fractures": {str(value): asdict(fracture) for value, fracture in enumerate(made.records, start=1)},
        **asked_for("fractures", len(labels), count),
    }
    grid = Grid(image.shape, drawn.body.spacing)
    return SimulatedCase(settings.case_id(split, number), image, made.instances, labels, grid, record)


def _count(settings: SimulationSettings, choice: np.random.Generator) -> int:
    low, high = settings.fractures
    count = int(choice.integers(low, high + 1))
    return 0 if choice.random() < settings.fracture_free else count


def _scanned(
    drawn: Drawn, hu: NDArray[np.float32], generator: np.random.Generator
) -> tuple[NDArray[np.int16], dict[str, float] | None]:
    """The image, and the protocol; a real scan has been through a scanner already."""
    if drawn.scanned:
        return np.clip(np.rint(hu), -32768, 32767).astype(np.int16), None
    scanner = draw_scanner(generator, drawn.body.spacing[2])
    return scan(hu, drawn.body.spacing, scanner, generator), asdict(scanner)
