"""A case's files appear together or not at all, whatever ends the run."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.bad_inputs import small_ct
from ribfrac_testing.command_line import heed_ctrl_c
from ribfrac_testing.full_disk import file_size_limit
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.case_files import CaseFiles, remove_own_staging
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.masks import write_mask
from RibFracDetectorLib.case.naming import case_id_from_name, checked_case_id
from RibFracDetectorLib.case.processes import this_host
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.case.review_lock import CaseLock
from RibFracDetectorLib.case.whole_files import write_json, writing_to, written_whole


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def finish(files: CaseFiles, text: str = "new") -> None:
    with files.staged() as staged:
        for path in staged.output:
            write_json(path, {"text": text})


def start_child(code: str, folder: Path) -> subprocess.Popen[str]:
    """A process that prints a line and then waits inside a staged block on `folder`, case "case"."""
    program = f"""
        import sys, time
        from pathlib import Path
        from RibFracDetectorLib.case.case_files import CaseFiles
        with CaseFiles(Path({str(folder)!r}), "case").staged() as staged:
            staged.det_rois.write_text("[]")
            print("inside", flush=True)
            {code}
    """
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "RibFracDetector")}
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=environment,
        preexec_fn=heed_ctrl_c,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "inside\n"
    return child


@pytest.mark.parametrize(("fp16", "infix"), [(False, ""), (True, "_fp16")])
def test_names_are_those_of_the_contract(fp16: bool, infix: str, tmp_path: Path) -> None:
    files = CaseFiles(tmp_path, "case", fp16)
    finish(files)
    assert names(tmp_path) == sorted(
        [
            f"case{infix}_det_roi_infos.json",
            f"case{infix}_seg_roi_infos.json",
            f"case{infix}_roi_det_mask.nii.gz",
            f"case{infix}_roi_seg_mask.nii.gz",
            "case_findings.json",
            "case_instances.nii.gz",
            "case_overview.png",
        ]
    )
    assert files.review_log.name == "case_review.jsonl"
    assert files.edited_mask.name == "case_edited.nii.gz"


def test_a_case_is_finished_when_its_findings_are_whole(tmp_path: Path) -> None:
    files = CaseFiles(tmp_path, "case")
    assert not files.is_finished
    files.findings.write_text('{"schema_version": 1, "findi')
    assert not files.is_finished
    finish(files)
    assert files.is_finished
    assert not CaseFiles(tmp_path, "other").is_finished


def test_nothing_is_in_place_before_the_end(tmp_path: Path) -> None:
    files = CaseFiles(tmp_path / "a" / "b", "case")
    with files.staged() as staged:
        write_json(staged.findings, {})
        assert staged.folder.parent == files.folder
        assert staged.folder.name.startswith(".case.")
        assert not files.is_finished
        assert names(files.folder) == [staged.folder.name]
    assert names(files.folder) == ["case_findings.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
def test_an_error_leaves_nothing_behind(error: type[BaseException], tmp_path: Path) -> None:
    files = CaseFiles(tmp_path / "deep" / "out", "case")

    def fail() -> None:
        with files.staged() as staged:
            write_json(staged.findings, {})
            raise error

    with pytest.raises(error):
        fail()
    assert names(tmp_path) == []


def test_an_error_keeps_an_earlier_run(tmp_path: Path) -> None:
    files = CaseFiles(tmp_path, "case")
    finish(files, "old")
    before = names(tmp_path)

    def interrupted() -> None:
        with files.staged() as staged:
            write_json(staged.findings, {"text": "new"})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(tmp_path) == before
    assert json.loads(files.findings.read_text()) == {"text": "old"}


def test_overwriting_replaces_every_file_of_the_earlier_run(tmp_path: Path) -> None:
    finish(CaseFiles(tmp_path, "case", fp16=True), "old")
    finish(CaseFiles(tmp_path, "case2", fp16=True), "other")
    finish(CaseFiles(tmp_path, "case"), "new")
    assert not list(tmp_path.glob("case_fp16*"))
    assert len(list(tmp_path.glob("case2_*"))) == 7
    assert all("new" in path.read_text() for path in CaseFiles(tmp_path, "case").output)


def test_a_failure_while_publishing_leaves_no_mixture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = CaseFiles(tmp_path, "case")
    finish(files, "old")
    rename = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if Path(target).parent == tmp_path and Path(target).name.endswith("instances.nii.gz"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(InputError, match="cannot be written"):
        finish(files, "new")
    assert not files.is_finished
    assert not any("new" in path.read_text() for path in tmp_path.iterdir())


def test_a_case_is_unfinished_until_its_last_file_is_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whenever a kill comes between two renames, the next run does the case again."""
    files = CaseFiles(tmp_path, "case")
    finish(files, "old")
    rename = Path.replace
    states = []

    def observed(self: Path, target: Path) -> Path:
        result = rename(self, target)
        if Path(target).parent == tmp_path:
            states.append((files.is_finished, all(path.exists() for path in files.output)))
        return result

    monkeypatch.setattr(Path, "replace", observed)
    finish(files, "new")
    assert states == [(False, False)] * (len(files.output) - 1) + [(True, True)]


