"""From the classes in label files to those of the detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN = -1
"""A fracture whose class nobody has stated: RibFrac's label_code -1. Positive, of no known class."""

PUBLISHED_MAP: dict[int, int | None] = {1: 0, 2: 0, 3: 0, 4: 0, 7: 0}
"""The published system knows one class, "fracture" (spec 2)."""


@dataclass(frozen=True)
class ClassMap:
    """Which class of the detector each class of the label files is.

    Attributes:
        label_map: from the 1-based class of a label file to the detector's 0-based class; None leaves the
            lesions of that class out, as background.
    """

    label_map: Mapping[int, int | None] = field(default_factory=lambda: dict(PUBLISHED_MAP))

    def __contains__(self, label: int) -> bool:
        return label == UNKNOWN or label in self.label_map

    def detector_class(self, label: int) -> int | None:
        """The 0-based class, `UNKNOWN` where none is stated, None for a lesion that is left out.

        Raises:
            KeyError: the map does not name the class; see `split.open_split`.
        """
        return UNKNOWN if label == UNKNOWN else self.label_map[label]

    @property
    def known(self) -> str:
        """The classes of the map, for messages."""
        return ", ".join(str(label) for label in sorted(self.label_map))
