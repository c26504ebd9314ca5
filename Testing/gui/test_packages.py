"""What is missing is found without importing it, and installed after one question."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import tomllib
from ribfrac_testing.reference import REPOSITORY

from .processes import Wait


def test_the_list_is_that_of_the_project(app: Any) -> None:  # noqa: ARG001
    from packaging.requirements import Requirement
    from RibFracDetectorLib.gui import packages

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    here = {"sys_platform": "win32", "platform_machine": "AMD64"}
    requirements = map(Requirement, project["dependencies"])
    wanted = {
        each.name: each.specifier for each in requirements if not each.marker or each.marker.evaluate(here)
    }
    ours = {Requirement(text).name: Requirement(text).specifier for text in packages.DETECTING}
    assert ours == {name: specifier for name, specifier in wanted.items() if name != "numpy"}


def test_what_is_missing(app: Any) -> None:  # noqa: ARG001
    from RibFracDetectorLib.gui import packages

    assert packages.missing(["scipy>=1.13", "no-such-package>=1", "monai>=99"]) == [
        "no-such-package>=1",
        "monai>=99",
    ]
    assert packages.missing(packages.DETECTING) == []


def test_the_applications_own_packages_are_kept(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    from RibFracDetectorLib.gui import packages

    monkeypatch.setattr(packages.metadata, "version", lambda name: {"torch": "2.7.0+cu126"}.get(name, "1.0"))
    lines = packages.constraints()
    assert "torch==2.7.0" in lines
    assert {"numpy==1.0", "scipy==1.0", "SimpleITK==1.0"} <= set(lines)
    arguments = packages.pip_arguments(["monai>=1.4"], "/tmp/constraints.txt")
    assert arguments[:3] == ["-m", "pip", "install"]
    assert arguments[arguments.index("--constraint") + 1] == "/tmp/constraints.txt"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answers the question, and remembers it."""
    from RibFracDetectorLib.gui import dialogs

    given: dict[str, Any] = {"answer": True, "asked": []}

    def ask(question: str) -> bool:
        given["asked"].append(question)
        return given["answer"]

    monkeypatch.setattr(dialogs, "ask", ask)
    return given


def test_one_question_then_pip_in_its_own_process(
    panel: Any, answers: dict[str, Any], wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip is asked for a package that is there, so it ends well without a network."""
    from RibFracDetectorLib.gui import packages

    there = f"jsonschema=={metadata.version('jsonschema')}"
    monkeypatch.setattr(packages, "missing", lambda _requirements: [there])
    answers["answer"] = False
    assert not panel.detect.has(packages.DETECTING)
    assert len(answers["asked"]) == 1
    assert there in answers["asked"][0]
    assert panel.ui.detectButton.text == "Detect fractures"
    answers["answer"] = True
    assert not panel.detect.has(packages.DETECTING)
    assert panel.ui.detectButton.text == "Cancel the installation"
    wait(lambda: panel.ui.detectButton.text == "Detect fractures")
    assert "installed" in panel.ui.messageLabel.text
    assert "already satisfied" in panel.ui.logView.toPlainText()


def test_a_failed_installation_is_told(
    panel: Any, answers: dict[str, Any], wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    from RibFracDetectorLib.gui import packages

    assert answers["answer"]
    monkeypatch.setattr(packages, "missing", lambda _requirements: ["not a requirement"])
    panel.detect.has(packages.DETECTING)
    wait(lambda: panel.ui.detectButton.text == "Detect fractures")
    assert "pip could not install" in panel.ui.messageLabel.text


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("numpy<1", "goes with those that the application keeps"),
        ("torch-of-another-world", "none for Macs with an Intel processor"),
        ("no-such", "Check the network"),
    ],
)
def test_a_conflict_is_not_taken_for_a_missing_network(
    app: Any, wait: Wait, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: str, told: str
) -> None:
    from RibFracDetectorLib.gui.installation import Installation

    assert app is not None
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ended: list[Any] = []
    Installation(lambda _line: None, ended.append).start([wanted])
    wait(lambda: ended)
    assert "pip could not install the packages; the log tells why." in ended[0]
    assert told in ended[0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[Errno 13] Permission denied: '/opt/Slicer/lib/x'", "Python cannot be written to"),
        ("[Errno 30] Read-only file system: '/opt/Slicer'", "Python cannot be written to"),
        ("[WinError 5] Zugriff verweigert: 'C:\\\\Program Files\\\\Slicer'", "Python cannot be written to"),
        ("[WinError 32] Der Prozess kann nicht auf die Datei zugreifen", "A file is in use"),
        ("[Errno 28] No space left on device", "disk or quota is full"),
        (
            "SSLError: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate",
            "PIP_CERT",
        ),
        (
            "HINT: ... Windows Long Path support enabled.",
            "longer than Windows takes",
        ),
    ],
)
def test_what_pip_says_tells_what_to_do(
    app: Any, wait: Wait, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, told: str
) -> None:
    from RibFracDetectorLib.gui import packages
    from RibFracDetectorLib.gui.installation import Installation

    assert app is not None
    script = f"import sys; print({said!r} + ' ' + chr(233), file=sys.stderr); sys.exit(1)"
    monkeypatch.setattr(packages, "pip_arguments", lambda *_told: ["-c", script])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    monkeypatch.setenv("PYTHONUTF8", "0")
    ended: list[Any] = []
    log: list[str] = []
    Installation(log.append, ended.append).start(["monai"])
    wait(lambda: ended)
    assert told in ended[0], log
    assert "Engine Python" in ended[0]
    assert "\n" not in ended[0]
    assert log[-1].endswith(" é"), "the log shows what pip wrote, whatever the system's code page is"


def test_torch_comes_through_the_pytorch_extension(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    import types

    from RibFracDetectorLib.gui.installation import Installation

    asked: list[dict] = []

    class Logic:
        def installTorch(self, **options: Any) -> None:  # noqa: N802
            asked.append(options)

    extension = types.ModuleType("PyTorchUtils")
    extension.PyTorchUtilsLogic = Logic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", extension)
    ended: list[Any] = []
    Installation(lambda _line: None, ended.append).start(["torch>=2.2"])
    assert asked == [{"askConfirmation": False, "torchVersionRequirement": ">=2.2"}]
    assert ended == [None]
