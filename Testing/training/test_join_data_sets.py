"""The tool that joins prepared data sets, as the card of the demonstration weights uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.dataset import read_split_file, stated_data
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.layout import SPLIT_FILE, case_folder
from RibFracTrainingLib.training.data.split import open_split
from RibFracTrainingLib.training.data.tiny import TinySettings, make_tiny_dataset

FEW = TinySettings(training=3, test=1, fracture_free=0, size=(40, 40, 40))


def join(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, REPOSITORY / "tools" / "join_data_sets.py", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8")


def renamed(root: Path, prefix: str) -> Path:
    """The data set with other names for its cases."""
    splits = {
        name: [f"{prefix}{case}" for case in cases]
        for name, cases in read_split_file(root / SPLIT_FILE).items()
    }
    for cases in splits.values():
        for case in cases:
            folder = case_folder(root, case)
            case_folder(root, case.removeprefix(prefix)).rename(folder)
            path = folder / "case.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), "case": case}))
    (root / SPLIT_FILE).write_text(json.dumps({**splits, "data": "simulated"}))
    return root


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return tuple(
        renamed(make_tiny_dataset(tmp_path / name, FEW, seed), f"{name}_")
        for seed, name in enumerate(("one", "two"))
    )


def test_a_mixture_is_trained_on_like_any_data_set(tmp_path: Path, two: tuple[Path, Path]) -> None:
    one, other = two
    run = join(tmp_path / "mixture", one, f"{other}:2")
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"6 cases in {tmp_path / 'mixture'}\n"
    mixed = open_split(tmp_path / "mixture", "training", ClassMap())
    wanted = [*open_split(one, "training", ClassMap()), *open_split(other, "training", ClassMap())[:2]]
    assert [case.case_id for case in mixed] == [case.case_id for case in wanted]
    assert all((a.image() == b.image()).all() for a, b in zip(mixed, wanted, strict=True))
    assert len(open_split(tmp_path / "mixture", "test", ClassMap())) == FEW.test
    assert stated_data(tmp_path / "mixture" / SPLIT_FILE) == "simulated"


def test_a_mixture_with_scans_of_unknown_origin_is_not_called_simulated(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    path = two[1] / SPLIT_FILE
    path.write_text(json.dumps(read_split_file(path)))
    assert join(tmp_path / "mixture", *two).returncode == 0
    assert stated_data(tmp_path / "mixture" / SPLIT_FILE) == "unknown"


@pytest.mark.parametrize(
    "what",
    [
        *("output exists", "output under a file", "no split file", "no splits", "too few", "none", "twice"),
        "not prepared",
    ],
)
def test_unfit_sources_are_refused_and_nothing_is_made(
    what: str, tmp_path: Path, two: tuple[Path, Path]
) -> None:
    one, other = two
    output = tmp_path / "mixture"
    if what == "output exists":
        output.mkdir()
    elif what == "output under a file":
        output = one / SPLIT_FILE / "mixture"
    elif what == "none":
        other = Path(f"{other}:0")
    elif what == "no split file":
        (other / SPLIT_FILE).unlink()
    elif what == "no splits":
        (other / SPLIT_FILE).write_text("[]")
    elif what == "too few":
        other = Path(f"{other}:{FEW.training + 1}")
    elif what == "twice":
        other = one
    else:
        case = read_split_file(other / SPLIT_FILE)["training"][0]
        case_folder(other, case).rename(tmp_path / "elsewhere")
    run = join(output, one, other)
    assert run.returncode == 2
    assert run.stderr.startswith("join_data_sets: ")
    assert run.stderr.count("\n") == 1
    assert not (output / SPLIT_FILE).exists()


def test_a_folder_whose_name_ends_like_a_number_of_cases_can_be_given(
    tmp_path: Path, two: tuple[Path, Path]
) -> None:
    named = two[0].rename(tmp_path / "with:2")
    run = join(tmp_path / "mixture", named, f"{two[1]}:1")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"{FEW.training + FEW.test + 1} cases")
    assert join(tmp_path / "another", f"{named}:1").stdout.startswith("1 cases")
