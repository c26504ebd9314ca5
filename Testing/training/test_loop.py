"""What a run leaves behind, what it refuses before it starts, and what it survives."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ribfrac_testing.training_runs import (
    PARTS,
    callback,
    checkpoint,
    differences,
    train,
    train_here,
    trained,
    write_tiny_configuration,
)
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine.network import build_network
from RibFracTrainingLib.training.loop import memory, precision, start
from RibFracTrainingLib.training.loop.memory import bytes_of_step, check_memory
from RibFracTrainingLib.training.loop.records import Table
from RibFracTrainingLib.training.module import TrainingDivergedError
from RibFracTrainingLib.training.schedules import constant, cosine, cyclic, poly
from torch import nn


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that has made its data and been trained for four epochs."""
    folder = tmp_path_factory.mktemp("tiny")
    configuration = write_tiny_configuration(folder)
    overrides = ("loop.epochs=4", "checkpoints.keep=2", "validation.every_epochs=2")
    train_here(configuration, folder / "first", *overrides)
    return configuration


def shared_data(tiny: Path) -> list[str]:
    return ["data.simulated=null", f"data.folder={tiny.parent / 'first' / 'data'}", "loop.epochs=1"]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_folder_is_complete(tiny: Path) -> None:
    folder = tiny.parent / "first"
    names = {path.name for path in folder.iterdir()}
    assert {"config.yaml", "train.csv", "epochs.csv", "validation.csv", "train.log", "curves.png"} <= names
    assert {name for name in names if name.startswith("epoch_")} == {"epoch_3.pth", "epoch_4.pth"}
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert list((folder / "tensorboard").iterdir())
    assert [row["epoch"] for row in rows(folder / "validation.csv")] == ["2", "4"]
    epochs = rows(folder / "epochs.csv")
    assert [row["epoch"] for row in epochs] == ["1", "2", "3", "4"]
    assert all(float(row["peak_memory_gb"]) > 0 and float(row["seconds"]) >= 0 for row in epochs)
    steps = [int(row["step"]) for row in rows(folder / "train.csv")]
    assert steps == list(range(1, len(steps) + 1))


def test_the_best_checkpoint_is_that_of_the_highest_map(tiny: Path) -> None:
    folder = tiny.parent / "first"
    (best,) = folder.glob("best_mAP_epoch_*.pth")
    maps = {int(row["epoch"]): float(row["mAP"]) for row in rows(folder / "validation.csv")}
    assert checkpoint(best)["meta"]["epoch"] == max(maps, key=maps.__getitem__)


def test_a_checkpoint_tells_detection_what_it_has_learnt_from_and_with(tiny: Path) -> None:
    meta = checkpoint(tiny.parent / "first" / "latest.pth")["meta"]
    assert meta["training_data"] == "simulated"
    assert json.loads(meta["inference"])["roi_size"] == [32, 32, 32]


def test_the_saved_configuration_repeats_the_run(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path / "one", *shared_data(tiny))
    train_here(tmp_path / "one" / "config.yaml", tmp_path / "two")
    one, two = (checkpoint(tmp_path / name / "latest.pth")["state_dict"] for name in ("one", "two"))
    assert not differences(one, two)


def test_voxels_alone_leave_the_box_head_as_it_was(tiny: Path, tmp_path: Path) -> None:
    overrides = (*shared_data(tiny), "losses={_delete_: true, name: voxels}", "validation.every_epochs=null")
    train_here(tiny, tmp_path / "short", *overrides, "optimizer.lr=1e-9")
    train_here(tiny, tmp_path / "long", *overrides)
    short, long = (checkpoint(tmp_path / name / "latest.pth")["state_dict"] for name in ("short", "long"))
    changed = {fault.split("/")[1].split(".")[0] for fault in differences(short, long)}
    assert changed == {"stem", "voxels"}
    row = rows(tmp_path / "long" / "train.csv")[0]
    assert float(row["dice"]) > 0
    assert "class_level0" not in row


def test_ema_is_what_is_saved_for_detection(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path, *shared_data(tiny), "averaging={name: ema, decay: 0.9}")
    content = checkpoint(tmp_path / "latest.pth")
    assert content["state_dict"].keys() == content["current_state_dict"].keys()
    assert differences(content["state_dict"], content["current_state_dict"])


def test_ema_follows_its_formula(tiny: Path, tmp_path: Path) -> None:
    """With decay d and weights w1, w2, ...: the first is copied, then d * average + (1 - d) * weights."""
    average = None
    for steps in (1, 2, 3):
        folder = tmp_path / str(steps)
        limits = [*shared_data(tiny)[:2], "loop.epochs=null", f"loop.max_steps={steps}"]
        # A schedule that does not depend on the number of steps.
        train_here(
            tiny,
            folder,
            *limits,
            "schedule={_delete_: true, name: constant}",
            "averaging={name: ema, decay: 0.75}",
        )
        content = checkpoint(folder / "latest.pth")
        weights = content["current_state_dict"]["scores.weight"]
        average = weights if average is None else 0.75 * average + 0.25 * weights
        torch.testing.assert_close(content["state_dict"]["scores.weight"], average)


