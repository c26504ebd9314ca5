"""`ribfrac prepare` run again, killed, with several processes, on a full disk, without its package."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.command_line import command, environment, ribfrac
from ribfrac_testing.training_data import (
    SIZE,
    Scan,
    some_scans,
    write_ribfrac,
)
from ribfrac_testing.volumes import Stored
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.layout import case_folder
from RibFracTrainingLib.training.data.prepared import read_case

CLASSES = ClassMap()


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()
    }


def test_cases_that_left_are_removed_from_the_task(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    options = ["--output", tmp_path / "out", "--format", "nndetection", "--folds", "2"]
    assert ribfrac("prepare", source, *options).returncode == 0
    assert ribfrac("prepare", source, *options, "--leave-out", "RibFrac10").returncode == 0
    names = {path.name.split(".")[0].split("_")[0] for path in (tmp_path / "out").glob("Task*/raw*/*/*")}
    assert names == some_scans().keys() - {"RibFrac10"}
    assert "RibFrac10" not in (tmp_path / "out" / "dataset.json").read_text()


def test_second_run_skips_what_is_finished_and_redoes_what_changed(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans, parts=1)
    out = tmp_path / "out"
    assert ribfrac("prepare", source, "--output", out).returncode == 0
    times = {name: (case_folder(out, name) / "image.npy").stat().st_mtime_ns for name in scans}
    (out / "RibFrac2_image.nii.gz").unlink()
    moved = Scan({1: (12, 20, 12, 17, 26, 17)})
    moved.mask().write(source / "labels-1" / "RibFrac1-label.nii.gz")
    table = (
        (source / "info-1.csv")
        .read_text()
        .replace("RibFrac1,2,2", "")
        .replace("RibFrac10,300,3", "RibFrac10,300,4")
    )
    (source / "info-1.csv").write_text(table)
    done = ribfrac("prepare", source, "--output", out)
    assert done.returncode == 0, done.stderr
    again = {
        name for name in scans if (case_folder(out, name) / "image.npy").stat().st_mtime_ns != times[name]
    }
    assert again == {"RibFrac1", "RibFrac2", "RibFrac10"}, "a changed mask, a lost file, a changed class"
    assert [lesion.box for lesion in read_case(case_folder(out, "RibFrac1")).lesions] == [moved.lesions[1]]
    assert [lesion.label for lesion in read_case(case_folder(out, "RibFrac10")).lesions] == [4]
    assert (out / "RibFrac2_image.nii.gz").is_file()


def test_killed_and_resumed_equals_uninterrupted(tmp_path: Path) -> None:
    """Killed again and again, each time after it has prepared one more case."""
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    assert ribfrac("prepare", source, "--output", tmp_path / "whole").returncode == 0
    out = tmp_path / "killed"
    for kill_after in range(1, len(scans) + 1):
        process = subprocess.Popen(
            command("prepare", source, "--output", out),
            env=environment(),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            encoding="utf-8",
        )
        for line in process.stderr:
            if line.startswith(f"[{kill_after}/"):
                time.sleep(0.01 * kill_after)  # in the midst of the next case
                break
        process.kill()
        process.wait()
        process.stderr.close()
        finished = (out / "dataset.json").exists()  # the kill may come too late
        for name in scans:
            if finished or case_folder(out, name).exists():
                case = read_case(case_folder(out, name))
                assert np.array_equal(case.image(), Scan(scans[name].lesions).image().array)
    done = ribfrac("prepare", source, "--output", out)
    assert done.returncode == 0, done.stderr
    assert "was finished" in done.stderr
    assert contents(out) == contents(tmp_path / "whole")


def test_remains_of_killed_runs_are_removed(tmp_path: Path) -> None:
    """Of a case, which may have left the data set since, of a split file, and of a task."""
    source = write_ribfrac(tmp_path / "source", some_scans())
    options = ["--output", tmp_path / "out", "--folds", "2", "--format", "nndetection"]
    assert ribfrac("prepare", source, *options).returncode == 0
    before = contents(tmp_path / "out")
    remains = ["cache/.gone.partial/image.npy", ".77-dataset.json", ".77-dataset_fold1.json"]
    remains.append("Task100_RibFrac/preprocessed/.77-splits_final.pkl")
    remains.append("Task100_RibFrac/raw_splitted/imagesTr/.77-RibFrac1_0000.nii.gz")
    for name in remains:
        (tmp_path / "out" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "out" / name).write_bytes(b"half")
    (tmp_path / "out" / ".my-notes.json").write_text("{}")
    assert ribfrac("prepare", source, *options).returncode == 0
    after = contents(tmp_path / "out")
    assert after.pop(".my-notes.json") == b"{}"
    assert after == before


def test_two_processes_make_the_same_files(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    assert ribfrac("prepare", source, "--output", tmp_path / "one").returncode == 0
    done = ribfrac("prepare", source, "--output", tmp_path / "two", "--jobs", "2")
    assert done.returncode == 0, done.stderr
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM that a process can answer")
def test_sigterm_ends_with_130_and_leaves_whole_cases(tmp_path: Path) -> None:
    source = write_ribfrac(tmp_path / "source", some_scans())
    process = subprocess.Popen(
        command("prepare", source, "--output", tmp_path / "out"),
        env=environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        encoding="utf-8",
    )
    next(line for line in process.stderr if line.startswith("[1/"))
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 130
    assert not list((tmp_path / "out" / "cache").glob(".*"))
    assert read_case(case_folder(tmp_path / "out", "RibFrac1")).image().shape == SIZE


def test_a_full_disk_is_told_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from RibFracDetectorLib.case.errors import InputError
    from RibFracTrainingLib.training.data.prepare import run

    source = write_ribfrac(tmp_path / "source", some_scans())
    monkeypatch.setattr(run, "free_bytes", lambda _folder: 100_000)
    options = run.PrepareOptions((source,), tmp_path / "out")
    with pytest.raises(InputError, match="does not fit") as error:
        run.prepare(options, lambda _line: None)
    assert error.value.exit_status == 2
    assert not (tmp_path / "out").exists()


def test_the_disk_need_is_an_upper_bound(tmp_path: Path) -> None:
    """Of the noisiest scan there is, which no compression makes smaller."""
    from RibFracTrainingLib.training.data.prepare.disk import bytes_needed

    scan = Scan({1: (6, 8, 10, 12, 15, 18)}, {1: 1})
    source = write_ribfrac(tmp_path / "source", {"a": scan, "b": scan})
    noise = np.random.default_rng(0).integers(-1024, 3071, SIZE).astype(np.int16)
    Stored(noise, (2.0, 2.0, 2.0)).write(source / "images-1" / "a-image.nii.gz")
    options = ["--folds", "2", "--format", "nndetection"]
    done = ribfrac("prepare", source, "--output", tmp_path / "out", *options)
    assert done.returncode == 0, done.stderr
    grids = [read_case(case_folder(tmp_path / "out", name)).grid for name in "ab"]
    small_files = 20_000  # of JSON and of file headers, which weigh here alone
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert written <= bytes_needed(grids, writes_nifti=True, nndetection=True) + small_files


def test_without_the_training_package_one_line_tells_so(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['RibFracTrainingLib'] = None; from RibFracDetectorLib.cli import main;"
        "sys.exit(main(sys.argv[1:]))"
    )
    arguments = [sys.executable, "-c", script, "prepare", str(tmp_path), "--output", str(tmp_path / "out")]
    done = subprocess.run(arguments, env=environment(), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert "RibFracTrainingLib" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_output_inside_the_source_is_not_read_again(tmp_path: Path) -> None:
    scans = some_scans()
    source = write_ribfrac(tmp_path / "source", scans)
    for _ in range(2):
        done = ribfrac("prepare", source, "--output", source / "prepared", "--folds", "2")
        assert done.returncode == 0, done.stderr
        assert f"{len(scans)} cases" in done.stdout
