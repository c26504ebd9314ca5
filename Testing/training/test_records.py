"""The tables of a run whose losses change, or are a user's own."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from ribfrac_testing.training_runs import callback, checkpoint, shared_data, train_here
from RibFracTrainingLib.training.loop.curves import draw_curves
from RibFracTrainingLib.training.loop.records import RunRecords, Table
from RibFracTrainingLib.training.module import TrainingDivergedError

VOXELS = "losses={_delete_: true, name: voxels}"
OWN_LOSSES = """
from types import SimpleNamespace

class Half:
    def __call__(self, network, batch, average_over_processes):
        total = network.segment(batch.images).square().mean() / 2
        return SimpleNamespace(total=total, for_log=lambda: {"twice": 2 * total.detach()})
"""


def test_a_row_with_other_columns_adds_them_to_all(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv")
    table.append({"step": 1, "loss": 0.5, "dice": 0.25})
    table.append({"step": 2, "loss": 0.5, "box": 4})
    table.append({"step": 3, "loss": 0.5})
    assert table.path.read_text().splitlines() == ["step,loss,dice,box", "1,0.5,0.25,", "2,0.5,,4", "3,0.5,,"]
    draw_curves([{**row, "lr": "", "grad_norm": ""} for row in table.rows()], [], tmp_path / "curves.png")


def test_a_table_that_has_forgotten_all_takes_any_columns(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv")
    table.append({"step": 3, "dice": 0.25})
    table.forget_after(2)
    table.append({"step": 1, "box": 4})
    assert table.path.read_text() == "step,box\n1,4\n"


def test_rows_that_do_not_fit_the_columns_do_not_stop_a_run(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv")
    table.path.write_text("step,loss\n1,0.5\n2,0.5,7\n3\n")
    table.forget_after(3)
    assert table.path.read_text() == "step,loss\n1,0.5\n"


def test_the_mean_loss_is_that_of_the_epochs_finite_rows(tmp_path: Path) -> None:
    records = RunRecords(tmp_path, step=0, epoch=0, validated=0)
    for step, (epoch, loss) in enumerate([(1, 8.0), (2, 1.0), (2, math.nan), (2, math.inf), (2, 2.0)], 1):
        records.step(step, {"epoch": epoch, "loss": loss})
    assert records.mean_loss(2) == 1.5
    assert math.isnan(records.mean_loss(3))
    records.close()


def test_an_undefined_map_is_never_the_best(tmp_path: Path) -> None:
    records = RunRecords(tmp_path, step=0, epoch=0, validated=0)
    assert records.best() == -math.inf
    for epoch, value in ((1, math.nan), (2, 0.25), (3, math.nan), (4, 0.125)):
        records.validated(epoch, epoch, {"mAP": value})
    assert records.best() == 0.25
    records.close()


def test_a_resumed_run_forgets_what_comes_after_its_checkpoint(tmp_path: Path) -> None:
    records = RunRecords(tmp_path, step=0, epoch=0, validated=0)
    for number in (1, 2, 3):
        records.step(number, {"epoch": number, "loss": 1.0})
        records.epoch(number, number, {"loss": 1.0})
        records.validated(number, number, {"mAP": number / 10})
    records.close()
    resumed = RunRecords(tmp_path, step=3, epoch=2, validated=1)
    kept = [len(table.rows()) for table in (resumed.train, resumed.epochs, resumed.validation)]
    assert kept == [3, 2, 1]
    assert resumed.best() == 0.1
    assert [resumed.is_validated(epoch) for epoch in (1, 2)] == [True, False]
    resumed.close()


def test_losses_may_change_on_resume(tiny: Path, tmp_path: Path) -> None:
    train_here(tiny, tmp_path, *shared_data(tiny), "loop.epochs=1", VOXELS)
    for epochs in (2, 3):
        train_here(tiny, tmp_path, *shared_data(tiny), f"loop.epochs={epochs}", resume="auto")
    assert checkpoint(tmp_path / "latest.pth")["meta"]["epoch"] == 3
    rows = Table(tmp_path / "train.csv").rows()
    assert [int(row["step"]) for row in rows] == list(range(1, len(rows) + 1))
    assert (rows[0]["class_level0"], float(rows[-1]["class_level0"]) > 0) == ("", True)


def test_a_new_start_after_a_run_without_a_checkpoint_has_other_losses(tiny: Path, tmp_path: Path) -> None:
    common = [*shared_data(tiny), "loop.epochs=1"]
    with pytest.raises(TrainingDivergedError):
        train_here(tiny, tmp_path, *common, callback("PoisonAt", first=2, last=99), "loop.nonfinite_limit=3")
    assert Table(tmp_path / "train.csv").rows()
    train_here(tiny, tmp_path, *common, VOXELS)
    assert "class_level0" not in Table(tmp_path / "train.csv").rows()[0]


def test_losses_of_ones_own_need_not_log_their_total(tiny: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(OWN_LOSSES)
    losses = f"losses={{_delete_: true, name: '{own}:Half'}}"
    train_here(tiny, tmp_path / "run", *shared_data(tiny), "loop.epochs=1", losses)
    rows = Table(tmp_path / "run" / "train.csv").rows()
    assert all(float(row["twice"]) == pytest.approx(2 * float(row["loss"])) for row in rows)
    assert float(rows[0]["loss"]) > 0
