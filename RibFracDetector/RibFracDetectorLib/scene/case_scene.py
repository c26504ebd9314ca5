"""One review session in a scene: makes the nodes of a case, and keeps them as the session is.

The session decides, the nodes follow; what the user does to a node (a handle of a box, a mask in the Segment
Editor) is read back into the session as one undoable event, and comes back from there like any other change.
Each change of the session is brought to the nodes inside one `paused` block, so that views are drawn once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext

import vtk

from ..case.errors import InputError
from ..case.mask_patches import MaskPatch
from ..case.reviewed_case import file_sha256
from ..review.filtering import shown_ids
from ..review.open_case import Change
from ..review.rows import all_rows
from ..review.session import ReviewSession
from .boxes import FindingBoxes
from .case_nodes import CaseNodes
from .colors import color_of
from .ct import check_placeable, grid_of_node, lps_grid, to_world
from .observers import Observers
from .ownership import case_key, hide_others
from .read_back import ReadBack
from .record import noted_threshold, write_log, write_record, write_threshold
from .segments import FindingSegments, prepare_node
from .table import fill_table

Pause = Callable[[], AbstractContextManager[object]]


class CaseScene:
    """See the module; made by `show`, left by `close` or `remove`.

    Attributes:
        session: that the nodes follow.
        nodes: of the case, but for the boxes.
        is_following: False after `close`, or when the scene or a node of the case was taken away.
    """

    @classmethod
    def show(
        cls,
        scene: vtk.vtkObject,
        ct_node: vtk.vtkObject,
        session: ReviewSession,
        paused: Pause = nullcontext,
        on_refusal: Callable[[str], None] = lambda _: None,
    ) -> CaseScene:
        """Show a session in a scene, in nodes of its own or in those that a saved scene brought.

        Boxes are not made yet: see `make_boxes`.

        Args:
            ct_node: the volume node of the CT that the findings were made on.
            paused: a context in which views are not drawn, `slicer.util.RenderBlocker` in the application.
            on_refusal: told in one line when something that the user did to a node cannot be taken over.

        Raises:
            InputError: results cannot be placed on the volume, or it has another grid than the findings' CT.
        """
        check_placeable(ct_node)
        fault = session.case.ct.grid_fault(lps_grid(grid_of_node(ct_node)))
        if fault:
            raise InputError(f"the volume {ct_node.GetName()} is not the CT of these findings: {fault}")
        with paused():
            return cls(scene, ct_node, session, paused, on_refusal)

    def __init__(
        self,
        scene: vtk.vtkObject,
        ct_node: vtk.vtkObject,
        session: ReviewSession,
        paused: Pause,
        on_refusal: Callable[[str], None],
    ) -> None:
        self.session = session
        self._paused = paused
        self._editing: int | None = None
        key = case_key(session.case.case_id, file_sha256(session.files.findings))
        hide_others(scene, key)
        self.nodes = CaseNodes(scene, ct_node, key, session.case.case_id)
        self._boxes = FindingBoxes(scene, key, self.nodes.arrange)
        self._segments = FindingSegments(self.nodes.segmentation, session.grid, grid_of_node(ct_node))
        self._read_back = ReadBack(session, self._boxes, self._segments, on_refusal)
        self._observers = Observers()
        self._fill()
        self._observe(scene, ct_node)
        self._unsubscribe = session.subscribe(self._on_change)
        self.is_following = True

    def make_boxes(self, at_most: int | None = None) -> int:
        """Make the ROI nodes that the shown findings still lack, the best first.

        A ROI costs some milliseconds a view; a user interface makes a few whenever it is idle, after opening
        and when the slider rests. The slider itself never makes one.

        Args:
            at_most: how many to make now, None for all.

        Returns:
            how many are still to be made.
        """
        missing = [number for number in self.session.shown() if number not in self._boxes]
        now = missing if at_most is None else missing[:at_most]
        with self._paused():
            for number in now:
                self._make_box(number)
            self._update_view()
        return len(missing) - len(now)

    def box_node(self, finding_id: int) -> vtk.vtkObject | None:
        """The ROI node of a finding, None if it has not been made."""
        return self._boxes.node(finding_id)

    def world_center(self, finding_id: int) -> tuple[float, float, float]:
        """Where to jump: the middle of a finding's box in the world, under the CT's transform."""
        center = self.session.finding(finding_id).box_ras.center
        x, y, z = to_world(self.nodes.ct_node, center).tolist()
        return x, y, z

    def begin_mask_edit(self, finding_id: int) -> str:
        """Have a segment ready to be drawn in, and return its id, which the Segment Editor needs."""
        self.end_mask_edit()
        self.session.finding(finding_id)
        self._editing = finding_id
        with self._paused():
            name = self._segments.prepare(finding_id)
            self._paint([finding_id])
            self._segments.show(self._visible())
        return name

    def end_mask_edit(self) -> None:
        """Take what was drawn into the session, one event a segment; nothing happens if nothing was changed.

        The Segment Editor may have been turned to other segments, or drawn over them.
        """
        finding_id, self._editing = self._editing, None
        if finding_id is not None:
            self._take_masks()
            self._segments.draw(finding_id, self._mask(finding_id))

    def _take_masks(self) -> None:
        changed = self._read_back.take_masks()
        for number in changed:  # as it was, where the session refuses it
            self._segments.draw(number, self._mask(number))
        self._paint(changed)
        self._segments.show(self._visible())

    def close(self) -> None:
        """Stop following the session; the nodes stay. Again does nothing."""
        self.is_following = False
        self._unsubscribe()
        self._observers.remove_all()

    def remove(self) -> None:
        """Take the nodes of the case out of the scene."""
        self.close()
        with self._paused():
            self._boxes.remove(self._boxes.ids)
            self.nodes.remove()

    # Filling

    def _fill(self) -> None:
        session = self.session
        noted = noted_threshold(self.nodes.log, session)
        if noted is not None:
            session.set_threshold(noted)
        write_record(self.nodes.record, session)
        prepare_node(self.nodes.segmentation, self.nodes.ct_node)
        self.nodes.segmentation.SetDisplayVisibility(True)
        self._build_segments()
        for number in self._boxes.ids:
            self._observe_box(number)
        self._update_findings(self._seen() | self._boxes.ids)
        self._update_rest()
        self._update_view()

    def _build_segments(self) -> None:
        """The model's masks and boxes, unless nobody may see them yet."""
        if self.session.findings_hidden:
            self._segments.build({}, ())
        else:
            found = self.session.case.findings
            boxes = [finding.box_voxels for finding in found if finding.head in ("det", "both")]
            self._segments.build(self.session.model_masks, boxes)

    def _make_box(self, finding_id: int) -> None:
        if finding_id not in self._boxes:
            finding = self.session.finding(finding_id)
            self._boxes.make(finding_id, finding.box_ras, color_of(finding))
            self._observe_box(finding_id)

    # Following the session

    def _on_change(self, change: Change) -> None:
        with self._paused():
            if change.kind == "findings":
                self._update_findings(change.findings)
            elif change.kind == "case":
                self._build_segments()
                self._update_findings(self._seen())
            elif change.kind == "threshold":
                write_threshold(self.nodes.log, self.session)
            else:
                self._change_active(change.findings)
            if change.kind in ("findings", "case"):
                self._update_rest()
            self._update_view()

    def _change_active(self, finding_ids: frozenset[int]) -> None:
        """A box that was changed other than by its handles is taken over when the reader leaves it."""
        for number in finding_ids & self._seen():
            self._read_back.take_box(number)
        if self.session.active is not None:
            self._make_box(self.session.active)

    def _update_findings(self, finding_ids: frozenset[int]) -> None:
        """Masks, boxes and colours of some findings; what must not be there is taken away."""
        present = finding_ids & self._seen()
        self._boxes.remove(finding_ids - present)
        for number in finding_ids - present:
            self._segments.draw(number, None)
        for number in present:
            finding = self.session.finding(number)
            self._segments.draw(number, self._mask(number))
            if finding.model is None:
                self._make_box(number)
            self._boxes.place(number, finding.box_ras)
        self._paint(present)

    def _paint(self, finding_ids: Collection[int]) -> None:
        for number in finding_ids:
            color, location = color_of(self.session.finding(number)), self.session.location(number)
            self._segments.paint(number, color, location.side if location else "")
            self._boxes.paint(number, color)

    def _update_rest(self) -> None:
        """Table and log."""
        fill_table(self.nodes.table, all_rows(self.session), self.session.banner or "")
        write_log(self.nodes.log, self.session)

    def _update_view(self) -> None:
        """What is visible, and which box has handles."""
        visible = self._visible()
        self._segments.show(visible)
        self._boxes.show(visible)
        self._boxes.activate(self.session.active, editable=not self.session.state.complete)

    def _visible(self) -> frozenset[int]:
        return frozenset(self.session.shown())

    def _seen(self) -> frozenset[int]:
        """The findings that may be in the scene at all."""
        return frozenset(shown_ids(self.session.state, 0.0))

    def _mask(self, finding_id: int) -> MaskPatch | None:
        """What the segment of a finding holds; the one that is drawn in keeps its segment when empty."""
        mask = self.session.mask(finding_id)
        return MaskPatch.empty() if mask is None and finding_id == self._editing else mask

    # What the user does to the nodes

    def _observe(self, scene: vtk.vtkObject, ct_node: vtk.vtkObject) -> None:
        add = self._observers.add
        add(scene, scene.StartSaveEvent, lambda _: self._before_saving())
        add(scene, scene.StartCloseEvent, lambda _: self.close())
        add(ct_node, ct_node.TransformModifiedEvent, lambda _: self._follow_transform())
        self._observers.add_for_nodes(scene, scene.NodeAboutToBeRemovedEvent, self._on_removal)

    def _observe_box(self, finding_id: int) -> None:
        node = self._boxes.node(finding_id)
        released = node.PointEndInteractionEvent
        self._observers.add(node, released, lambda _: self._read_back.take_box(finding_id))

    def _before_saving(self) -> None:
        """Take over what is still in the user's hands, where the application announces that it saves."""
        if self._editing is not None:
            self._take_masks()
        if self.session.active is not None:
            self._read_back.take_box(self.session.active)
        self.session.save()
        write_log(self.nodes.log, self.session)

    def _follow_transform(self) -> None:
        transform = self.nodes.ct_node.GetParentTransformNode()
        if transform is None or transform.IsTransformToWorldLinear():
            for node in (*self.nodes.all, *map(self._boxes.node, self._boxes.ids)):
                self.nodes.arrange(node)

    def _on_removal(self, node: vtk.vtkObject) -> None:
        if node in (*self.nodes.all, self.nodes.ct_node):
            self.close()
        else:
            self._boxes.forget(node)
