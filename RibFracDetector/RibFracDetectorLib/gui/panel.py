"""The whole panel: its sections, and what the application tells it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..case.case_files import CaseFiles
from ..case.temporary_ct import remove_left_behind
from . import packages
from .detect_section import DetectSection
from .parameters import DetectorParameters
from .review_section import ReviewSection

PARAMETER = "SlicerParameterName"
VOLUME = "vtkMRMLScalarVolumeNode"


class Panel:
    """What `RibFracDetector.ui` shows.

    Args:
        widget: made of the `.ui` file.
        get_parameters: gives the parameters in the present scene.
    """

    def __init__(self, widget: Any, get_parameters: Callable[[], DetectorParameters]) -> None:
        remove_left_behind()
        self.ui = slicer.util.childWidgetVariables(widget)
        self._get_parameters = get_parameters
        self._parameters: DetectorParameters | None = None
        self._gui_tag: Any = None
        self._devices_asked = False
        # Later, when the volume is filled and shown, and what is being opened is open.
        self._choose_later = qt.QTimer()
        self._choose_later.setSingleShot(True)
        self._choose_later.setInterval(0)
        self._choose_later.connect("timeout()", self._volume_added)
        self.review = ReviewSection(self.ui, self.show_banner, lambda: self.detect.has(packages.REVIEWING))
        self.detect = DetectSection(self.ui, self._detected, self.show_banner)
        self.show_banner()

    def enter(self) -> None:
        """The user opens the module."""
        self._bind()
        self.review.enter()
        if not self._devices_asked:
            self._devices_asked = True
            self.detect.ask_devices()

    def exit(self) -> None:
        """The user leaves the module."""
        self.review.exit()
        self._unbind()

    def cleanup(self) -> None:
        """The panel goes away."""
        self._choose_later.stop()
        self.review.close()
        self.exit()
        self.detect.abandon()

    def scene_closes(self) -> None:
        """The scene's nodes are about to go; what was reviewed is in the case's files already."""
        self.review.close()
        self._unbind()

    def scene_is_ready(self) -> None:
        """A scene was closed, loaded or restored."""
        self._bind()
        self.review.scene_is_ready()

    def node_added(self, node: Any) -> None:
        """A node came into the scene; the first volume is chosen, unless a case is under review."""
        if node.GetClassName() == VOLUME:
            self._choose_later.start()

    def node_removed(self) -> None:
        """A node was taken out of the scene."""
        self.review.node_removed()

    def show_banner(self) -> None:
        """Say what has to be said about the model in use: no button takes it away."""
        text = self.review.banner or self.detect.banner
        self.ui.bannerLabel.visible = bool(text)
        self.ui.bannerLabel.text = text or ""
        self.ui.bannerLabel.setStyleSheet(
            "background: #ffd54f; color: #212121; font-weight: bold; padding: 6px; border-radius: 3px"
        )

    def _bind(self) -> None:
        self._unbind()
        self._parameters = self._get_parameters()
        self._choose_volume()
        # Not connectGui, which gives nothing back to undo it with.
        self._gui_tag = self._parameters.connectParametersToGui(self._parameter_widgets())
        self.detect.bind(self._parameters)

    def _choose_volume(self) -> None:
        if self._parameters.ctVolume is None:
            self._parameters.ctVolume = _active_volume()

    def _volume_added(self) -> None:
        between_scenes = self._parameters is None or slicer.mrmlScene.IsBatchProcessing()
        if not between_scenes and self.review.session is None:
            self._choose_volume()

    def _parameter_widgets(self) -> dict[str, Any]:
        """The widgets that show a parameter, by its name, as the `.ui` file says."""
        named = ((widget.property(PARAMETER), widget) for widget in vars(self.ui).values())
        return {name: widget for name, widget in named if name}

    def _unbind(self) -> None:
        if self._parameters is not None:
            self._parameters.disconnectGui(self._gui_tag)
            self._parameters = None
        self.detect.bind(None)

    def _detected(self, files: CaseFiles, node: Any) -> None:
        if not slicer.mrmlScene.IsNodePresent(node):
            text = _("The CT is no longer in the scene. The case is kept: open {file} with Open case.")
            self.detect.say(text.format(file=files.findings))
            return
        self.review.attempt(lambda: self.review.open(files, node))


def _active_volume() -> Any:
    """The volume in the slice views, else the first one."""
    selection = slicer.app.applicationLogic().GetSelectionNode()
    active = slicer.mrmlScene.GetNodeByID(selection.GetActiveVolumeID() or "")
    volumes = [active, *slicer.util.getNodesByClass(VOLUME)]
    # A labelmap is of that class, too, but not to be chosen.
    return next((node for node in volumes if node and node.GetClassName() == VOLUME), None)
