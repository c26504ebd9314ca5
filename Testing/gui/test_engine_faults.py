"""What goes wrong while the engine works: a clear line, nothing lost, and the next Detect works.

The engine is one of a test's making, which the setting Engine Python makes the panel start.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ribfrac_testing.full_disk import file_size_limit
from ribfrac_testing.review_cases import StoredCase, small_scan
from RibFracDetectorLib.case.handshake import hello_event
from slicer_host import slot_errors

from .processes import Wait, wait_until


def is_ready(panel: Any) -> bool:
    """Whether nothing runs."""
    return panel.ui.detectButton.text == "Detect fractures"


FAULTS = {
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "ended from outside"),
    "out of memory": (
        "say(event='error', text='out of memory on cuda:0: use --device cpu')\nsys.exit(1)",
        "out of memory on cuda:0",
    ),
    "malformed": ("print('Loading plugin …', flush=True)\ntime.sleep(300)", "a message was expected"),
    "no files": ("say(event='result', case='case')", "case_findings.json is missing"),
    "wrong input": (
        "print('ribfrac: --weights x: no such file', file=sys.stderr)\nsys.exit(2)",
        "no such file",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_clear_line(
    panel: Any, detect: Callable[[str], Any], wait: Wait, tmp_path: Path, fault: str
) -> None:
    code, told = FAULTS[fault]
    node = detect(code)
    wait(lambda: is_ready(panel))
    assert told in panel.ui.messageLabel.text
    assert "\n" not in panel.ui.messageLabel.text
    assert panel.review.session is None
    assert node.GetImageData() is not None
    assert list(tmp_path.glob("ribfrac-ct-*")) == []
    assert panel.ui.detectButton.enabled


def test_another_version_is_refused(panel: Any, detect: Callable[..., Any], wait: Wait) -> None:
    detect("time.sleep(300)", {**hello_event(), "version": "9.9.9"})
    wait(lambda: is_ready(panel))
    assert "version is 9.9.9" in panel.ui.messageLabel.text


FINISHES = """
say(event="stage", stage="network")
Path({sign!r}).touch()
while not Path({go!r}).exists():
    time.sleep(0.01)
folder = Path(option("--output"))
folder.mkdir(parents=True, exist_ok=True)
for file in Path({case!r}).iterdir():
    shutil.copy(file, folder / file.name)
say(event="result", case="case", findings=4, folder=str(folder))
"""


@pytest.mark.parametrize("event", ["volume removed", "scene closed", "another scene", "nothing"])
def test_the_case_is_kept_whatever_happens_to_the_scene(
    panel: Any, detect: Callable[[str], Any], stored: StoredCase, wait: Wait, tmp_path: Path, event: str
) -> None:
    import slicer
    import slicer.util

    sign, go = tmp_path / "sign", tmp_path / "go"
    node = detect(FINISHES.format(sign=str(sign), go=str(go), case=str(stored.files.folder)))
    node_id = node.GetID()
    wait_until(sign.exists)
    if event == "volume removed":
        slicer.mrmlScene.RemoveNode(node)
    elif event == "scene closed":
        slicer.mrmlScene.Clear()
    elif event == "another scene":
        slicer.mrmlScene.Clear()
        other = slicer.util.loadVolume(str(small_scan((7, 0, 0)).write(tmp_path / "other.nii.gz")))
        assert other.GetID() == node_id, "ids begin anew in a scene"
    go.touch()
    wait(lambda: is_ready(panel))
    assert (tmp_path / "cases" / "case_findings.json").exists()
    if event == "nothing":
        assert len(panel.review.session.case.findings) == 4
    else:
        assert "no longer in the scene" in panel.ui.messageLabel.text
        assert panel.review.session is None


def test_a_cancel_that_comes_after_the_files_shows_them(
    panel: Any, detect: Callable[[str], Any], stored: StoredCase, wait: Wait, tmp_path: Path
) -> None:
    sign = tmp_path / "sign"
    code = FINISHES.format(sign=str(sign), go=str(tmp_path), case=str(stored.files.folder))
    detect(code.replace('say(event="result"', 'time.sleep(300)\nsay(event="result"'))
    wait_until((tmp_path / "cases" / "case_findings.json").exists)
    panel.ui.detectButton.click()
    wait(lambda: is_ready(panel))
    assert panel.ui.messageLabel.text == "Done: case_findings.json"
    assert panel.review.session is not None


@pytest.mark.parametrize("fault", ["no temporary folder", "full disk", "programming error"])
def test_what_cannot_be_started_can_be_tried_again(
    panel: Any,
    detect: Callable[[str], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    limit = contextlib.nullcontext()
    if fault == "no temporary folder":
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    elif fault == "full disk":
        limit = file_size_limit(100_000)
    else:
        monkeypatch.setattr("RibFracDetectorLib.gui.detection.ct_in", lambda _node: 1 / 0)
    with limit:
        detect("time.sleep(300)")
    assert is_ready(panel)
    assert panel.ui.detectButton.enabled
    if fault == "programming error":
        (error,) = slot_errors.take()
        assert isinstance(error, ZeroDivisionError)
    else:
        assert "free some space" in panel.ui.messageLabel.text
    assert list(tmp_path.glob("ribfrac-ct-*")) == []


def test_a_second_run_never_overwrites(
    panel: Any, detect: Callable[[str], Any], wait: Wait, tmp_path: Path
) -> None:
    cases = tmp_path / "cases"
    cases.mkdir()
    (cases / "case_findings.json").write_text("{}")
    (cases / "case-2_review.jsonl").touch()
    detect("say(event='note', text=option('--case'))\nsys.exit(1)")
    wait(lambda: is_ready(panel))
    assert "case-3" in panel.ui.logView.toPlainText()


def test_diagnostics_hold_the_log_and_no_names(
    app: Any, panel: Any, detect: Callable[[str], Any], wait: Wait, tmp_path: Path
) -> None:
    detect(f"print('ribfrac: {tmp_path}/Doe^John.nii.gz: damaged', file=sys.stderr)\nsys.exit(2)")
    wait(lambda: is_ready(panel))
    panel.ui.copyDiagnosticsButton.click()
    text = app.clipboard().text()
    assert "damaged" in text
    assert '"numpy"' in text
    assert "Doe" not in text
    assert str(tmp_path) not in text