def test_max_steps_ends_a_run(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path, *shared_data(tiny)[:2], "loop.epochs=null", "loop.max_steps=3")
    assert checkpoint(tmp_path / "latest.pth")["global_step"] == 3


def test_a_step_without_finite_gradients_is_skipped_and_counted(tiny: Path, tmp_path: Path) -> None:
    overrides = [*shared_data(tiny)[:2], "loop.epochs=null", "schedule={_delete_: true, name: constant}"]
    train_here(tiny, tmp_path / "before", *overrides, "loop.max_steps=1")
    poison = callback("PoisonAt", first=1, last=2)
    train_here(tiny, tmp_path / "poisoned", *overrides, "loop.max_steps=3", poison)
    before, after = (checkpoint(tmp_path / name / "latest.pth") for name in ("before", "poisoned"))
    assert not differences(before["state_dict"], after["state_dict"])
    assert not differences(before["optimizer_states"][0]["state"], after["optimizer_states"][0]["state"])
    assert after["ribfrac"]["skipped_steps"] == 2
    assert rows(tmp_path / "poisoned" / "train.csv")[-1]["skipped_steps"] == "2"
    train_here(tiny, tmp_path / "healed", *overrides, "loop.max_steps=5", poison)
    content = checkpoint(tmp_path / "healed" / "latest.pth")
    assert all(torch.isfinite(tensor).all() for tensor in content["state_dict"].values())
    assert differences(before["state_dict"], content["state_dict"])


def test_a_run_that_diverges_has_saved_every_so_many_steps_and_counted_each_epoch(
    tiny: Path, tmp_path: Path
) -> None:
    """Of seven steps an epoch two are dropped in the first, and all from the sixth of the second on."""
    poison = [f"{{name: '{PARTS}:PoisonAt', first: {a}, last: {b}}}" for a, b in ((1, 2), (12, 99))]
    guard = ("loop.nonfinite_limit=4", "checkpoints.every_steps=3", f"callbacks=[{', '.join(poison)}]")
    with pytest.raises(TrainingDivergedError):
        train_here(tiny, tmp_path, *shared_data(tiny)[:2], "loop.epochs=3", *guard)
    assert [row["skipped_steps"] for row in rows(tmp_path / "epochs.csv")] == ["2", "2"]
    assert checkpoint(tmp_path / "latest.pth")["global_step"] == 15


def test_gradients_that_stay_nan_stop_the_run(tiny: Path, tmp_path: Path) -> None:
    poison = callback("PoisonAt", first=2, last=99)
    with pytest.raises(TrainingDivergedError, match=r"3 steps in a row.*optimizer\.lr.*--resume auto"):
        train_here(tiny, tmp_path, *shared_data(tiny), poison, "loop.nonfinite_limit=3")


def test_bf16_trains(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        precision, "cpu_computes_bf16", lambda: True
    )  # a CPU that emulates it is slow, no more
    train_here(tiny, tmp_path, *shared_data(tiny), "loop.precision=bf16")
    content = checkpoint(tmp_path / "latest.pth")["state_dict"]
    assert all(t.dtype == torch.float32 and torch.isfinite(t).all() for t in content.values())


@pytest.mark.parametrize("wanted", ["bf16", "fp16"])
def test_a_precision_that_this_cpu_lacks_is_left_for_float32(
    wanted: str, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "cpu_computes_bf16", lambda: False)
    train_here(tiny, tmp_path / "wanted", *shared_data(tiny), f"loop.precision={wanted}")
    assert "training in fp32" in (tmp_path / "wanted" / "train.log").read_text()
    train_here(tiny, tmp_path / "exact", *shared_data(tiny), "loop.precision=fp32")
    there, here = (checkpoint(tmp_path / name / "latest.pth")["state_dict"] for name in ("wanted", "exact"))
    assert not differences(there, here)


def test_a_precision_of_validation_that_this_cpu_lacks_is_refused_at_once(tiny: Path, tmp_path: Path) -> None:
    validation = ("validation.every_epochs=1", "validation.precision=fp16")
    with pytest.raises(InputError, match="precision fp16 needs a GPU"):
        train_here(tiny, tmp_path, *shared_data(tiny), *validation)
    assert not (tmp_path / "latest.pth").exists()


