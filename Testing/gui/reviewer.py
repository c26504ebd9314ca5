"""A reader at work on a stored case, by keys and clicks."""

from __future__ import annotations

from typing import Any

import slicer_host
from ribfrac_testing.review_cases import StoredCase

# Where nothing is found: voxels k, j, i of the stored case.
CORNER = (slice(40, 44), slice(5, 9), slice(5, 9))


class Reviewer:
    """A reader at work on a stored case."""

    def __init__(self, panel: Any, stored: StoredCase, node: Any) -> None:
        self.panel, self.stored, self.node = panel, stored, node
        self.ui = panel.ui
        self.window = slicer_host.main_window()
        self.window.setFocus()
        panel.review.open(stored.files, node)
        self.ui.thresholdSlider.value = 0.0

    @property
    def session(self) -> Any:
        """The open review."""
        return self.panel.review.session

    def press(self, *keys: str) -> None:
        """Press keys in the main window."""
        for key in keys:
            slicer_host.press(self.window, key)

    def column(self, number: int) -> list[str]:
        """What a column of the table says."""
        table = self.ui.findingsTable
        return [table.item(row, number).text() for row in range(table.rowCount)]

    def changes(self) -> list[str]:
        """The kinds of events about findings, as the log has them."""
        return [event.kind for event in self.session.events if "finding" in event.payload]

    def point_at(self, voxel: tuple[float, float, float]) -> None:
        """Put the crosshair on a voxel."""
        import slicer.util

        place = self.session.grid.index_to_ras(voxel).tolist()
        slicer.util.getNode("Crosshair").SetCrosshairRAS(place)

    def draw(self, segment: str, place: tuple[slice, slice, slice]) -> int:
        """Fill a block (k, j, i) of a segment, as the Segment Editor does; how many voxels it has then."""
        import slicer.util

        segmentation = self.panel.review._case.scene.nodes.segmentation
        voxels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, self.node)
        voxels[place] = voxels.max() or 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, segmentation, segment, self.node)
        return int((voxels != 0).sum())

    def selected(self) -> int:
        """The selected row."""
        (row,) = {item.row() for item in self.ui.findingsTable.selectedItems()}
        return row
