"""The segmentation of a case: a segment for every finding that has a mask, and one for the model's boxes.

Masks of the model do not overlap and share one labelmap, so 300 findings take the memory of one. A mask that
the reader drew may overlap others and gets a labelmap of its own. Segments keep their ids for good.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import slicer
import vtk

from ..case.geometry import Grid
from ..case.mask_patches import MaskPatch
from . import terminology
from .colors import Color
from .labelmaps import erase, labelmap_of, patch_of, patches_in

PREFIX = "RibFrac_"
BOXES = "RibFrac_boxes"
_BOXES_COLOR: Color = (0.95, 0.75, 0.30)


def segment_id(finding_id: int) -> str:
    """The id of the segment of a finding."""
    return f"{PREFIX}{finding_id}"


def prepare_node(node: vtk.vtkObject, ct_node: vtk.vtkObject) -> None:
    """Give a new segmentation node the CT's grid and a look that leaves the bone visible."""
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(ct_node)
    node.GetSegmentation().SetSourceRepresentationName(_labelmap_name())
    display = node.GetDisplayNode()
    display.SetOpacity2DFill(0.15)
    display.SetOpacity2DOutline(1.0)


class FindingSegments:
    """The segments in one segmentation node.

    Args:
        node: vtkMRMLSegmentationNode, see `prepare_node`.
        lps: LPS grid of the CT.
        node_grid: the same voxels along the axes of the CT's node.
    """

    def __init__(self, node: vtk.vtkObject, lps: Grid, node_grid: Grid) -> None:
        self.node = node
        self._lps = lps
        self._node_grid = node_grid
        # What each segment is known to hold, so that nothing is drawn twice.
        self._drawn: dict[int, MaskPatch] = {}

    def build(self, shared: Mapping[int, MaskPatch], boxes: Collection[tuple[float, ...]]) -> None:
        """Replace all segments of ours: the model's masks, and one segment for boxes in voxels."""
        segmentation = self.node.GetSegmentation()
        for place in reversed(range(segmentation.GetNumberOfSegments())):
            name = segmentation.GetNthSegmentID(place)
            if name.startswith(PREFIX):
                segmentation.RemoveSegment(name)
        self._drawn = dict(shared)
        if boxes:
            image = labelmap_of({1: _painted(boxes, self._lps)}, self._lps, self._node_grid)
            self._add(BOXES, "Boxes of the model", image, 1, _BOXES_COLOR)
        if shared:
            image = labelmap_of(shared, self._lps, self._node_grid)
            for number in sorted(shared):
                self._add(segment_id(number), f"Fracture {number}", image, number, _BOXES_COLOR)

    def draw(self, finding_id: int, mask: MaskPatch | None) -> None:
        """Make a segment hold a mask; None takes the segment away."""
        if self._drawn.get(finding_id) == mask and self._has(finding_id) == (mask is not None):
            return
        self._remove(finding_id)
        if mask is not None:
            self._drawn[finding_id] = mask
            image = labelmap_of({1: mask}, self._lps, self._node_grid)
            self._add(segment_id(finding_id), f"Fracture {finding_id}", image, 1, _BOXES_COLOR)

    def prepare(self, finding_id: int) -> str:
        """The id of a finding's segment to draw in; it is made if the finding has none."""
        if not self._has(finding_id):
            self.draw(finding_id, self._drawn.get(finding_id) or MaskPatch.empty())
        return segment_id(finding_id)

    def changed(self) -> list[int]:
        """The findings whose segments hold other voxels than were put into them."""
        held: dict[vtk.vtkObject, dict[int, MaskPatch | None]] = {}
        found = []
        for number, mask in self._drawn.items():
            segment = self._segment(segment_id(number))
            image = segment.GetRepresentation(_labelmap_name()) if segment is not None else None
            if image is None:  # removed, or turned into a surface
                continue
            if image not in held:
                held[image] = patches_in(image, self._lps)
            now = held[image].get(segment.GetLabelValue(), MaskPatch.empty())
            if now != MaskPatch.of(mask.voxels, mask.start):
                found.append(number)
        return found

    def read(self, finding_id: int) -> MaskPatch | None:
        """What a segment holds now, after the Segment Editor for example; None if there is none.

        Raises:
            InputError: it was drawn on another grid, or reaches out of the CT.
        """
        segment = self._segment(segment_id(finding_id))
        image = segment.GetRepresentation(_labelmap_name()) if segment else None
        if image is None:
            return None
        self._drawn.pop(finding_id, None)  # unknown, should the next line fail
        self._drawn[finding_id] = patch_of(image, segment.GetLabelValue(), self._lps)
        return self._drawn[finding_id]

    def paint(self, finding_id: int, color: Color, side: str) -> None:
        """Colour a segment, and say in codes what it shows."""
        segment = self._segment(segment_id(finding_id))
        if segment is not None:
            terminology.describe(segment, side)
            if segment.GetColor() != color:
                segment.SetColor(*color)

    def show(self, finding_ids: Collection[int]) -> None:
        """Show the segments of these findings and no other of ours, as one modification of the node."""
        display = self.node.GetDisplayNode()
        wanted = {number: number in finding_ids for number in self._drawn}
        was_modifying = display.StartModify()
        for number, visible in wanted.items():
            name = segment_id(number)
            if display.GetSegmentVisibility(name) != visible:
                display.SetSegmentVisibility(name, visible)
        if self._segment(BOXES) is not None and display.GetSegmentVisibility(BOXES):
            display.SetSegmentVisibility(BOXES, False)
        display.EndModify(was_modifying)

    def _segment(self, name: str) -> vtk.vtkObject | None:
        return self.node.GetSegmentation().GetSegment(name)

    def _has(self, finding_id: int) -> bool:
        """False also after the user removed the segment."""
        return self._segment(segment_id(finding_id)) is not None

    def _add(self, name: str, title: str, image: vtk.vtkObject, label: int, color: Color) -> None:
        segment = slicer.vtkSegment()
        segment.SetName(title)
        segment.SetColor(*color)
        segment.SetLabelValue(label)
        segment.AddRepresentation(_labelmap_name(), image)
        terminology.describe(segment)
        self.node.GetSegmentation().AddSegment(segment, name)

    def _remove(self, finding_id: int) -> None:
        self._drawn.pop(finding_id, None)
        segmentation = self.node.GetSegmentation()
        segment = segmentation.GetSegment(segment_id(finding_id))
        if segment is None:
            return
        if segmentation.IsSharedBinaryLabelmap(segment_id(finding_id)):
            erase(segment.GetRepresentation(_labelmap_name()), segment.GetLabelValue())
        segmentation.RemoveSegment(segment_id(finding_id))


def _labelmap_name() -> str:
    return slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()


def _painted(boxes: Collection[tuple[float, ...]], lps: Grid) -> MaskPatch:
    """The voxels whose centre lies in any of the boxes."""
    top = np.asarray(lps.size) - 1
    spans = [
        (
            np.clip(np.ceil(box[:3]), 0, top).astype(int),
            np.clip(np.floor(box[3:]), 0, top).astype(int) + 1,
        )
        for box in boxes
    ]
    low = np.min([first for first, _ in spans], axis=0)
    high = np.max([last for _, last in spans], axis=0)
    mask = np.zeros(high - low, bool)
    for first, last in spans:
        mask[tuple(slice(a, b) for a, b in zip(first - low, last - low, strict=True))] = True
    return MaskPatch.of(mask, low)
