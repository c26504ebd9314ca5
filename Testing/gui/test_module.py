"""The module as the application sees it: loading, its own test, Reload & Test, and what stays unloaded."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer_host
from ribfrac_testing.reference import REPOSITORY
from ribfrac_testing.review_cases import store_case

MODULE = REPOSITORY / "RibFracDetector" / "RibFracDetector.py"


def in_fresh_host(code: str, *arguments: str) -> Any:
    """Run code on a host of its own, in which the module is loaded; returns the JSON that it prints last."""
    prelude = (
        "import json, sys\nimport slicer_host\napp = slicer_host.start()\nimport slicer, slicer.util\n"
        "from pathlib import Path\n"
        "from slicer_host.application.scripted_modules import load_module\n"
    )
    folders = [REPOSITORY / name for name in ("Testing", "RibFracDetector", "RibFracTraining")]
    done = subprocess.run(
        [sys.executable, "-c", prelude + code, str(MODULE), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders)), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_loading_the_module_loads_no_library_of_ours() -> None:
    loaded = in_fresh_host(
        "before = set(sys.modules)\n"
        "load_module(Path(sys.argv[1]))\n"
        "print(json.dumps(sorted({n.partition('.')[0] for n in set(sys.modules) - before})))"
    )
    assert set(loaded) & {"RibFracDetectorLib", "torch", "monai", "SimpleITK", "numpy", "scipy"} == set()


def test_opening_and_reviewing_a_stored_case_loads_neither_torch_nor_monai(tmp_path: Path) -> None:
    stored = store_case(tmp_path / "stored")
    loaded = in_fresh_host(
        "load_module(Path(sys.argv[1]))\n"
        "slicer.util.selectModule('RibFracDetector')\n"
        "panel = slicer.util.getModuleWidget('RibFracDetector').panel\n"
        "from RibFracDetectorLib.gui.open_case import case_files_of\n"
        "node = slicer.util.loadVolume(sys.argv[2])\n"
        "panel.review.open(case_files_of(Path(sys.argv[3])), node)\n"
        "for action in ('next', 'accept', 'reject', 'undo', 'displaced', 'next_undecided'):\n"
        "    panel.review._actions.by_name[action]()\n"
        "assert panel.review.session.finding(1).status == 'accepted'\n"
        "panel.cleanup()\n"
        "print(json.dumps(sorted({n.partition('.')[0] for n in sys.modules})))",
        str(stored.ct.source),
        str(stored.files.findings),
    )
    assert "RibFracDetectorLib" in loaded
    assert set(loaded) & {"torch", "monai", "scipy"} == set()


def test_an_application_with_an_old_python_is_told() -> None:
    """The library could not even be imported there: it would be a traceback and an empty panel."""
    said = in_fresh_host(
        "module = load_module(Path(sys.argv[1]))\n"
        "module.NEEDED_PYTHON = (9, 9)\n"
        "slicer.util.selectModule('RibFracDetector')\n"
        "widget = slicer.util.getModuleWidget('RibFracDetector')\n"
        "widget.exit(); widget.enter()\n"
        "widget.cleanup()\n"
        "labels = [widget.layout.itemAt(at).widget() for at in range(widget.layout.count())]\n"
        "texts = [label.text for label in labels if type(label).__name__ == 'QLabel']\n"
        "loaded = [name for name in sys.modules if name.startswith('RibFracDetectorLib')]\n"
        "print(json.dumps({'texts': texts, 'loaded': loaded}))"
    )
    assert ["needs Python 9.9" in text for text in said["texts"]] == [True]
    assert said["loaded"] == []


def test_the_self_test_passes(panel: Any) -> None:  # noqa: ARG001
    import slicer

    slicer.selfTests["RibFracDetector"]()


def test_reload_and_test_really_reloads_the_library(panel: Any, show_module: Callable[[Path], Any]) -> None:
    import slicer.util

    library = sys.modules["RibFracDetectorLib.gui.panel"]
    try:
        slicer.util.getModuleWidget("RibFracDetector").onReloadAndTest()
        again = sys.modules["RibFracDetectorLib.gui.panel"]
        assert again is not library
        new = slicer.util.getModuleWidget("RibFracDetector").panel
        assert new is not panel
        assert type(new) is again.Panel
    finally:
        show_module(MODULE)


def test_texts_for_people_are_translated() -> None:
    """No sentence is handed to a widget or dialog as it is: it goes through `_()`."""
    takes_text = {"setText", "addItem", "setWindowTitle", "setToolTip", "tell_error", "ask", "say", "QLabel"}
    bare = []
    for path in sorted((REPOSITORY / "RibFracDetector" / "RibFracDetectorLib" / "gui").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            values: list[ast.expr] = []
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
                values = [node.value] if node.targets[0].attr in ("text", "toolTip", "title") else []
            elif isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                values = node.args[:1] if name in takes_text else []
            texts = [value.value for value in values if isinstance(value, ast.Constant)]
            bare += [f"{path.name}:{node.lineno}" for text in texts if any(map(str.isalpha, str(text)))]
    assert bare == []


def test_the_module_says_what_it_is(panel: Any) -> None:  # noqa: ARG001
    import slicer

    module = slicer.modules.ribfracdetector
    assert module.title == "RibFrac Detector"
    assert module.categories == ["Segmentation"]
    assert "not a medical device" in module.helpText
    assert module.acknowledgementText
    assert not module.icon.isNull()


@pytest.mark.parametrize("there", [True, False])
def test_sample_data_are_offered_if_there_are_any(
    panel: Any,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
) -> None:
    from RibFracDetectorLib.case import resources
    from RibFracDetectorLib.gui import sample_data
    from SampleData import SampleDataLogic

    monkeypatch.setattr(resources, "_FOLDERS", (tmp_path,))
    registered: list[dict] = []
    monkeypatch.setattr(
        SampleDataLogic,
        "registerCustomSampleDataSource",
        staticmethod(lambda **given: registered.append(given)),
    )
    if there:
        (tmp_path / "SampleData").mkdir()
        (tmp_path / "SampleData" / "chest é.nrrd").write_bytes(b"ct")
        sample = {"name": "Simulated chest", "file": "chest é.nrrd", "sha256": "ab" * 32, "node": "Chest"}
        (tmp_path / "SampleData" / "samples.json").write_text(json.dumps({"samples": [sample]}))
    sample_data.register()
    assert len(registered) == there
    if there:
        assert registered[0]["checksums"] == "SHA256:" + "ab" * 32
        assert registered[0]["uris"].startswith("file:///")
        assert registered[0]["fileNames"] == "chest é.nrrd"


def test_cleanup_leaves_nothing_behind(panel: Any, app: Any) -> None:  # noqa: ARG001
    import qt
    import slicer.util

    assert slicer_host.main_window().findChildren(qt.QShortcut)
    slicer.util.getModuleWidget("RibFracDetector").cleanup()
    app.processEvents()
    living = [key for key in slicer_host.main_window().findChildren(qt.QShortcut) if key.enabled]
    assert [key.key.toString() for key in living] == []
