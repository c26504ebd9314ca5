"""From nodes that the user changed back into the session, as events that can be undone.

What the session refuses is put back as it was, and the reason is told in one line.
"""

from __future__ import annotations

from collections.abc import Callable

from ..case.errors import InputError
from ..review.session import ReviewSession
from .boxes import FindingBoxes, box_of, is_same_box
from .segments import FindingSegments


class ReadBack:
    """Reads boxes and masks of one case.

    Args:
        session: that is told.
        boxes, segments: that are read.
        on_refusal: told what could not be taken over.
    """

    def __init__(
        self,
        session: ReviewSession,
        boxes: FindingBoxes,
        segments: FindingSegments,
        on_refusal: Callable[[str], None],
    ) -> None:
        self._session = session
        self._boxes = boxes
        self._segments = segments
        self._on_refusal = on_refusal

    def take_box(self, finding_id: int) -> None:
        """Take over where a ROI is now."""
        node = self._boxes.node(finding_id)
        finding = self._session.finding(finding_id)
        if node is None or is_same_box(box_of(node), finding.box_ras):
            return
        try:
            self._session.edit_box_ras(finding_id, box_of(node))
        except InputError as error:
            self._on_refusal(str(error))
        # Where the session has it: cut at the border of the CT, or as it was.
        self._boxes.place(finding_id, self._session.finding(finding_id).box_ras)

    def take_masks(self) -> list[int]:
        """Take over what was drawn in the segments, and return the findings whose segments had changed.

        A segment that the user removed counts as no change.
        """
        changed = self._segments.changed()
        for number in changed:
            try:
                self._session.edit_mask(number, self._segments.read(number))
            except InputError as error:
                self._on_refusal(str(error))
        return changed
