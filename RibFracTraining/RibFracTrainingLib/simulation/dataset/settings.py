"""What a simulated data set holds."""

from __future__ import annotations

from dataclasses import dataclass

from RibFracDetectorLib.case.errors import InputError

from ..lesions.fracture import LABELS, SEGMENTAL

LAYOUTS = ("nifti", "cache", "both")
HALVES = ("right", "left")
PARTS = ("chest", "half", *HALVES)
SPLITS = ("training", "test")
MOST_IN_A_CASE = 10_000
"""Of fractures, imitators or shams; no chest has room for so many."""
LARGEST_SEED = 2**63 - 1
FARTHEST_MM = 1000.0
"""Of heights from the middle; a scan is no higher, and memory has an end."""
PHANTOM, ATLAS, CT = "phantom", "atlas", "ct"
Range = tuple[float, float]


@dataclass(frozen=True)
class BodySpec:
    """Where bodies come from.

    Attributes:
        kind: "phantom", "atlas" or "ct".
        file: of the atlas or the scan.
        ribs: mask of the ribs of a scan; empty where they are to be found.
    """

    kind: str
    file: str = ""
    ribs: str = ""

    @classmethod
    def parse(cls, text: str) -> BodySpec:
        """`phantom`, `atlas:FILE` or `ct:FILE[,ribs:FILE]`.

        Raises:
            InputError: anything else.
        """
        kind, _, rest = text.partition(":")
        file, _, ribs = rest.partition(",ribs:")
        if (kind == PHANTOM and not rest) or (kind in (ATLAS, CT) and file and (kind == CT or not ribs)):
            return cls(kind, file, ribs)
        raise InputError(f"--body {text!r}: expected phantom, atlas:FILE or ct:FILE[,ribs:FILE]")

    def __str__(self) -> str:
        return (
            self.kind + (f":{self.file}" if self.file else "") + (f",ribs:{self.ribs}" if self.ribs else "")
        )


@dataclass(frozen=True)
class SimulationSettings:
    """A data set; together with a case's number this is all that the case depends on.

    Attributes:
        training, test: cases in each split. The splits draw from separate streams, so a test case of any
            seed is never a training case of any other. Real scans show the same patients in both.
        seed: of everything.
        bodies: dealt out to the cases in turn.
        part: the whole "chest", its "right" or "left" half, or a "half" by chance.
        fractures: least and greatest number in a case.
        kinds: of the fractures, some of `fracture.LABELS`, in the shares of `planning.EVEN_MIX`.
        fracture_free: share of cases without any.
        imitators: least and greatest number of grooves, joints and flecks of chalk that look like fractures.
        shams: least and greatest number of insertions without a fracture.
        slice_faults: share of cases with a band of slices that moved, and of those with an averaged slice.
        heights_mm: what is painted of a phantom or an atlas, from the middle of the seventh thoracic vertebra
            or of the ribs upwards; None for all ribs.
        in_plane_mm, slice_mm: ranges of the spacing.
    """

    training: int
    test: int = 0
    seed: int = 0
    bodies: tuple[BodySpec, ...] = (BodySpec(PHANTOM),)
    part: str = "chest"
    fractures: tuple[int, int] = (6, 14)
    kinds: tuple[str, ...] = tuple(LABELS)
    fracture_free: float = 0.1
    imitators: tuple[int, int] = (2, 6)
    shams: tuple[int, int] = (0, 2)
    slice_faults: float = 0.1
    heights_mm: Range | None = None
    in_plane_mm: Range = (0.65, 0.85)
    slice_mm: Range = (0.9, 2.1)

    def __post_init__(self) -> None:
        if min(self.training, self.test) < 0 or self.training + self.test < 1 or not self.bodies:
            raise InputError(f"expected at least one case and one body, not {self.training} and {self.test}")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise InputError(f"seed {self.seed}: expected a number from 0 to {LARGEST_SEED}")
        for name in ("fractures", "imitators", "shams"):
            low, high = getattr(self, name)
            if not 0 <= low <= high <= MOST_IN_A_CASE:
                raise InputError(
                    f"{name} {low}-{high}: expected an increasing range within 0 to {MOST_IN_A_CASE}"
                )
        if not self.kinds or set(self.kinds) - set(LABELS):
            raise InputError(f"kinds {', '.join(self.kinds)}: expected some of {', '.join(LABELS)}")
        if set(self.kinds) == {SEGMENTAL} and self.fractures[1] == 1:
            raise InputError(
                f"fractures {self.fractures[0]}-1 of the kind {SEGMENTAL}: it has two breaks, which count as "
                "two; expected a greatest number of 2 or more, or another kind besides"
            )
        if not 0 <= self.fracture_free <= 1 or not 0 <= self.slice_faults <= 1:
            raise InputError(f"shares {self.fracture_free} and {self.slice_faults}: expected 0 to 1")
        if self.heights_mm is not None:
            _check_heights(*self.heights_mm)
        for low, high in (self.in_plane_mm, self.slice_mm):
            if not 0.3 <= low <= high <= 5:
                raise InputError(f"spacing {low:g}-{high:g} mm: expected an increasing range within 0.3 to 5")
        if self.part not in PARTS:
            raise InputError(f"part {self.part!r}: expected one of {', '.join(PARTS)}")

    @property
    def cases(self) -> list[tuple[str, int]]:
        """Split and number of every case."""
        counts = zip(SPLITS, (self.training, self.test), strict=True)
        return [(split, number) for split, count in counts for number in range(count)]

    def body(self, number: int) -> BodySpec:
        """Where the body of a case comes from, by the number of the case."""
        return self.bodies[number % len(self.bodies)]

    def case_id(self, split: str, number: int) -> str:
        """Name of a case, which tells its seed and split."""
        return f"sim{self.seed}_{split}_{number:04d}"


def _check_heights(low: float, high: float) -> None:
    if not -FARTHEST_MM <= low <= low + 20 <= high <= FARTHEST_MM:
        raise InputError(
            f"heights {low:g} to {high:g} mm: expected a range of 20 mm at least within {-FARTHEST_MM:g} to "
            f"{FARTHEST_MM:g} mm"
        )
