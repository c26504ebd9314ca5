"""Everything wrong with a data set, told at once."""

from __future__ import annotations

from collections.abc import Sequence

from RibFracDetectorLib.case.errors import InputError


class DatasetError(InputError):
    """A data set cannot be used.

    Attributes:
        problems: one line each, naming the file, what is expected and what to do.
    """

    def __init__(self, where: object, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{where}: {count}: " + "; ".join(problems))
