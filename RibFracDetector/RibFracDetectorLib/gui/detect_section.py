"""The sections Inputs and Detect: from a choice of CT and model to the files of a case.

`_show` maps the state to every widget, in one place; nothing else enables, hides or renames a widget here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ..case.banners import BANNERS
from ..case.case_files import CaseFiles
from ..case.errors import RibFracError
from . import dialogs, packages, preflight
from .advanced import AdvancedSection
from .detection import Detection, DetectionEnding, Progress, progress_line
from .device_query import DeviceQuery
from .diagnostics import diagnostics
from .engine_command import DetectionOptions
from .installation import Installation
from .known_names import KnownNames
from .log_view import LogView
from .model_choice import ModelChoice
from .parameters import DetectorParameters
from .preferences import Preferences
from .standby import Standby

LOOK_DELAY_MS = 100


class State(Enum):
    """What the section is doing."""

    READY = "ready"
    INSTALLING = "installing"
    DETECTING = "detecting"
    CANCELLING = "cancelling"


class DetectSection:
    """Inputs, pre-flight, Detect and Cancel, progress, log.

    Args:
        ui: the panel's widgets.
        on_finished: gets the files of a finished case and the volume node that it was made of, which may
            have left the scene.
        on_banner: called when what has to be said about the model may have changed.
    """

    def __init__(
        self, ui: Any, on_finished: Callable[[CaseFiles, Any], None], on_banner: Callable[[], None]
    ) -> None:
        self._ui = ui
        self._on_finished, self._on_banner = on_finished, on_banner
        self._preferences = Preferences()
        self._parameters: DetectorParameters | None = None
        self._state = State.READY
        self._job: Detection | Installation | None = None
        self._node: Any = None
        self._query: DeviceQuery | None = None
        self._answer: dict[str, Any] | None = None
        self._devices = preflight.DeviceReport(_("asking the engine …"))
        self._volume: preflight.VolumeReport | None = None
        self._log = LogView(ui)
        self._names = KnownNames()
        self._standby = Standby(self._log.add)
        self._models = ModelChoice(ui, self._model_chosen)
        self._advanced = AdvancedSection(ui, self._models, self.ask_devices, self._choices_changed)
        self._look_later = qt.QTimer()
        self._look_later.setSingleShot(True)
        self._look_later.setInterval(LOOK_DELAY_MS)
        self._look_later.connect("timeout()", self._look_at_volume)
        ui.caseFolderButton.directory = self._preferences.case_folder
        ui.caseFolderButton.connect("directoryChanged(QString)", self._folder_chosen)
        ui.ctSelector.connect("currentNodeChanged(vtkMRMLNode*)", lambda _node: self.volume_changed())
        ui.detectButton.connect("clicked()", self._clicked)
        ui.copyDiagnosticsButton.connect("clicked()", self._copy_diagnostics)
        self.say("")
        self._show()

    @property
    def banner(self) -> str | None:
        """What has to be said about the chosen model."""
        entry = self._models.entry
        return BANNERS.get(entry.training_data.kind) if entry else None

    def bind(self, parameters: DetectorParameters | None) -> None:
        """Show the choices of a scene; None between two scenes."""
        if self._parameters is not None:
            self._parameters.RemoveObserver(self._observation)
        self._parameters = None  # what the scene holds is shown, which is no choice of the user's
        if parameters is not None:
            self._models.choose(parameters.model)
            self._observation = parameters.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())
        self._parameters = parameters
        self._advanced.bind(parameters)
        self.volume_changed()

    def ask_devices(self) -> None:
        """Find out what the engine could use, if its packages are there."""
        if self._query is not None:
            self._query.abandon()
        self._query = None
        if not self._preferences.engine_python and packages.missing(packages.DETECTING):
            self._devices = preflight.DeviceReport(_("known once the missing packages are installed"))
        else:
            self._devices = preflight.DeviceReport(_("asking the engine …"))
            self._query = DeviceQuery(self._devices_known)
            self._query.start()
        self._show()

    def volume_changed(self) -> None:
        """Another volume is chosen, or it was modified: look at it when the event loop has time."""
        self._volume = None
        self._look_later.start()
        self._show()

    def abandon(self) -> None:
        """Stop everything that runs: the panel goes away."""
        self._look_later.stop()
        for running in (self._job, self._query):
            if running is not None:
                running.abandon()
        self._standby.abandon()

    def _look_at_volume(self) -> None:
        node = self._ui.ctSelector.currentNode()
        self._volume = preflight.report_volume(node) if node is not None else None
        self._show()

    def _devices_known(self, answer: dict[str, Any] | None, reason: str) -> None:
        self._answer = answer
        self._devices = preflight.report_devices(answer, reason)
        self._advanced.offer_devices(self._devices.names)
        self._show()

    def _model_chosen(self, weights: str) -> None:
        if self._parameters is not None:
            self._parameters.model = weights
        self._advanced.model_chosen()
        self._on_banner()
        self._choices_changed()

    def _choices_changed(self) -> None:
        self._standby.abandon()
        self._show()

    def _folder_chosen(self, folder: str) -> None:
        self._preferences.case_folder = folder

    def _clicked(self) -> None:
        if self._state is State.READY:
            self._begin()
        elif self._state is not State.CANCELLING:
            self._enter(State.CANCELLING)
            self._job.cancel()

    def _begin(self) -> None:
        # The application shows the findings, whichever Python finds them.
        if not self.has(packages.REVIEWING if self._preferences.engine_python else packages.DETECTING):
            return
        self.say("")
        self._names.collect()  # the volume may be gone by the time its name is in the log
        self._job = Detection(self._show_progress, self._log.add, self._detected)
        self._node = self._ui.ctSelector.currentNode()
        self._options_used = self._options()
        self._enter(State.DETECTING)
        self._try(
            lambda: self._job.start(self._node, self._options_used, self._standby),
            lambda error: self._detected(DetectionEnding(error=error)),
        )

    def _try(self, start: Callable[[], None], refused: Callable[[str], None]) -> None:
        """Start what runs in the background; whatever goes wrong, Detect can be clicked again."""
        try:
            start()
        except RibFracError as error:
            refused(str(error))
        except BaseException:  # the application logs what it was
            self._node = None
            self._enter(State.READY)
            raise

    def _options(self) -> DetectionOptions:
        return DetectionOptions(
            weights=self._models.weights,
            folder=Path(self._ui.caseFolderButton.directory),
            device=self._preferences.device,
            precision=self._preferences.precision,
            engine=self._preferences.engine,
            mode="original" if self._parameters.originalMode else "standard",
            settings=self._advanced.settings(self._parameters),
        )

    def has(self, requirements: tuple[str, ...]) -> bool:
        """Whether packages are installed; if not, offer to install what is missing."""
        missing = packages.missing(requirements)
        question = _("This needs Python packages that are not installed yet: {names}. Install them now?")
        if missing and self._state is State.READY and dialogs.ask(question.format(names=", ".join(missing))):
            self.say("")
            self._standby.abandon()  # on Windows, files in use cannot be replaced
            self._job = Installation(self._log.add, self._installed)
            self._enter(State.INSTALLING)
            self._try(lambda: self._job.start(missing), self._installed)
        return not missing

    def _installed(self, error: str | None) -> None:
        self._enter(State.READY)
        self.say(error or _("The packages are installed; now click again."))
        self._models.refresh()
        self.ask_devices()

    def _detected(self, ending: DetectionEnding) -> None:
        cancelled = self._state is State.CANCELLING
        node, self._node = self._node, None
        self._enter(State.READY)
        if ending.files is not None:
            self.say(_("Done: {file}").format(file=ending.files.findings.name))
            self._on_finished(ending.files, node)
            if self._preferences.keep_ready:
                self._standby.prepare(self._options_used)
        elif ending.error is not None:
            self._complain(ending.error)
        elif cancelled:
            self.say(_("Cancelled; nothing was changed."))

    def _enter(self, state: State) -> None:
        self._state = state
        self._show()

    def _refusal(self) -> str | None:
        """Why Detect cannot be clicked, None if it can."""
        if self._ui.ctSelector.currentNode() is None:
            return _("Choose a CT volume.")
        if self._volume is None:
            return _("Looking at the volume …")
        return self._volume.refusal or self._models.refusal

    def _show(self) -> None:
        ready = self._state is State.READY
        refusal = self._refusal() if ready else None
        texts = {
            State.READY: _("Detect fractures"),
            State.INSTALLING: _("Cancel the installation"),
            State.DETECTING: _("Cancel"),
            State.CANCELLING: _("Cancelling …"),
        }
        ui = self._ui
        ui.detectButton.text = texts[self._state]
        ui.detectButton.enabled = refusal is None and self._state is not State.CANCELLING
        ui.detectButton.toolTip = refusal or _("Look for rib fractures in the chosen CT.")
        ui.progressBar.visible = not ready
        ui.progressLabel.visible = not ready
        if ready or self._state is State.INSTALLING:
            self._show_progress(Progress(_("Installing packages") if not ready else ""))
        for name in ("ctSelector", "modelComboBox", "modelPathEdit", "caseFolderButton"):
            getattr(ui, name).enabled = ready
        ui.advancedCollapsibleButton.enabled = ready
        ui.preflightLabel.text = preflight.as_html(
            self._volume, self._models.refusal, self._devices, self._time_line()
        )

    def _time_line(self) -> str:
        if self._parameters is None or self._volume is None:
            return ""
        return preflight.expected_time(self._options(), self._volume.megavoxels)

    def _show_progress(self, progress: Progress) -> None:
        bar = self._ui.progressBar
        bar.setRange(0, progress.total)  # 0 to 0 moves to and fro, which says that the end is not known
        bar.setValue(progress.done)
        self._ui.progressLabel.text = progress_line(progress)

    def say(self, text: str) -> None:
        """Show a line under the Detect button; an empty one shows nothing."""
        self._ui.messageLabel.visible = bool(text)
        self._ui.messageLabel.text = text
        self._ui.messageLabel.setStyleSheet("")

    def _complain(self, text: str) -> None:
        self.say(text)
        self._ui.messageLabel.setStyleSheet("color: #c62828")
        self._log.add(text)

    def _copy_diagnostics(self) -> None:
        text = diagnostics(self._answer, self._log.lines, self._names.collect())
        slicer.app.clipboard().setText(text)
        self._log.add(_("The diagnostics are on the clipboard."))
