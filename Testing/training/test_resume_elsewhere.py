"""A training that goes on from a file of another folder, an older one, or with other numbers of steps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ribfrac_testing.training_runs import callback, checkpoint, shared_data, train_here
from RibFracDetectorLib.case.errors import InputError
from RibFracTrainingLib.training.loop.records import Table
from RibFracTrainingLib.training.loop.stopping import TrainingInterruptedError

VALIDATED = "validation.every_epochs=1"


@pytest.fixture(scope="module")
def done(tiny: Path) -> Path:
    """A run of two epochs."""
    folder = tiny.parent / "done"
    train_here(tiny, folder, *shared_data(tiny), "loop.epochs=2", VALIDATED)
    return folder


def test_a_file_goes_on_in_a_new_folder(tiny: Path, done: Path, tmp_path: Path) -> None:
    common = [*shared_data(tiny), "loop.epochs=2", VALIDATED]
    train_here(tiny, tmp_path, *common, resume=str(done / "epoch_1.pth"))
    rows = Table(tmp_path / "validation.csv").rows()
    assert rows == Table(done / "validation.csv").rows()
    (best,) = tmp_path.glob("best_mAP_epoch_*.pth")
    maps = {int(row["epoch"]): float(row["mAP"]) for row in rows}
    assert checkpoint(best)["meta"]["epoch"] == max(maps, key=maps.__getitem__)


def test_a_damaged_checkpoint_is_never_the_best(tiny: Path, done: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    content = Path(shutil.copy(done / "epoch_2.pth", folder)).read_bytes()
    (folder / "latest.pth").write_bytes(content[: len(content) // 2])
    train_here(tiny, folder, *shared_data(tiny), "loop.epochs=2", VALIDATED, resume="auto")
    (best,) = folder.glob("best_mAP_epoch_*.pth")
    for path in (best, folder / "latest.pth"):
        assert checkpoint(path)["meta"]["epoch"] == 2


@pytest.mark.parametrize("name", ["latest.pth", "epoch_6.pth"])
def test_what_came_later_is_not_trained_over(tiny: Path, done: Path, tmp_path: Path, name: str) -> None:
    later = Path(shutil.copy(done / "epoch_2.pth", tmp_path / name))
    content = later.read_bytes()
    common = [*shared_data(tiny), "loop.epochs=2"]
    with pytest.raises(InputError, match=f"holds {name}, further on than"):
        train_here(tiny, tmp_path, *common, resume=str(done / "epoch_1.pth"))
    assert later.read_bytes() == content
    assert {path.name for path in tmp_path.glob("*.pth")} == {name}


def test_damaged_later_epochs_make_room_for_the_new_ones(
    tiny: Path, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (5, 6):
        (tmp_path / f"epoch_{number}.pth").write_bytes((done / "epoch_2.pth").read_bytes()[:5000])
    common = [*shared_data(tiny), "loop.epochs=2", "checkpoints.keep=2"]
    train_here(tiny, tmp_path, *common, resume=str(done / "epoch_1.pth"))
    assert {path.name for path in tmp_path.glob("epoch_*.pth")} == {"epoch_2.pth"}
    assert "removed epoch_5.pth, epoch_6.pth" in capsys.readouterr().err


def test_an_epoch_that_has_fewer_steps_now_is_refused(tiny: Path, tmp_path: Path) -> None:
    common = [*shared_data(tiny), "loop.epochs=1"]
    with pytest.raises(TrainingInterruptedError):
        train_here(tiny, tmp_path, *common, callback("SignalAt", step=5))
    table = (tmp_path / "train.csv").read_text()
    with pytest.raises(InputError, match=r"after step 5 of an epoch, which has 3 now; .*cases_per_step"):
        train_here(tiny, tmp_path, *common, "data.cases_per_step=2", resume="auto")
    assert (tmp_path / "train.csv").read_text() == table
