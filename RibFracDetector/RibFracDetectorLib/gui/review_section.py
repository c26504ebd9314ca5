"""The section Review: one open case, its table, its keys, its place in the views.

Everything that the reader does goes to the session; everything that is shown follows from what the session
tells back. So a click, a key, an undo and a reloaded log all lead to the same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from ..case.case_files import CaseFiles
from ..case.errors import InputError, RibFracError
from ..review import navigation, texts
from ..review.export import export_case
from ..review.rows import rows
from ..review.session import Change, ReviewSession
from ..scene.case_scene import CaseScene
from ..scene.slice_views import SliceViews
from . import dialogs
from .cheat_sheet import show_cheat_sheet
from .finding_editor import FindingEditor
from .findings_table import FindingsTable
from .mask_editor import MaskEditor
from .open_case import case_files_of, find_ct, show_case
from .preferences import Preferences
from .shortcuts import Shortcuts
from .stored_cases import restore_case

SLIDER_REST_MS = 300
DECISIONS = {"accept": "accepted", "reject": "rejected", "unsure": "unsure"}


class ReviewSection:
    """Opens a case, and lets a reader work on it.

    Args:
        ui: the panel's widgets.
        on_banner: called when what has to be said about the model may have changed.
    """

    def __init__(self, ui: Any, on_banner: Callable[[], None]) -> None:
        self._ui = ui
        self._on_banner = on_banner
        self._preferences = Preferences()
        self._session: ReviewSession | None = None
        self._scene: CaseScene | None = None
        self._views: SliceViews | None = None
        self._entered = False
        self._table = FindingsTable(ui.findingsTable, self._go_to)
        self._editor = FindingEditor(ui, self.attempt)
        self._mask_editor = MaskEditor(ui.maskEditorFrame)
        self._actions = self._make_actions()
        self._shortcuts = Shortcuts(self._actions, self._count_key)
        self._slider_rests = qt.QTimer()
        self._slider_rests.setSingleShot(True)
        self._slider_rests.setInterval(SLIDER_REST_MS)
        self._slider_rests.connect("timeout()", self._make_boxes)
        self._connect()
        self._show()

    @property
    def banner(self) -> str | None:
        """What has to be said about the model that made the open case."""
        return None if self._session is None else self._session.banner

    @property
    def session(self) -> ReviewSession | None:
        """The open case."""
        return self._session

    # From the application

    def enter(self) -> None:
        """The module is opened: its keys work."""
        self._entered = True
        self._shortcuts.install()
        self.find_cases_in_scene()
        self._take_views()

    def exit(self) -> None:
        """The module is left: keys and views are as they were."""
        self._entered = False
        self._leave_mask_editor()
        self._shortcuts.remove()
        self._give_views_back()

    def open(self, files: CaseFiles, ct_node: Any) -> None:
        """Show a case in place of the one that is open."""
        self.close()
        unaided = self._ui.unaidedCheckBox.checked
        self._session, self._scene = show_case(files, ct_node, self._preferences.reader, unaided)
        self._begin()

    def close(self) -> None:
        """Close the case; everything is in its files, and its nodes stay in the scene."""
        self._leave_mask_editor()
        self._give_views_back()
        self._slider_rests.stop()
        if self._session is not None:
            self._unsubscribe()
            self._scene.close()
            session, self._session, self._scene = self._session, None, None
            self.attempt(session.close)
        self._show()
        self._on_banner()

    def find_cases_in_scene(self) -> None:
        """Go on with the case that a loaded scene holds, if none is open."""
        if self._session is None:
            self.attempt(self._restore)

    def _restore(self) -> None:
        restored = restore_case(self._preferences.reader)
        if restored is not None:
            self._session, self._scene = restored
            self._begin()

    def _begin(self) -> None:
        self._unsubscribe = self._session.subscribe(self._changed)
        self._scene.on_box_edited(self._box_dragged)
        self._scene.make_boxes()
        self._take_views()
        self._show()
        self._on_banner()

    # What the reader does

    def attempt(self, change: Callable[[], object]) -> None:
        """Do something that may be refused, and say why if it is."""
        try:
            change()
        except RibFracError as error:
            dialogs.tell_error(str(error))
            self._show()

    def _make_actions(self) -> dict[str, Callable[[], None]]:
        actions: dict[str, Callable[[], None]] = {
            "next": lambda: self._move(navigation.next_finding),
            "previous": lambda: self._move(navigation.previous_finding),
            "next_undecided": lambda: self._move(navigation.next_undecided),
            "comment": lambda: self._ui.commentEdit.setFocus(),
            "handles": lambda: self._ui.handlesButton.click(),
            "mask": lambda: self._ui.editMaskButton.click(),
            "add": lambda: self._work(self._add_at_crosshair),
            "delete": lambda: self._on_active(lambda number: self._session.delete(number)),
            "undo": lambda: self._work(lambda: self._step(self._session.undo)),
            "redo": lambda: self._work(lambda: self._step(self._session.redo)),
            "complete": lambda: self._work(self._complete_or_reopen),
            "cheat_sheet": show_cheat_sheet,
        }
        for action, status in DECISIONS.items():
            actions[action] = self._decider(status)
        for name in ("displaced", "non-displaced", "buckle", "segmental"):
            actions[name] = self._classifier(name)
        return actions

    def _decider(self, status: str) -> Callable[[], None]:
        def decide() -> None:
            self._on_active(lambda number: self._session.decide(number, status))
            self._move(navigation.next_undecided)

        return decide

    def _classifier(self, name: str) -> Callable[[], None]:
        return lambda: self._on_active(lambda number: self._session.classify(number, name))

    def _connect(self) -> None:
        ui = self._ui
        buttons = {
            "acceptButton": "accept",
            "rejectButton": "reject",
            "unsureButton": "unsure",
            "previousButton": "previous",
            "nextButton": "next",
            "nextUndecidedButton": "next_undecided",
            "addButton": "add",
            "deleteButton": "delete",
            "undoButton": "undo",
            "redoButton": "redo",
            "completeButton": "complete",
            "cheatSheetButton": "cheat_sheet",
        }
        for button, action in buttons.items():
            getattr(ui, button).connect("clicked()", self._actions[action])
        ui.openCaseButton.connect("clicked()", self._open_stored_case)
        ui.exportButton.connect("clicked()", lambda: self._work(self._export))
        ui.recordReadButton.connect("clicked()", lambda: self._work(self._record_first_read))
        ui.thresholdSlider.connect("valueChanged(double)", self._slider_moved)
        ui.handlesButton.connect("toggled(bool)", self._handles_toggled)
        ui.editMaskButton.connect("toggled(bool)", self._mask_toggled)
        ui.readerEdit.text = self._preferences.reader
        ui.readerEdit.connect("editingFinished()", self._reader_typed)

    def _work(self, change: Callable[[], object]) -> None:
        """Do something with the open case; without one there is nothing to do."""
        if self._session is not None:
            self.attempt(change)

    def _on_active(self, change: Callable[[int], object]) -> None:
        if self._session is not None and self._session.active is not None:
            number = self._session.active
            self.attempt(lambda: change(number))

    def _move(self, find: Callable[[ReviewSession], int | None]) -> None:
        if self._session is not None:
            number = find(self._session)
            if number is not None:
                self._go_to(number)

    def _go_to(self, number: int) -> None:
        self._work(lambda: self._session.activate(number))

    def _step(self, step: Callable[[], int | None]) -> None:
        number = step()
        if number is not None and number in self._session.shown():
            self._session.activate(number)

    def _count_key(self) -> None:
        if self._session is not None:
            self._session.count_key()

    def _add_at_crosshair(self) -> None:
        position = [0.0, 0.0, 0.0]
        slicer.util.getNode("Crosshair").GetCursorPositionRAS(position)
        number = self._session.add_at(self._scene.voxel_at(position))
        self._scene.make_boxes()
        self._session.activate(number)

    def _complete_or_reopen(self) -> None:
        if self._session.state.complete:
            self._session.reopen()
        else:
            self._session.complete()

    def _record_first_read(self) -> None:
        self._session.record_first_read()
        self._scene.make_boxes()

    def _export(self) -> None:
        folder = dialogs.choose_folder(_("Where to export the case"))
        if folder is not None:
            files = export_case(self._session, folder)
            slicer.util.showStatusMessage(_("{count} files are in {folder}").format(count=len(files), folder=folder), 5000)

    def _open_stored_case(self) -> None:
        path = dialogs.choose_findings_file()
        if path is not None:
            self.attempt(lambda: self._open_file(path))

    def _open_file(self, path: Any) -> None:
        files = case_files_of(path)
        self.open(files, find_ct(files))

    def _reader_typed(self) -> None:
        reader = self._ui.readerEdit.text.strip()
        if reader and reader != self._preferences.reader:
            self._preferences.reader = reader
            if self._session is not None:
                self.attempt(self._reopen_as_other_reader)
        self._ui.readerEdit.text = self._preferences.reader

    def _reopen_as_other_reader(self) -> None:
        self.open(self._session.files, self._scene.ct_node)

    # Threshold, box and mask

    def _slider_moved(self, value: float) -> None:
        if self._session is not None:
            self._session.set_threshold(value)
            self._slider_rests.start()

    def _make_boxes(self) -> None:
        if self._scene is not None:
            self._scene.make_boxes()

    def _handles_toggled(self, wanted: bool) -> None:
        if self._scene is not None:
            self._scene.set_active(self._session.active if wanted else None)

    def _box_dragged(self, number: int, box: Any) -> None:
        self.attempt(lambda: self._session.edit_box_ras(number, box))

    def _mask_toggled(self, wanted: bool) -> None:
        if wanted:
            self._work(self._open_mask_editor)
        else:
            self._leave_mask_editor()

    def _open_mask_editor(self) -> None:
        number = self._session.active
        if number is None:
            self._ui.editMaskButton.checked = False
            return
        self._mask_of = number
        self._mask_editor.open(self._scene.segmentation, self._scene.segment_to_edit(number), self._scene.ct_node)
        self._shortcuts.rest(True)

    def _leave_mask_editor(self) -> None:
        if not self._mask_editor.is_open:
            return
        self._mask_editor.close()
        self._shortcuts.rest(False)
        self._ui.editMaskButton.checked = False
        self.attempt(lambda: self._session.edit_mask(self._mask_of, self._scene.take_mask(self._mask_of)))

    # What is shown

    def _changed(self, change: Change) -> None:
        if change.kind == "active":
            self._leave_mask_editor()
            self._jump()
            if self._ui.handlesButton.checked:
                self._scene.set_active(self._session.active)
        self._show()

    def _jump(self) -> None:
        number = self._session.active
        if number is not None and self._views is not None:
            self._views.jump(self._scene.center_ras(number))

    def _take_views(self) -> None:
        if self._entered and self._scene is not None and self._views is None:
            self._views = SliceViews(slicer.mrmlScene, slicer.util.getNodesByClass("vtkMRMLSliceNode"))
            self._views.enter(self._scene.ct_node)

    def _give_views_back(self) -> None:
        if self._views is not None:
            self._views.leave()
            self._views = None

    def _show(self) -> None:
        session = self._session
        self._show_case(session)
        self._table.show(rows(session) if session else (), session.active if session else None)
        self._show_finding(session)

    def _show_case(self, session: ReviewSession | None) -> None:
        ui = self._ui
        for name in ("thresholdSlider", "addButton", "exportButton", "completeButton"):
            getattr(ui, name).enabled = session is not None
        if session is None:
            ui.caseLabel.text = _("No case is open.")
            ui.hiddenLabel.text = ""
            ui.recordReadButton.visible = False
            ui.completeButton.text = _("Complete case")
            return
        state = _("complete") if session.state.complete else _("open")
        ui.caseLabel.text = f"<b>{session.case.case_id}</b> · {state} · {texts.progress_text(session)}"
        ui.hiddenLabel.text = texts.empty_text(session) or texts.hidden_text(session)
        ui.recordReadButton.visible = session.findings_hidden
        ui.completeButton.text = _("Reopen case") if session.state.complete else _("Complete case")
        blocked = ui.thresholdSlider.blockSignals(True)
        ui.thresholdSlider.value = session.threshold
        ui.thresholdSlider.blockSignals(blocked)

    def _show_finding(self, session: ReviewSession | None) -> None:
        ui = self._ui
        number = session.active if session else None
        finding = session.finding(number) if number is not None else None
        open_to_change = session is not None and not session.state.complete
        for name in ("acceptButton", "rejectButton", "unsureButton"):
            getattr(ui, name).enabled = finding is not None and open_to_change
        ui.deleteButton.enabled = open_to_change and finding is not None and finding.model is None
        ui.addButton.enabled = open_to_change
        ui.undoButton.enabled = session is not None and session.can_undo
        ui.redoButton.enabled = session is not None and session.can_redo
        for name in ("previousButton", "nextButton", "nextUndecidedButton"):
            getattr(ui, name).enabled = bool(session and session.shown())
        self._editor.show(session, finding)
