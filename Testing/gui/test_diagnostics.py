"""What "Copy diagnostics" keeps to itself, and what whoever looks into a fault still reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from RibFracDetectorLib.case.handshake import hello_event

from .made_up_engine import write_engine
from .processes import Wait

LETTERS = "QXÄßøж"  # which no text of ours has
WORD = st.text(LETTERS, min_size=4, max_size=8)
NAME = st.builds(
    lambda words, joint: joint.join(words),
    st.lists(WORD, min_size=1, max_size=3),
    st.sampled_from([" ", "_", "-", "^", ", ", ".", "'", " (", " - "]),
)
SUFFIX = st.sampled_from(
    [".nii", ".nii.gz", ".NII.GZ", ".nrrd", ".mha", ".dcm", ".json", ".jsonl", ".csv", ".txt", ".png", ".log"]
) | st.sampled_from([".html", ".pth", ".zip", "_findings.json", "_review.jsonl", "_image.nii.gz"])
ROOT = st.sampled_from(
    ["/", "/home/", "C:\\", "D:\\Users\\", "\\\\server\\", "~/", "file:///", "/mnt/J. Doe/"]
)
TEXTS = (
    "{}",
    "12:34:56 ribfrac: {}: damaged",
    "The engine ended well, but {} is missing; look in the log.",
    "cannot read '{}': No such file",
    'it says "{}", a CT is expected',
    "note; {} was left out, it has 3 slices",
)


def redacted(text: str, known: dict[str, str] | None = None) -> str:
    """The text as it comes on the clipboard."""
    from RibFracDetectorLib.gui.redaction import redacted

    return redacted(text, known or {})


def assert_nothing_left(text: str) -> None:
    """No letter of a made-up name is there."""
    assert not set(LETTERS) & set(text), text


@given(ROOT, st.lists(NAME, max_size=3), NAME, SUFFIX, st.sampled_from(TEXTS))
def test_no_part_of_a_path_survives(root: str, folders: list[str], name: str, suffix: str, text: str) -> None:
    separator = "\\" if "\\" in root else "/"
    assert_nothing_left(redacted(text.format(root + separator.join([*folders, name + suffix]))))


@given(ROOT, st.lists(NAME, min_size=1, max_size=3))
def test_no_part_of_a_folder_survives(root: str, folders: list[str]) -> None:
    path = root + ("\\" if "\\" in root else "/").join(folders)
    assert_nothing_left(redacted(f"ribfrac: {path}: cannot be written to"))
    assert redacted(f"{path} cannot be written to").endswith(" cannot be written to")


@given(st.lists(NAME, max_size=2), NAME, SUFFIX, st.sampled_from(TEXTS))
def test_no_part_of_a_file_name_survives(folders: list[str], name: str, suffix: str, text: str) -> None:
    assert_nothing_left(redacted(text.format("/".join([*folders, name + suffix]))))


@given(
    NAME, st.sampled_from(["the case {} is being written", "{}: no voxels", "{}-2_x", "the volume {}, say"])
)
def test_no_part_of_a_known_name_survives(name: str, text: str) -> None:
    known = {name: "<volume>"}
    assert_nothing_left(redacted(text.format(name), known))
    assert_nothing_left(redacted(text.format(name.replace(" ", "_").replace("^", "_")), known))


KEPT = {
    "our own modules": (
        '  File "/srv/Q X/RibFracDetectorLib/engine/detector.py", line 15, in run',
        '  File "RibFracDetectorLib/engine/detector.py", line 15, in run',
    ),
    "other libraries": (
        "torch>=2.2 in D:\\Q X\\venv\\Lib\\site-packages (from monai) (2.13.0)",
        "torch>=2.2 in site-packages (from monai) (2.13.0)",
    ),
    "words about a path": (
        "12:34:56 ribfrac: /srv/Q X/z.nii.gz: 1 slice, at least 32 are expected; choose a CT",
        "12:34:56 ribfrac: <folder>/<file>.nii.gz: 1 slice, at least 32 are expected; choose a CT",
    ),
    "which file of a case": ("/a b/Q_X_findings.json is missing", "<folder>/<case>_findings.json is missing"),
    "words without a name": (
        "out of memory on cuda:0: use --device cpu",
        "out of memory on cuda:0: use --device cpu",
    ),
}


@pytest.mark.parametrize("kind", KEPT)
def test_what_helps_is_kept(kind: str) -> None:
    told, expected = KEPT[kind]
    assert redacted(told) == expected


def test_known_folders_are_told_by_their_use() -> None:
    known = {"/srv/Q X": "<home>", "/srv/Q X/zz": "<case folder>", "case": "<volume>"}
    assert redacted("/srv/Q X/zz cannot be written to", known) == "<case folder> cannot be written to"
    assert redacted("case: /srv/Q X/a.nii", known) == "<volume>: <home>/<file>.nii"


SAYS_NAMES = """
for text in ("the case Qxz_Mary is being written", "open for review by Dr. Zzyzx", "Qxz, Mary: no voxels"):
    say(event="note", text=text)
sys.exit(1)
"""


def test_names_of_the_scene_and_of_the_settings_stay_here(
    app: Any, ready: Any, wait: Wait, settings: Any, tmp_path: Path
) -> None:
    import slicer

    settings.setValue("RibFrac/reader", "Dr. Zzyzx")
    ui, node = ready.ui, ready.ui.ctSelector.currentNode()
    node.SetName("Qxz Mary")
    ui.enginePythonEdit.currentPath = str(write_engine(tmp_path / "engine", SAYS_NAMES, hello_event()))
    ui.detectButton.click()
    wait(lambda: ui.detectButton.text == "Detect fractures")
    slicer.mrmlScene.RemoveNode(node)
    assert "Qxz_Mary" in ui.logView.toPlainText()
    ui.copyDiagnosticsButton.click()
    text = app.clipboard().text()
    assert "> is being written" in text
    for name in ("Qxz", "Mary", "Zzyzx", str(tmp_path)):
        assert name not in text
