"""What a user may choose about an evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from ..case.errors import InputError

SEED_FROC_CLASSES = frozenset({1, 2, 3, 4})
SEED_CASE_CLASSES = frozenset({1, 2, 3, 4, 7})


@dataclass(frozen=True)
class EvaluationOptions:
    """Choices that hold for every metric.

    Attributes:
        classes: classes of the ground truth that count; None takes the original's (spec 6): 1-4 for curves,
            1, 2, 3, 4 and 7 for the values of single scans. Lesions of unknown class always count.
        missing: `count` or `skip`, see `pairing`.
        use_masks: whether masks are opened where the metric can do without.
        replicates: bootstrap draws; 0 leaves intervals out.
        seed: of the bootstrap.
        title: of the data or the run, for tables and the report.
        data: one of `case.dataset.DATA_KINDS`.
    """

    classes: frozenset[int] | None = None
    missing: str = "count"
    use_masks: bool = True
    replicates: int = 1000
    seed: int = 0
    title: str = ""
    data: str = "unknown"

    def __post_init__(self) -> None:
        """Refuse numbers that no bootstrap takes.

        Raises:
            InputError: `replicates` or `seed` is negative.
        """
        if self.replicates < 0 or self.seed < 0:
            raise InputError(f"--bootstrap {self.replicates} and --seed {self.seed} must not be negative")

    @property
    def froc_classes(self) -> frozenset[int]:
        """Classes that count in pooled curves."""
        return SEED_FROC_CLASSES if self.classes is None else self.classes

    @property
    def case_classes(self) -> frozenset[int]:
        """Classes that count in the values of single scans."""
        return SEED_CASE_CLASSES if self.classes is None else self.classes

    @property
    def measured_on(self) -> dict[str, object]:
        """The part of the options that describes the data."""
        return {"title": self.title or "untitled", "data": self.data}