@pytest.mark.slow
def test_early_stopping(tiny: Path, tmp_path: Path) -> None:
    overrides = [*shared_data(tiny)[:2], "loop.epochs=9", "validation.every_epochs=1"]
    # No rise is that large: the first value stays the best.
    stop = "callbacks=[{name: early_stopping, patience: 2, min_delta: 2.0}]"
    train_here(tiny, tmp_path, *overrides, stop)
    assert checkpoint(tmp_path / "latest.pth")["meta"]["epoch"] == 3


def damaged(tiny: Path, folder: Path) -> Path:
    """A copy of the data set, to be damaged."""
    return Path(shutil.copytree(tiny.parent / "first" / "data", folder / "data"))


def edit_case(data: Path, number: int, **changes: object) -> str:
    """Change a lesion of a training case that has some; returns the case id."""
    for path in sorted((data / "cache").glob("*/case.json")):
        content = json.loads(path.read_text())
        if content["lesions"]:
            content["lesions"][number] |= changes
            path.write_text(json.dumps(content))
            return path.parent.name
    raise AssertionError("no case with lesions")


def refusal(tiny: Path, tmp_path: Path, data: Path, *overrides: str) -> str:
    """What is said of a data set, before anything is trained."""
    with pytest.raises(InputError) as error:
        train_here(
            tiny, tmp_path / "run", "data.simulated=null", f"data.folder={data}", "loop.epochs=1", *overrides
        )
    assert not (tmp_path / "run").exists()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_bad_data_are_named_at_start(tiny: Path, tmp_path: Path) -> None:
    assert "is no folder" in refusal(tiny, tmp_path, tmp_path / "nowhere")
    data = damaged(tiny, tmp_path / "a")
    case = edit_case(data, 0, label=9)
    assert f"{case}: instance" in (said := refusal(tiny, tmp_path, data))
    assert "class 9, outside the label map" in said
    data = damaged(tiny, tmp_path / "b")
    min((data / "cache").glob("*/image.npy")).unlink()
    assert "image.npy: no readable array" in refusal(tiny, tmp_path, data)
    data = damaged(tiny, tmp_path / "c")
    image = min((data / "cache").glob("*/image.npy"))
    np.save(image, np.load(image)[:-1])
    assert "is expected" in refusal(tiny, tmp_path, data)
    data = damaged(tiny, tmp_path / "d")
    split = json.loads((data / "dataset.json").read_text())
    (data / "dataset.json").write_text(json.dumps({**split, "training": []}))
    assert 'the split "training" is empty' in refusal(tiny, tmp_path, data)
    said = refusal(tiny, tmp_path, tiny.parent / "first" / "data", "data.label_map={1: null, 2: null}")
    assert "outside the label map" in said


def test_no_fracture_anywhere(tiny: Path, tmp_path: Path) -> None:
    data = damaged(tiny, tmp_path)
    for path in (data / "cache").glob("*/case.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "lesions": []}))
        np.save(path.with_name("lesion_voxels.npy"), np.zeros((0, 4), np.uint16))
    assert "no fracture in any case" in refusal(tiny, tmp_path, data)


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        (["augmentation.patch_size=[64, 32, 32]"], "is larger than sampling.crop_size"),
        (["augmentation.patch_size=[40, 32, 32]"], "three multiples of 16"),
        (["augmentation.patch_size=[16, 32, 32]"], "each at least 32"),
        (
            ["augmentation.patch_size=[1600, 1600, 1600]", "sampling.crop_size=[1600, 1600, 1600]"],
            "a step with 2 patches of 1600 x 1600 x 1600 voxels needs about",
        ),
        (["load_from=nothing.pth"], "nothing.pth does not exist"),
        (["devices.accelerator=gpu"], "devices"),
    ],
)
def test_impossible_runs_are_refused_at_start(
    tiny: Path, tmp_path: Path, overrides: list[str], part: str
) -> None:
    if overrides == ["devices.accelerator=gpu"] and torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    assert part in refusal(tiny, tmp_path, tiny.parent / "first" / "data", *overrides)


def test_a_refused_run_that_makes_its_own_data_leaves_no_folder(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="three multiples of 16"):
        train_here(tiny, tmp_path / "run", "augmentation.patch_size=[40, 32, 32]")
    assert not (tmp_path / "run").exists()


def test_a_training_starts_from_the_weights_of_a_file_of_its_own_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored, network = nn.Conv3d(1, 1, 1), nn.Conv3d(1, 1, 1)
    weights = SimpleNamespace(state_dict=stored.state_dict(), architecture="S")
    monkeypatch.setattr(start, "load_weights", lambda _path: weights)
    start.load_start_weights(network, "start.pth")
    assert not differences(dict(network.state_dict()), dict(stored.state_dict()))
    with pytest.raises(InputError, match=r"start\.pth holds a network S, not the configured one"):
        start.load_start_weights(nn.Conv3d(1, 1, 1, bias=False), "start.pth")


