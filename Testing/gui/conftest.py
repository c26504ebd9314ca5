"""The test host, and the panel's surroundings: settings of its own, no slot errors, nothing left running."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.networks import write_busy_checkpoint
from ribfrac_testing.review_cases import FEW, StoredCase, store_case
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case.handshake import hello_event
from slicer_host.fixtures import app, no_slot_errors, scene, settings, show_module  # noqa: F401

from .made_up_engine import write_engine
from .processes import Wait, wait_until
from .reviewer import Reviewer

MODULE = Path(__file__).resolve().parents[2] / "RibFracDetector" / "RibFracDetector.py"
SIZE = (64, 56, 48)


@pytest.fixture(autouse=True)
def _clean(no_slot_errors: None, settings: Any, scene: Any) -> None:  # noqa: F811
    """Every test of this folder begins with empty settings and an empty scene."""


@pytest.fixture
def wait(app: Any) -> Wait:  # noqa: F811
    """Runs the event loop until a condition holds."""

    return functools.partial(wait_until, meanwhile=app.processEvents)


@pytest.fixture(scope="session")
def ct_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small chest in which the tiny model finds something."""
    return Stored(chest(SIZE)).write(tmp_path_factory.mktemp("ct") / "chest.nrrd")


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue with one untrained model, its windows small enough for seconds instead of minutes."""
    folder = tmp_path_factory.mktemp("models")
    weights = write_busy_checkpoint(folder / "tiny.pth", chest(SIZE)[16:48, 12:44, 8:40])
    model = {
        "name": "tiny",
        "title": "Tiny model of the tests",
        "file": weights.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "architecture": "S",
        "training_data": {"kind": "none", "description": "never trained"},
        "licence": "Apache-2.0",
        "intended_use": "Tests",
        "inference": {"roi_size": [32, 32, 32], "overlap": 0, "target_spacings": [None]},
    }
    (folder / "models.json").write_text(json.dumps({"models": [model]}), encoding="utf-8")
    return folder / "models.json"


@pytest.fixture
def panel(
    catalogue: Path,
    show_module: Callable[[Path], Any],  # noqa: F811
    settings: Any,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """The panel of the module, open, with the tiny model to choose and a folder of its own for cases."""
    monkeypatch.setenv("RIBFRAC_MODELS", str(catalogue))
    # Two threads that wait for each other on a busy machine take a hundred times as long.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings.setValue("RibFrac/caseFolder", str(tmp_path / "cases"))
    settings.setValue("RibFrac/precision", "fp32")
    return show_module(MODULE).panel


@pytest.fixture
def ct_node(ct_file: Path, scene: Any) -> Any:  # noqa: ARG001, F811
    """The small chest in the scene."""
    import slicer.util

    return slicer.util.loadVolume(str(ct_file))


@pytest.fixture
def ready(panel: Any, ct_node: Any, wait: Wait) -> Any:
    """The panel with the small chest chosen, ready to detect."""
    panel.ui.ctSelector.setCurrentNode(ct_node)
    wait(lambda: panel.ui.detectButton.enabled)
    return panel


@pytest.fixture
def stored(tmp_path: Path) -> StoredCase:
    """A case that an engine could have made of the CT beside it."""
    return store_case(tmp_path / "stored")


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user is told in dialogs, which nobody has to close."""
    from RibFracDetectorLib.gui import dialogs

    told: list[str] = []
    monkeypatch.setattr(dialogs, "tell_error", told.append)
    return told


@pytest.fixture
def open_stored(panel: Any, tmp_path: Path, errors: list[str]) -> Callable[..., Reviewer]:  # noqa: ARG001
    """Opens a case made of findings of a test's choice."""
    import slicer.util

    def show(findings: Any = FEW, **options: Any) -> Reviewer:
        stored = store_case(tmp_path / "stored", findings, **options)
        return Reviewer(panel, stored, slicer.util.loadVolume(str(tmp_path / "stored" / "case.nii.gz")))

    return show


@pytest.fixture
def detect(panel: Any, stored: StoredCase, tmp_path: Path, wait: Wait) -> Callable[[str], Any]:
    """Starts Detect with an engine that does what the given code says after its handshake."""
    import slicer.util

    node = slicer.util.loadVolume(str(stored.ct.source))

    def start(code: str, hello: dict[str, Any] | None = None) -> Any:
        script = write_engine(tmp_path / "engine", code, hello or hello_event())
        panel.ui.enginePythonEdit.currentPath = str(script)
        panel.ui.ctSelector.setCurrentNode(node)
        wait(lambda: panel.ui.detectButton.enabled)
        panel.ui.detectButton.click()
        return node

    return start
