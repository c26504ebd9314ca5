"""Installing what is missing, after one question, in a process of its own.

torch comes through the PyTorch extension where that is installed, because it knows which build the graphics
card needs; everything else through pip.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from slicer.i18n import tr as _

from ..case.whole_files import writing_to
from . import packages
from .child_process import ChildProcess, Command, Ending
from .pip_faults import advice_on, fault_in


class Installation:
    """One run of pip.

    Args:
        on_log: gets every line that pip prints.
        on_end: gets None, or one line about what went wrong.
    """

    def __init__(self, on_log: Callable[[str], None], on_end: Callable[[str | None], None]) -> None:
        self._on_log, self._on_end = on_log, on_end
        self._child = ChildProcess(on_log, self._take_error, self._ended)
        self._fault: str | None = None
        self._constraints: Path | None = None

    def start(self, requirements: list[str]) -> None:
        """Install; the application's own packages are kept as they are.

        Raises:
            InputError: the folder for temporary files cannot be written to.
        """
        through_pip = list(requirements)
        torch = [text for text in requirements if text.startswith("torch")]
        if torch and packages.pytorch_extension_is_there():
            self._on_log(_("Installing PyTorch with the extension PyTorch; this takes a few minutes."))
            try:
                install_torch(torch[0].removeprefix("torch"))
            except Exception as error:  # the extension's own, of any kind
                self._on_log(str(error))
                self._on_end(_("The extension PyTorch could not install torch; the log tells why."))
                return
            through_pip.remove(torch[0])
        if not through_pip:
            self._on_end(None)
            return
        with writing_to(Path(tempfile.gettempdir())):
            handle, name = tempfile.mkstemp(prefix="ribfrac-constraints-", suffix=".txt")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("\n".join(packages.constraints()))
        self._constraints = Path(name)
        arguments = packages.pip_arguments(through_pip, name)
        # Not PYTHONUTF8, with which pip would not read settings that are in the system's code page.
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
        self._child.start(Command(sys.executable, arguments, environment))

    @property
    def is_running(self) -> bool:
        """Whether pip is at work."""
        return self._child.is_running

    def cancel(self) -> None:
        """Stop pip; `on_end` follows."""
        self._child.kill()

    def abandon(self) -> None:
        """Stop pip without a word."""
        self._child.abandon()
        self._forget_constraints()

    def _ended(self, ending: Ending) -> None:
        self._forget_constraints()
        if ending.status == 0:
            self._on_end(None)
        elif ending.status is None:
            self._on_end(_("The installation was stopped; what was installed before is kept."))
        else:
            self._on_end(
                _("pip could not install the packages; the log tells why. ") + advice_on(self._fault)
            )

    def _take_error(self, line: str) -> None:
        self._fault = self._fault or fault_in(line)
        self._on_log(line)

    def _forget_constraints(self) -> None:
        if self._constraints is not None:
            self._constraints.unlink(missing_ok=True)
            self._constraints = None


def install_torch(version: str) -> None:
    """Have the PyTorch extension install torch; this blocks, as the extension does.

    Args:
        version: such as `>=2.2`.
    """
    from PyTorchUtils import PyTorchUtilsLogic

    PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=version)
