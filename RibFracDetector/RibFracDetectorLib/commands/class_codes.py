"""What the class codes of ground truth mean, for the help of commands that read it."""

from __future__ import annotations

from ..case.review_events import FRACTURE_CLASSES

_NAMED = ", ".join(f"{code} {name}" for code, name in enumerate(FRACTURE_CLASSES, start=1))
CLASS_CODES = f"""\
classes: {_NAMED}; 7 healed, in simulated data alone. RibFrac's public
labels are 1 to 4, and -1 where no class is stated.
"""