@pytest.mark.parametrize("protected", ["review_log", "edited_mask"])
def test_a_reviewed_case_is_not_overwritten(protected: str, tmp_path: Path) -> None:
    files = CaseFiles(tmp_path, "case")
    finish(files, "old")
    getattr(files, protected).write_text("{}\n")
    with pytest.raises(InputError, match="has been reviewed"):
        finish(files)
    assert json.loads(files.findings.read_text()) == {"text": "old"}


@pytest.mark.parametrize("decided", [False, True])
def test_a_review_that_begins_meanwhile_is_kept(decided: bool, tmp_path: Path) -> None:
    files = CaseFiles(tmp_path, "case")
    finish(files, "old")

    def run_beside_a_reader() -> None:
        with files.staged() as staged:
            write_json(staged.findings, {"text": "new"})
            lock = CaseLock.acquire(files.review_lock, "R1", "desktop")
            if decided:
                files.review_log.write_text("{}\n")
                lock.release()

    with pytest.raises(InputError, match="has been reviewed" if decided else "open elsewhere, by R1"):
        run_beside_a_reader()
    assert json.loads(files.findings.read_text()) == {"text": "old"}
    assert not any(name.endswith(".staging") for name in names(tmp_path))


def test_a_case_that_is_open_is_refused_at_once(tmp_path: Path) -> None:
    files = CaseFiles(tmp_path, "case")
    finish(files, "old")
    lock = CaseLock.acquire(files.review_lock, "R1", "desktop")
    with pytest.raises(InputError, match="open elsewhere, by R1"), files.staged():
        raise AssertionError("nothing is computed")
    lock.release()
    finish(files, "new")
    assert not files.review_lock.exists()


def test_no_case_is_called_as_the_half_precision_files_of_another() -> None:
    with pytest.raises(InputError, match="files of case in half precision called"):
        checked_case_id("case_fp16")
    assert case_id_from_name(Path("case_fp16.nii.gz")) == "case-fp16"


