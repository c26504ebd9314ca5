"""`ribfrac detect` on a folder and `ribfrac test`, as processes."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
import torch
from ribfrac_testing.batch_data import LESIONS, SMALL_SCAN, write_dataset, write_scans
from ribfrac_testing.command_line import SMALL, events, ribfrac
from RibFracDetectorLib.cli import main
from RibFracDetectorLib.evaluation.case_table import COLUMNS

HEADS = ("det", "seg")


def test_a_folder_with_a_broken_scan(busy_weights: Path, tmp_path: Path) -> None:
    scans, output = tmp_path / "scans", tmp_path / "out"
    write_scans(scans, ["a", "c"])
    (scans / "b.nii.gz").write_bytes(b"no scan")
    arguments = ("--output", output, "--weights", busy_weights, *SMALL)
    run = ribfrac("detect", scans, *arguments, "--progress", "jsonl")
    assert run.returncode == 2, run.stderr
    told = events(run.stdout)
    batch = [(event["done"], event["total"]) for event in told if event["event"] == "batch"]
    assert batch == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert [event["case"] for event in told if event["event"] == "result"] == ["a", "c"]
    (error,) = [event for event in told if event["event"] == "error"]
    assert (error["case"], error["exit_status"]) == ("b", 2)
    assert told[-1]["event"] == "summary"
    assert (told[-1]["detected"], told[-1]["failed"]) == (2, 1)
    again = ribfrac("detect", scans, *arguments)
    assert again.returncode == 2
    assert "3 scans: 0 detected in with 0 findings, 2 finished before, 1 failed" in again.stdout
    assert "b.nii.gz" in again.stderr


@pytest.fixture(scope="module")
def tested(busy_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str | Path]]:
    """The folder of a test of three scans in two shards, one scan missing, and how it was started."""
    root = tmp_path_factory.mktemp("tested")
    write_dataset(root / "data", ["t"], ["x", "y", "z"])
    (root / "data" / "y_image.nii.gz").unlink()
    arguments = [
        "test",
        "smoke",
        busy_weights,
        "~data.simulated",
        "data.folder=data",
        "--cutoff",
        "0.4",
        *SMALL,
    ]
    arguments += ["--bootstrap", "20"]
    first = ribfrac(*arguments, "--shard", "0/2", cwd=root)
    assert first.returncode == 0, first.stderr
    output = root / "work_dirs" / "smoke" / "visual_data_test_cutoff0.4_nii"
    assert not (output / "aug_inference_all.csv").exists()
    assert not (output / "map.json").exists()
    second = ribfrac(*arguments, "--shard", "1/2", cwd=root)
    assert second.returncode == 2, second.stderr
    assert "y_image.nii.gz" in second.stderr
    assert "det mAP" in second.stdout
    return output, arguments


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as stream:
        reader = csv.DictReader(stream)
        assert tuple(reader.fieldnames or ()) == COLUMNS
        return {row["cid"]: row for row in reader}


def test_every_shard_has_its_table_and_they_are_joined(tested: tuple[Path, list]) -> None:
    output, _ = tested
    parts = [rows_of(output / f"aug_inference_{index}@2.csv") for index in (0, 1)]
    assert [sorted(part) for part in parts] == [["x", "z"], ["y"]]
    assert rows_of(output / "aug_inference_all.csv") == {**parts[0], **parts[1]}


def test_the_table_says_what_the_metrics_say(tested: tuple[Path, list]) -> None:
    output, _ = tested
    rows = rows_of(output / "aug_inference_all.csv")
    values = json.loads((output / "center.json").read_text())
    for head in HEADS:
        for case_id, counts in values[head]["per_case"].items():
            for name in ("recall", "precision", "fp", "fn", "tp"):
                cell = rows[case_id][f"{head}_{name}"]
                assert (float(cell) if cell else None) == counts[name], (case_id, head, name)
    assert {row["det_fn"] for row in rows.values() if not row["infertime"]} == {str(len(LESIONS))}
    row = rows["x"]
    assert [int(row[f"img_dim{axis}"]) for axis in range(3)] == list(SMALL_SCAN)
    assert [float(row[f"spacing_dim{axis}"]) for axis in range(3)] == [-2.0, -2.0, 2.0]
    assert 0 <= float(row["seg_dice0"]) <= 1
    assert float(row["infertime"]) > 0
    assert values["data"] == "simulated"


def test_all_is_evaluated_from_saved_results_too(tested: tuple[Path, list], tmp_path: Path) -> None:
    output, _ = tested
    dataset = output.parents[2] / "data" / "dataset.json"
    run = ribfrac("evaluate", output, dataset, "--metric", "center", "--output", tmp_path, "--bootstrap", 20)
    assert run.returncode == 0, run.stderr
    table = "aug_inference_all.csv"
    assert (tmp_path / table).read_bytes() == (output / table).read_bytes()
    mean = json.loads((tmp_path / "center.json").read_text())["det"]["froc"]["mean"]
    assert not math.isnan(mean)


def test_another_checkpoint_is_not_given_these_results(
    tested: tuple[Path, list], busy_weights: Path, tmp_path: Path
) -> None:
    output, arguments = tested
    other = tmp_path / "other.pth"
    torch.save({**torch.load(busy_weights, weights_only=True), "note": "another file"}, other)
    before = (output / "map.json").read_bytes()
    wanted = [other if item == busy_weights else item for item in arguments]
    run = ribfrac(*wanted, cwd=output.parents[2])
    assert run.returncode == 2
    assert "other weights" in run.stderr
    assert (output / "map.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--eval", "accuracy", "data.folder=."], "--eval"),
        ([], "names no data set"),
        (["data.folder=nowhere"], "nowhere"),
        (["data.folder=.", "--shard", "2/2"], "shard"),
    ],
)
def test_wrong_input_is_told_before_anything_is_computed(
    arguments: list[str],
    message: str,
    busy_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process, because starting one with all that training needs takes seconds."""
    write_dataset(tmp_path, ["a"], ["b"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("RibFracDetectorLib.cli.signal.signal", lambda *_: None)  # the suite keeps its own
    assert main(["test", "ribfrac_s", str(busy_weights), *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "work_dirs").exists()
