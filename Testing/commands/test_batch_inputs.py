"""What the inputs of a batch mean, and which process takes what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.volumes import Stored, chest, write_dicom
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.commands.batch.inputs import Source, find_sources
from RibFracDetectorLib.commands.batch.outcomes import FINISHED
from RibFracDetectorLib.commands.batch.plan import make_plan
from RibFracDetectorLib.commands.batch.shards import Shard, choose_shard

OUTPUT = Path("out")


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(inputs: list[Path], split: str = "test", output: Path = OUTPUT) -> list[str]:
    return [source.path.name for source in find_sources(inputs, split, output)]


def test_a_folder_gives_the_scans_below_it_and_no_mask(tmp_path: Path) -> None:
    touch(tmp_path / "a.nii.gz", tmp_path / "sub" / "b.mha", tmp_path / ".hidden" / "c.nii")
    touch(tmp_path / "a_seg.nii.gz", tmp_path / "a-label.nii.gz", tmp_path / "notes.txt")
    touch(tmp_path / "a_roi_det_mask.nii.gz", tmp_path / "a_instances.nii.gz", tmp_path / "out" / "d.nii")
    assert names([tmp_path], output=tmp_path / "out") == ["a.nii.gz", "b.mha"]


def test_where_scans_are_called_images_nothing_else_is_one(tmp_path: Path) -> None:
    touch(tmp_path / "RibFrac1-image.nii.gz", tmp_path / "rib7_image.nii", tmp_path / "atlas.nii.gz")
    assert names([tmp_path]) == ["RibFrac1-image.nii.gz", "rib7_image.nii"]


def test_every_folder_of_slices_is_a_scan(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_dicom(tmp_path / "patient" / name, Stored(chest((24, 20, 8))))
    assert names([tmp_path]) == ["one", "two"]
    assert names([tmp_path / "patient" / "one"]) == ["one"]


def test_a_folder_without_scans_stands_for_itself(tmp_path: Path) -> None:
    assert find_sources([tmp_path], "test", OUTPUT) == [Source(tmp_path)]


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    touch(tmp_path / "a.nii")
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)
    assert names([tmp_path]) == ["a.nii"]


def test_globs(tmp_path: Path) -> None:
    touch(tmp_path / "1" / "ct.nii", tmp_path / "2" / "ct.nii", tmp_path / "2" / "ct_mask.nii")
    touch(tmp_path / "2" / "more" / "ct.nii")
    assert [source.path.parent.name for source in find_sources([tmp_path / "*/*.nii"], "test", OUTPUT)] == [
        "1",
        "2",
    ]
    assert names([tmp_path / "**/ct.nii"]) == ["ct.nii"] * 3
    assert names([tmp_path / "?"]) == ["ct.nii"] * 3
    with pytest.raises(InputError, match="matches 0 files"):
        names([tmp_path / "*.dcm"])


def test_a_file_whose_name_looks_like_a_glob_is_itself(tmp_path: Path) -> None:
    touch(tmp_path / "scan[1].nii")
    assert names([tmp_path / "scan[1].nii"]) == ["scan[1].nii"]


def test_splits_of_a_data_set(tmp_path: Path) -> None:
    touch(tmp_path / "b_image.nii", tmp_path / "far" / "a_image.nii.gz")
    splits = {"training": ["b"], "test": ["far/a", "gone"]}
    (tmp_path / "dataset_1231.json").write_text(json.dumps(splits))
    file = tmp_path / "dataset_1231.json"
    assert find_sources([file], "training", OUTPUT) == [Source(tmp_path / "b_image.nii", "b")]
    # A scan that is missing is one that fails, not one that was never there.
    assert find_sources([file], "test", OUTPUT) == [
        Source(tmp_path / "far" / "a_image.nii.gz", "a"),
        Source(tmp_path / "gone_image.nii.gz", "gone"),
    ]


def test_lists(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text(f"path,case\nx.nii,first\n\n sub/y.nii ,\n{tmp_path / 'z.nii'}\n")
    assert find_sources([table], "test", OUTPUT) == [
        Source(tmp_path / "x.nii", "first"),
        Source(tmp_path / "sub/y.nii"),
        Source(tmp_path / "z.nii"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("list.csv", "path,case\n", "no scan in it"),
        ("list.csv", "a.nii,one,two\n", "expected path"),
        ("list.csv", "a.nii,../up\n", "case id"),
        ("list.csv", f"a.nii,{'x' * 200_000}\n", "no table"),
        ("dataset.json", "[]", "expected"),
        ("dataset.json", '{"training": [], "test": []}', "is empty"),
        ("dataset.json", '{"training": ["a"], "test": ["b/a"]}', "stands in training and in test"),
        ("dataset.json", "{", "not a readable JSON"),
        ("dataset.json", "[" * 100_000, "not a readable JSON"),
    ],
)
def test_a_broken_list_is_refused(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message) as error:
        find_sources([tmp_path / name], "test", OUTPUT)
    assert len(str(error.value).splitlines()) == 1


def test_a_list_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("Müller.nii\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"list.csv: not UTF-8 .*; save it as UTF-8"):
        find_sources([tmp_path / "list.csv"], "test", OUTPUT)


def test_what_is_named_twice_is_one_scan(tmp_path: Path) -> None:
    touch(tmp_path / "a.nii", tmp_path / "b.nii")
    assert names([tmp_path / "b.nii", tmp_path, tmp_path / "*.nii"]) == ["b.nii", "a.nii"]


@given(count=st.integers(1, 9), items=st.lists(st.integers(), unique=True))
def test_shards_are_a_partition(count: int, items: list[int]) -> None:
    parts = [Shard(index, count).of(items) for index in range(count)]
    assert sorted(item for part in parts for item in part) == sorted(items)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1, None)),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, (3, 8, 1)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, (0, 1, None)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}, (2, 4, 0)),
        ({"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "5"}, (2, 5, None)),
        (
            {
                "SLURM_ARRAY_TASK_ID": "14",
                "SLURM_ARRAY_TASK_COUNT": "3",
                "SLURM_ARRAY_TASK_MIN": "10",
                "SLURM_ARRAY_TASK_MAX": "14",
                "SLURM_ARRAY_TASK_STEP": "2",
                "SLURM_PROCID": "1",
                "SLURM_NTASKS": "2",
            },
            (5, 6, None),
        ),
        # torchrun inside SLURM: torchrun has started the processes.
        ({"RANK": "1", "WORLD_SIZE": "2", "SLURM_PROCID": "0", "SLURM_NTASKS": "1"}, (1, 2, None)),
    ],
)
def test_launchers_tell_the_shard(environment: dict[str, str], expected: tuple[int, int, int | None]) -> None:
    shard = choose_shard(None, environment)
    assert (shard.index, shard.count, shard.local_rank) == expected
    assert choose_shard("1/3", environment).label == "1@3"


@pytest.mark.parametrize(
    ("given_shard", "environment"),
    [
        ("3/3", {}),
        ("1", {}),
        ("-1/2", {}),
        (
            None,
            {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_MAX": "5"}
            | {"SLURM_ARRAY_TASK_MIN": "2"},
        ),
        (None, {"RANK": "2", "WORLD_SIZE": "2"}),
    ],
)
def test_impossible_shards_are_refused(given_shard: str | None, environment: dict[str, str]) -> None:
    with pytest.raises(InputError):
        choose_shard(given_shard, environment)


def test_a_plan_leaves_out_what_is_finished_and_tells_clashes(tmp_path: Path) -> None:
    sources = [Source(Path(f"{folder}/{name}.nii")) for folder, name in ("ax", "ay", "bx", "az")]
    (tmp_path / "y_findings.json").write_text("{}")
    plan = make_plan(sources, Shard(), tmp_path, overwrite=False)
    assert [source.case_id for source in plan.todo] == ["x", "z"]
    assert [outcome.state for outcome in plan.settled if outcome.error is None] == [FINISHED]
    (failed,) = [outcome.error for outcome in plan.settled if outcome.error is not None]
    assert "would both be case x; rename" in str(failed)
    again = make_plan(sources, Shard(), tmp_path, overwrite=True)
    assert [source.case_id for source in again.todo] == ["x", "y", "z"]


def test_ids_that_are_one_file_on_windows_and_macos_clash(tmp_path: Path) -> None:
    """The second scan would pass for finished there, with the findings of the first."""
    names_of_one = ["Größe", "GRÖSSE", "größe"]
    sources = [Source(Path(str(at)) / f"{name}.nii") for at, name in enumerate(names_of_one)]
    plan = make_plan(sources, Shard(), tmp_path, overwrite=False)
    assert [source.case_id for source in plan.todo] == ["Größe"]
    assert all("tells capitals from small" in str(outcome.error) for outcome in plan.settled)


@given(count=st.integers(1, 6), done=st.sets(st.integers(0, 11)))
def test_a_shard_does_not_change_when_cases_are_finished(count: int, done: set[int]) -> None:
    """A killed shard goes on with its own scans, whatever the others have finished meanwhile."""
    import tempfile

    sources = [Source(Path(f"{number:02d}.nii")) for number in range(12)]
    with tempfile.TemporaryDirectory() as folder:
        for number in done:
            (Path(folder) / f"{number:02d}_findings.json").write_text("{}")
        plans = [make_plan(sources, Shard(index, count), Path(folder), False) for index in range(count)]
    for index, plan in enumerate(plans):
        ids = {source.case_id for source in plan.todo} | {outcome.name for outcome in plan.settled}
        assert ids == {f"{number:02d}" for number in range(index, 12, count)}