def test_a_folder_without_locks_can_be_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As some shares; nobody can open the case for review there either."""
    import fcntl

    def no_locks(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    files = CaseFiles(tmp_path, "case")
    finish(files, "old")
    monkeypatch.setattr(fcntl, "flock", no_locks)
    finish(files, "new")
    assert json.loads(files.findings.read_text()) == {"text": "new"}
    assert not files.review_lock.exists()


def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path: Path) -> None:
    finish(CaseFiles(tmp_path, "case"), "old")
    child = start_child("time.sleep(600)", tmp_path)
    child.kill()
    child.communicate()
    files = CaseFiles(tmp_path, "case")
    assert any(name.startswith(".case.") for name in names(tmp_path))
    assert json.loads(files.findings.read_text()) == {"text": "old"}
    finish(files)
    assert not any(name.startswith(".") for name in names(tmp_path))


def test_what_another_machine_is_writing_is_left_alone(tmp_path: Path) -> None:
    """Its processes are none of ours, so the number of one tells nothing here."""
    no_process_of_this_machine = 2**22 + 1
    theirs = tmp_path / f".case.0123abcd-{no_process_of_this_machine}.staging"
    theirs.mkdir()
    finish(CaseFiles(tmp_path, "case"))
    assert theirs.is_dir()


def test_a_process_that_must_end_at_once_removes_its_own_alone(tmp_path: Path) -> None:
    theirs = tmp_path / f".other.{this_host()}-1.staging"
    theirs.mkdir()
    with CaseFiles(tmp_path, "case").staged() as staged:
        remove_own_staging(tmp_path)
        assert not staged.folder.exists()
    assert theirs.is_dir()


def test_two_processes_do_not_write_one_case(tmp_path: Path) -> None:
    child = start_child("sys.stdin.read()", tmp_path)
    try:
        with pytest.raises(InputError, match=f"being written by process {child.pid}"):
            finish(CaseFiles(tmp_path, "case"))
        finish(CaseFiles(tmp_path, "case.1"))
        assert child.poll() is None
        assert any(name.startswith(".case.") for name in names(tmp_path))
    finally:
        child.kill()
        child.communicate()


def test_ctrl_c_in_a_real_process_leaves_nothing(tmp_path: Path) -> None:
    child = start_child("time.sleep(600)", tmp_path / "out")
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert names(tmp_path) == []


@pytest.mark.parametrize("place", ["a file", "below a file", "where nothing can be made"])
def test_output_that_is_no_folder_is_refused_in_one_line(place: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    folder = {
        "a file": file,
        "below a file": file / "out",
        "where nothing can be made": Path("/proc/self/out"),
    }[place]
    with pytest.raises(InputError) as caught:
        finish(CaseFiles(folder, "case"))
    assert str(folder) in str(caught.value)
    assert "choose another output folder" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["file"]
    assert file.read_text() == "mine"


def test_full_disk_while_writing_json_leaves_nothing(tmp_path: Path) -> None:
    with file_size_limit(4096), pytest.raises(InputError, match="is full"):
        write_json(tmp_path / "big.json", list(range(10000)))
    assert names(tmp_path) == []


def test_full_disk_while_writing_a_mask_leaves_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ct = read_ct(small_ct().write(tmp_path / "ct.nii.gz"))
    mask = np.random.default_rng(0).integers(0, 60000, ct.grid.size).astype(np.uint16)
    output = tmp_path / "out"

    def write() -> None:
        with CaseFiles(output, "case").staged() as staged:
            write_mask(staged.instances, mask, ct)

    capfd.readouterr()
    with file_size_limit(65536), pytest.raises(InputError) as caught:
        write()
    assert "cannot be written" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert names(tmp_path) == ["ct.nii.gz"]


def test_full_disk_while_another_library_writes_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"overview\.png.*is full"), writing_to(tmp_path / "overview.png"):
        Path("/dev/full").write_text("x")


def test_json_is_as_the_seed_writes_it(tmp_path: Path) -> None:
    roi = {"instance": 1, "bbox": [1.5, 2, 3, 4, 5, 6], "class": 0, "center": [1, 2, 3], "prob": 0.25}
    path = tmp_path / "rois.json"
    write_json(path, [roi])
    assert path.read_text() == (
        '[{"instance": 1, "bbox": [1.5, 2, 3, 4, 5, 6], "class": 0, "center": [1, 2, 3], "prob": 0.25}]'
    )


def test_json_separators_are_the_originals(reference: Path, tmp_path: Path) -> None:
    paths = sorted(reference.glob("golden_*/*_roi_infos.json"))
    assert paths
    for path in paths:
        write_json(tmp_path / "copy.json", json.loads(path.read_text()))
        assert (tmp_path / "copy.json").read_text() == path.read_text()


def test_what_json_cannot_hold_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, [1])
    for content in ([float("nan")], [object()]):
        with pytest.raises((ValueError, TypeError)):
            write_json(path, content)
    assert path.read_text() == "[1]"
    assert names(tmp_path) == ["file.json"]


def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_text("old")

    def interrupted() -> None:
        with written_whole(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["mask.nii.gz"]


def test_a_file_is_replaced_not_rewritten(tmp_path: Path) -> None:
    """Whoever has the old file open keeps the whole old file."""
    path = tmp_path / "file.json"
    write_json(path, list(range(1000)))
    with path.open() as reader:
        write_json(path, [1])
        assert json.load(reader) == list(range(1000))
    assert json.loads(path.read_text()) == [1]
