"""`ribfrac publish`: what detection gets is what training had."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.training_runs import environment, write_training_checkpoint
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.case.banners import BANNERS
from RibFracDetectorLib.case.catalogue import read_catalogue
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine.weights import load_weights
from RibFracTrainingLib.training.publish import publish


def write_checkpoint(path: Path, kind: str = "real", *overrides: str) -> Path:
    """A training checkpoint of S as the loop writes it, with the weights of a fresh network."""
    window = (
        "augmentation.patch_size=[48, 48, 48]",
        "inference.score_thr=0.01",
        "inference.min_seg_voxels=1",
    )
    state = {key: tensor.clone() for key, tensor in seeded_state_dict("S").items()}
    # As after training: some anchors reach the threshold.
    state["bbox_head.atss_cls.bias"] += 3.5
    return write_training_checkpoint(path, "ribfrac_s", state, kind, overrides=[*window, *overrides])


def test_file_name_content_and_entry(tmp_path: Path) -> None:
    told = {"title": "Ribs", "training_data": "500 scans", "licence": "CC-BY-4.0", "intended_use": "Tests"}
    overrides = [f"publication.{key}={value}" for key, value in told.items()]
    source = write_checkpoint(tmp_path / "latest.pth", "real", *overrides)
    published = publish(source, tmp_path / "out" / "Ribs S.pth", half=False, training_data=None)
    digest = hashlib.sha256(published.file.read_bytes()).hexdigest()
    assert published.file.name == f"Ribs S-{digest[:8]}.pth"
    content = torch.load(published.file, weights_only=True)
    assert content.keys() == {"state_dict", "meta"}
    assert "config" not in content["meta"]
    assert {key: content["meta"][key] for key in ("epoch", "iter", "seed")} == {
        "epoch": 3,
        "iter": 9,
        "seed": 0,
    }
    trained, written = load_weights(source), load_weights(published.file)
    for key, tensor in trained.state_dict.items():
        assert torch.equal(written.state_dict[key], tensor)
    (entry,) = read_catalogue(published.catalogue)
    assert entry.name == published.name == f"ribs-s-{digest[:8]}"
    assert (entry.sha256, entry.file) == (digest, published.file)
    assert (entry.architecture, entry.training_data.kind) == ("S", "real")
    assert (entry.title, entry.training_data.description) == (told["title"], told["training_data"])
    assert (entry.licence, entry.intended_use) == (told["licence"], told["intended_use"])
    assert entry.inference["roi_size"] == [48, 48, 48]
    assert entry.inference["score_thr"] == 0.01
    # A file without its catalogue tells the same.
    assert entry.inference == written.inference == trained.inference
    assert entry.training_data.kind == written.training_data == trained.training_data


def test_half_precision(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "latest.pth")
    whole = publish(source, tmp_path / "w.pth", half=False, training_data=None)
    half = publish(source, tmp_path / "h.pth", half=True, training_data=None)
    assert half.file.stat().st_size < 0.6 * whole.file.stat().st_size
    assert load_weights(half.file).dtype == "float16"
    trained = load_weights(source).state_dict
    for key, tensor in load_weights(half.file).state_dict.items():
        assert torch.equal(tensor, trained[key].half().float())
    assert {entry.name for entry in read_catalogue(half.catalogue)} == {whole.name, half.name}


def test_the_same_weights_make_the_same_entry(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "latest.pth")
    one, two = (publish(source, tmp_path / "model.pth", half=False, training_data=None) for _ in range(2))
    assert one == two
    assert len(read_catalogue(one.catalogue)) == 1
    assert len(list(tmp_path.glob("model-*.pth"))) == 1


@pytest.mark.parametrize(("kind", "told"), [("unknown", "simulated"), ("simulated", None)])
def test_simulated_fractures_are_said_to_be(tmp_path: Path, kind: str, told: str | None) -> None:
    source = write_checkpoint(tmp_path / "latest.pth", kind)
    published = publish(source, tmp_path / "m.pth", half=False, training_data=told)
    assert read_catalogue(published.catalogue)[0].training_data.kind == "simulated"
    assert load_weights(published.file).training_data == "simulated"


@pytest.mark.parametrize(
    ("kind", "told", "message"),
    [("unknown", None, "--training-data real or"), ("simulated", "real", "was trained on simulated")],
)
def test_what_the_fractures_were_must_be_known(
    tmp_path: Path, kind: str, told: str | None, message: str
) -> None:
    source = write_checkpoint(tmp_path / "latest.pth", kind)
    with pytest.raises(InputError, match=message):
        publish(source, tmp_path / "m.pth", half=False, training_data=told)
    assert not list(tmp_path.glob("m*"))


def test_wrong_input(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "latest.pth")
    with pytest.raises(InputError, match=r"expected NAME\.pth"):
        publish(source, tmp_path / "model.onnx", half=False, training_data=None)
    bare = tmp_path / "bare.pth"
    torch.save(torch.load(source, weights_only=True)["state_dict"], bare)
    with pytest.raises(InputError, match="does not say how it was trained"):
        publish(bare, tmp_path / "m.pth", half=False, training_data=None)
    content = torch.load(source, weights_only=True)
    content["state_dict"]["seg_head.conv_seg.bias"][0] = 1e6
    torch.save(content, source)
    with pytest.raises(InputError, match="without --half"):
        publish(source, tmp_path / "m.pth", half=True, training_data=None)
    (tmp_path / "models.json").write_text("{}")
    with pytest.raises(InputError, match="catalogue"):
        publish(source, tmp_path / "m.pth", half=False, training_data=None)


@pytest.mark.parametrize(
    "configuration",
    ["model = dict(type='RetinaUNet')\ndata = [1,\n", "lr: 0.1\n", "inference: {}\npublication: {}\n", None],
    ids=["python", "yaml", "parts", "nothing"],
)
def test_a_configuration_of_another_program_is_refused(tmp_path: Path, configuration: str | None) -> None:
    source = write_checkpoint(tmp_path / "latest.pth")
    content = torch.load(source, weights_only=True)
    torch.save({**content, "meta": {**content["meta"], "config": configuration}}, source)
    with pytest.raises(InputError, match="has no `inference` and `publication` of `ribfrac train`"):
        publish(source, tmp_path / "m.pth", half=False, training_data=None)
    assert not list(tmp_path.glob("m*"))


def ribfrac(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "RibFracDetectorLib", *map(str, arguments)]
    return subprocess.run(
        command, env=environment(**more), capture_output=True, encoding="utf-8", check=False
    )


@pytest.mark.slow
def test_detection_is_the_same_with_checkpoint_published_file_and_name(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "latest.pth", "simulated")
    done = ribfrac("publish", source, tmp_path / "model.pth")
    assert done.returncode == 0, done.stderr
    catalogue = tmp_path / "models.json"
    (entry,) = read_catalogue(catalogue)
    assert entry.name in done.stdout
    scan = Stored(chest((48, 48, 48), (2.0, 2.0, 2.0))).write(tmp_path / "scan.nii")
    common = ("--set", "target_spacings=null", "--device", "cpu", "--precision", "fp32")
    found = []
    for name, weights, known in (
        ("checkpoint", source, ""),
        ("file", entry.file, ""),
        ("name", entry.name, str(catalogue)),
    ):
        arguments = ("detect", scan, "--output", tmp_path / name, "--weights", weights, *common)
        done = ribfrac(*arguments, RIBFRAC_MODELS=known)
        assert done.returncode == 0, done.stderr
        assert BANNERS["simulated"] in done.stderr
        found.append(json.loads((tmp_path / name / "scan_det_roi_infos.json").read_text()))
    assert found[0] == found[1] == found[2]
    assert found[0]
