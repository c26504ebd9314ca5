"""One open case: its session, its nodes in the scene, and the views that look at it."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..case.case_files import CaseFiles
from ..case.errors import InputError
from ..review.session import Change, ReviewSession
from ..scene.case_scene import CaseScene
from ..scene.ct import from_world
from ..scene.slice_views import SliceViews

# A box costs some milliseconds a view, so they are made in small portions when nothing else is to be done.
REST_MS = 300
BOXES_AT_ONCE = 5


class CaseOnScreen:
    """Keeps the views at the active finding, and makes boxes when the threshold rests.

    Attributes:
        session: the review.
        scene: its nodes.
    """

    def __init__(self, session: ReviewSession, scene: CaseScene) -> None:
        self.session, self.scene = session, scene
        self._views: SliceViews | None = None
        self._idle = qt.QTimer()
        self._idle.setSingleShot(True)
        self._idle.connect("timeout()", self._make_boxes)
        self._unsubscribe = session.subscribe(self._changed)
        self._idle.start(REST_MS)

    @property
    def files(self) -> CaseFiles:
        """The case's files."""
        return self.session.files

    @property
    def ct_node(self) -> Any:
        """The volume that the findings lie on."""
        return self.scene.nodes.ct_node

    def take_views(self) -> None:
        """Show the CT in all slice views as fractures are looked for."""
        if self._views is None:
            self._views = SliceViews(slicer.util.getNodesByClass("vtkMRMLSliceNode"))
            self._views.enter(self.ct_node)
            self._jump()

    def give_views_back(self) -> None:
        """Leave the views as they were before."""
        if self._views is not None:
            views, self._views = self._views, None
            views.leave()

    def crosshair_voxel(self) -> tuple[float, float, float]:
        """Where the crosshair is, in voxels of the CT.

        Not where the mouse is: on its way to a button it crosses other places.

        Raises:
            InputError: outside of the CT.
        """
        grid = self.session.grid
        place = slicer.util.getNode("Crosshair").GetCrosshairRAS()
        x, y, z = grid.ras_to_index(from_world(self.ct_node, place)).tolist()
        if not all(-0.5 <= at < size - 0.5 for at, size in zip((x, y, z), grid.size, strict=True)):
            advice = _("move the mouse to the fracture with Shift held, then mark it.")
            raise InputError(_("The crosshair is outside of the volume; ") + advice)
        return x, y, z

    @property
    def is_on_screen(self) -> bool:
        """False once the CT or one of the case's nodes was taken out of the scene."""
        return self.scene.is_following

    def close(self) -> None:
        """Give everything back; the nodes stay in the scene.

        Raises:
            InputError: the edited masks cannot be written yet, see `ReviewSession.close`.
        """
        self._idle.stop()
        self.give_views_back()
        self._unsubscribe()
        self.scene.close()
        self.session.close()

    def _changed(self, change: Change) -> None:
        if change.kind == "active":
            self._jump()
        else:
            self._idle.start(REST_MS)

    def _jump(self) -> None:
        if self._views is not None and self.session.active is not None:
            self._views.jump(self.scene.world_center(self.session.active))

    def _make_boxes(self) -> None:
        if self.scene.make_boxes(BOXES_AT_ONCE):
            self._idle.start(0)