def test_memory_grows_with_patch_and_batch() -> None:
    network = build_network("S")
    one = bytes_of_step(network, (64, 64, 64), 1, half=False)
    weights = bytes_of_step(network, (32, 32, 32), 0, half=False)
    assert bytes_of_step(network, (128, 64, 64), 1, half=False) - weights == pytest.approx(
        2 * (one - weights), rel=1e-6
    )
    assert bytes_of_step(network, (64, 64, 64), 2, half=True) == pytest.approx(one, rel=1e-6)
    assert weights == 16 * sum(parameter.numel() for parameter in network.parameters())
    check_memory(one, one, (64, 64, 64), 1, "cpu")
    with pytest.raises(InputError, match="1 patches of 64 x 64 x 64 voxels needs about"):
        check_memory(one, one - 1, (64, 64, 64), 1, "cpu")


@pytest.mark.parametrize(("limit", "used", "free"), [("1000", "400", 600), ("max", "400", 2**63)])
def test_memory_that_a_container_leaves(
    limit: str, used: str, free: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text(f"{used}\n")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: SimpleNamespace(available=2**70))
    assert memory.free_bytes(torch.device("cpu")) == free


def test_schedules() -> None:
    factor = poly(1000, 1e-4, warmup_steps=100)
    assert factor(0) == pytest.approx(0.1)
    assert factor(50) == pytest.approx(0.55 * ((9e-5 * 0.95**0.99 + 1e-5) / 1e-4))
    assert factor(1000) == pytest.approx(0.1)
    assert cosine(100, 1.0, min_lr=0.0, warmup_steps=0)(50) == pytest.approx(0.5)
    wave = cyclic(10, 1.0, min_lr=0.0)
    assert [wave(step) for step in (0, 9, 10)] == pytest.approx([1, 0, 1])
    long_wave = cyclic(10, 1.0, min_lr=0.0, epochs_per_cycle=2)
    assert [long_wave(step) for step in (0, 19, 20)] == pytest.approx([1, 0, 1])


def test_every_schedule_but_the_cyclic_one_begins_with_the_warm_up_and_ends_at_its_floor() -> None:
    assert [constant(warmup_steps=10)(step) for step in (0, 5, 10)] == pytest.approx([0.1, 0.55, 1])
    for schedule in (poly, cosine):
        plain = schedule(100, 1.0, min_lr=0.2, warmup_steps=0)
        warmed = schedule(100, 1.0, min_lr=0.2, warmup_steps=10)
        assert [warmed(step) for step in (0, 5)] == pytest.approx([0.1, 0.55 * plain(5)])
        assert [warmed(step) for step in (10, 99)] == [plain(10), plain(99)]
        assert [plain(step) for step in (0, 100, 101)] == pytest.approx([1, 0.2, 0.2])


def test_a_table_forgets_what_comes_after_and_half_rows(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv")
    for step in range(5):
        table.append({"step": step, "loss": step / 3})
    with table.path.open("a") as file:
        file.write("5,0.")
    assert [row["step"] for row in table.rows()] == ["0", "1", "2", "3", "4"]
    table.forget_after(2)
    assert table.path.read_text().splitlines()[-1] == f"2,{2 / 3}"


def test_progress_for_programs(tiny: Path, tmp_path: Path) -> None:
    done = train(tiny, *shared_data(tiny), "--output", tmp_path, "--progress", "jsonl")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["event"] for event in events[:1]] == ["hello"]
    steps = [event for event in events if event["event"] == "step"]
    assert [event["step"] for event in steps] == list(range(1, steps[0]["total"] + 1))
    assert all(event["seconds_left"] is None or event["seconds_left"] >= 0 for event in steps)
    assert events[-1] == {"event": "result", "folder": str(tmp_path)}


@pytest.mark.slow
def test_print_shows_and_does_nothing(tiny: Path, tmp_path: Path) -> None:
    done = train(tiny, "--output", tmp_path / "run", "--print", "optimizer.lr=0.125")
    assert "lr: 0.125" in done.stdout
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_processes_train_in_step(tiny: Path, tmp_path: Path) -> None:
    """Each writes what it has seen and what it knows in the end."""
    spy = callback("Spy", folder=f"'{tmp_path}'")
    trained(tiny, *shared_data(tiny), "--output", tmp_path / "run", "devices.count=2", spy)
    first, second = (torch.load(tmp_path / f"spy_{rank}.pt", weights_only=True) for rank in (0, 1))
    assert not differences(first["weights"], second["weights"])
    assert len(first["seen"]) == len(second["seen"]) > 0
    assert not set(map(tuple, first["seen"])) & set(map(tuple, second["seen"]))
    assert not math.isnan(float(next(iter(first["weights"].values())).sum()))


@pytest.mark.slow
def test_smoke(tmp_path: Path) -> None:
    trained("smoke", "--output", tmp_path)
    assert rows(tmp_path / "validation.csv")
