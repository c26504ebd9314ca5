"""The section Review: opens a case, and lets a reader work on it.

Everything that the reader does goes to the session; everything that is shown follows from what the session
tells back. So a click, a key, an undo and a reloaded log all lead to the same picture.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..case.case_files import CaseFiles
from ..case.errors import RibFracError
from ..review.session import Change, ReviewSession
from ..scene.case_scene import CaseScene
from ..scene.stored import StoredCase, stored_cases
from . import dialogs, packages
from .case_on_screen import CaseOnScreen
from .finding_editor import FindingEditor
from .findings_table import FindingsTable
from .mask_editor import MaskEditor
from .measured import threshold_table
from .open_case import case_files_of, find_ct, restore_case, show_case
from .preferences import Preferences
from .review_actions import ReviewActions
from .review_display import ReviewDisplay
from .shortcuts import Shortcuts


class ReviewSection:
    """See the module.

    Args:
        ui: the panel's widgets.
        on_banner: called when what has to be said about the model may have changed.
        has_packages: tells whether a case can be read, and offers to install what is missing.
    """

    def __init__(self, ui: Any, on_banner: Callable[[], None], has_packages: Callable[[], bool]) -> None:
        self._ui = ui
        self._on_banner, self._has_packages = on_banner, has_packages
        self._preferences = Preferences()
        self._case: CaseOnScreen | None = None
        self._entered = False
        self._packages_asked = False
        self._mask_editor = MaskEditor(ui.maskEditorFrame)
        self._editor = FindingEditor(ui, self.attempt)
        self._actions = ReviewActions(ui, lambda: self._case, self._act)
        self._shortcuts = Shortcuts(self._actions.by_name, self._count_key)
        table = FindingsTable(ui.findingsTable, self._actions.go_to)
        self._display = ReviewDisplay(ui, table, self._editor)
        ui.openCaseButton.connect("clicked()", self._open_stored_case)
        ui.thresholdSlider.connect("valueChanged(double)", self._slider_moved)
        ui.editMaskButton.connect("toggled(bool)", self._mask_toggled)
        ui.readerEdit.text = self._preferences.reader
        ui.readerEdit.connect("editingFinished()", self._reader_typed)
        self._show()

    @property
    def session(self) -> ReviewSession | None:
        """The review of the open case."""
        return None if self._case is None else self._case.session

    @property
    def banner(self) -> str | None:
        """What has to be said about the model that made the open case."""
        return None if self.session is None else self.session.banner

    # From the application

    def enter(self) -> None:
        """The module is opened: its keys work."""
        self._entered = True
        self._shortcuts.install()
        self._find_case(lambda stored: stored.ct_node is not None)
        if self._case is not None:
            self._case.take_views()

    def exit(self) -> None:
        """The module is left: keys and views are as they were."""
        self._entered = False
        self._leave_mask_editor()
        self._shortcuts.remove()
        if self._case is not None:
            self._case.give_views_back()

    def open(self, files: CaseFiles, ct_node: Any) -> None:
        """Show a case in place of the one that is open.

        Raises:
            InputError: see `open_case.show_case`.
        """
        self._take_over()  # before the new case hides what shows the old one
        if self._case is not None and _are_same(self._case.files, files):
            self.close()  # it is locked by ourselves
        unaided = self._ui.unaidedCheckBox.checked
        session, scene = show_case(files, ct_node, self._preferences.reader, unaided)
        try:
            self.close()
        except BaseException:
            scene.close()
            session.close()
            raise
        self._begin(session, scene)

    def close(self) -> None:
        """Close the case; everything is in its files, and its nodes stay in the scene."""
        self._take_over()
        case, self._case = self._case, None
        if case is not None:
            self._unsubscribe()
            self.attempt(case.close)
        self._show()
        self._on_banner()

    def node_removed(self) -> None:
        """Close the case if a node was removed without which it cannot be shown."""
        if self._case is not None and not self._case.is_on_screen:
            files = self._case.files
            self.close()
            text = _(
                "A node of the case was removed from the scene, so the case was closed. Nothing is lost: "
            )
            dialogs.tell_error(text + _("open {file} to go on.").format(file=files.findings))

    def scene_is_ready(self) -> None:
        """Another scene is there: go on with the case that it holds."""
        self._packages_asked = False
        self._find_case(lambda _: True)

    def attempt(self, change: Callable[[], object]) -> None:
        """Do something that may be refused, and say why if it is."""
        try:
            change()
        except RibFracError as error:
            dialogs.tell_error(str(error))
            self._show()

    def _act(self, change: Callable[[], object]) -> None:
        """Do what a key or button says, after what the reader was drawing or typing is taken over."""
        self._take_over()
        self.attempt(change)

    def _take_over(self) -> None:
        self._editor.commit()
        self._leave_mask_editor()

    def _find_case(self, wanted: Callable[[StoredCase], bool]) -> None:
        """Go on with the first such case of the scene, if none is open."""
        if self._case is None:
            self.attempt(lambda: self._restore(wanted))

    def _restore(self, wanted: Callable[[StoredCase], bool]) -> None:
        stored = next(filter(wanted, stored_cases(slicer.mrmlScene)), None)
        if stored is not None and self._may_read():
            self._begin(*restore_case(stored, self._preferences.reader))

    def _may_read(self) -> bool:
        """Whether the packages are there; the question is put once a scene, not whenever the module opens."""
        if self._packages_asked and packages.missing(packages.REVIEWING):
            return False
        self._packages_asked = True
        return self._has_packages()

    def _begin(self, session: ReviewSession, scene: CaseScene) -> None:
        self._case = CaseOnScreen(session, scene)
        self._display.measured = threshold_table(session.case)
        self._unsubscribe = session.subscribe(self._changed)
        if self._entered:
            self._case.take_views()
        self._ui.inputsCollapsibleButton.collapsed = True  # makes room for the review
        self._show()
        self._on_banner()

    # From the user

    def _open_stored_case(self) -> None:
        path = dialogs.choose_findings_file() if self._has_packages() else None
        if path is not None:
            self.attempt(lambda: self._open_file(path))

    def _open_file(self, path: Path) -> None:
        files = case_files_of(path)
        self.open(files, find_ct(files))

    def _reader_typed(self) -> None:
        reader = self._ui.readerEdit.text.strip()
        if reader and reader != self._preferences.reader:
            self._preferences.reader = reader
            if self._case is not None:  # the log names the reader of each event, so it is another session
                self.attempt(lambda: self.open(self._case.files, self._case.ct_node))
        self._ui.readerEdit.text = self._preferences.reader

    def _count_key(self) -> None:
        if self.session is not None:
            self.session.count_key()

    def _slider_moved(self, value: float) -> None:
        if self.session is not None:
            self._editor.commit()
            self.session.set_threshold(min(max(value, 0.0), 1.0))

    def _mask_toggled(self, wanted: bool) -> None:
        if not wanted:
            self._leave_mask_editor()
        elif self.session is not None and self.session.active is not None:
            self._shortcuts.rest(True)
            segment = self._case.scene.begin_mask_edit(self.session.active)
            self._mask_editor.open(self._case.scene.nodes.segmentation, segment, self._case.ct_node)
        else:
            self._ui.editMaskButton.checked = False

    def _leave_mask_editor(self) -> None:
        if self._mask_editor.is_open:
            self._mask_editor.close()
            self._shortcuts.rest(False)
            self._ui.editMaskButton.checked = False
            self.attempt(self._case.scene.end_mask_edit)

    # From the session

    def _changed(self, change: Change) -> None:
        if change.kind == "active":
            self._leave_mask_editor()
            self._display.show_active(self.session)
        else:
            self._show()

    def _show(self) -> None:
        self._display.show(self.session)


def _are_same(first: CaseFiles, second: CaseFiles) -> bool:
    """Whether two spellings of a folder mean one case."""
    return first.case_id == second.case_id and first.folder.resolve() == second.folder.resolve()
