"""Which limits on the number of boxes were reached: a reader must know that something was cut off."""

from __future__ import annotations

from .boxes import ScoredBoxes


class Caps:
    """Collects the names and values of the limits that cut something off."""

    def __init__(self) -> None:
        self._reached: dict[str, int] = {}

    @property
    def reached(self) -> tuple[str, ...]:
        """The limits that were reached, as "name = value"."""
        return tuple(f"{name} = {limit}" for name, limit in sorted(self._reached.items()))

    def clear(self) -> None:
        """Forget all: the run that reached them was given up."""
        self._reached.clear()

    def reached_if(self, condition: bool, name: str, limit: int) -> None:
        """Remember the limit if the condition holds."""
        if condition:
            self._reached[name] = limit

    def best(self, detections: ScoredBoxes, name: str, limit: int) -> ScoredBoxes:
        """The best `limit` detections; remembers the limit when it cuts any off."""
        self.reached_if(len(detections) > limit, name, limit)
        return detections.best(limit)
