"""Checkpoints as people have them, and everything that is not one; all as real files of `torch.save`."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.reference import Golden
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine.network import Architecture
from RibFracDetectorLib.engine.weights import Weights, load_weights
from torch import Tensor

Save = Callable[..., Path]
layouts = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
META = {"epoch": 7, "iter": 99, "exp_name": "a\nb", "config": "long text", "CLASSES": ("ribfrac",)}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that vanishes at once: checkpoints are large."""
    with tempfile.TemporaryDirectory(prefix="ribfrac weights é ") as name:
        yield Path(name)


@pytest.fixture
def save(folder: Path) -> Save:
    """Writes content with `torch.save` and returns the path."""

    def write(content: Any, zipped: bool = True) -> Path:
        path = folder / "model.pth"
        torch.save(content, path, _use_new_zipfile_serialization=zipped)
        return path

    return write


def changed(**changes: Tensor | None) -> dict[str, Tensor]:
    """The weights of S with some tensors replaced, added (by new names) or removed (None)."""
    tensors = {**seeded_state_dict("S"), **changes}
    return {key: tensor for key, tensor in tensors.items() if tensor is not None}


def refusal(path: Path, expected_sha256: str | None = None) -> str:
    """The line with which `path` is refused, without the path."""
    with pytest.raises(InputError) as caught:
        load_weights(path, expected_sha256)
    message = str(caught.value)
    assert message.startswith(str(path)), message
    assert message.isprintable(), repr(message)
    return message.removeprefix(str(path))


def assert_holds(weights: Weights, tensors: dict[str, Tensor]) -> None:
    assert list(weights.state_dict) == list(tensors)
    for key, tensor in tensors.items():
        assert weights.state_dict[key].dtype == torch.float32
        assert torch.equal(weights.state_dict[key], tensor.float()), key


@layouts
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_published_checkpoint(zipped: bool, dtype: torch.dtype, save: Save) -> None:
    tensors = {key: tensor.to(dtype) for key, tensor in seeded_state_dict("S").items()}
    path = save({"state_dict": tensors, "meta": META}, zipped)
    weights = load_weights(path)
    assert_holds(weights, tensors)
    assert weights.path == path
    assert weights.architecture == "S"
    assert weights.dtype == str(dtype).removeprefix("torch.")
    assert weights.tensor_count == len(tensors)
    assert weights.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.meta == {"epoch": 7, "iter": 99, "exp_name": "ab", "CLASSES": "ribfrac"}
    assert load_weights(path, weights.sha256.upper()).sha256 == weights.sha256
    assert (weights.training_data, weights.inference) == ("unknown", {})


@pytest.mark.parametrize("architecture", ["S", "D"])
def test_network_with_the_weights(architecture: Architecture, save: Save) -> None:
    weights = load_weights(save(seeded_state_dict(architecture)))
    assert weights.architecture == architecture
    network = weights.network()
    assert network.architecture == architecture
    assert not network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    for key, tensor in network.state_dict().items():
        assert torch.equal(tensor, weights.state_dict[key]), key
    with torch.no_grad():
        network.bbox_head.atss_cls.bias.fill_(5)
    assert_holds(weights, seeded_state_dict(architecture))


@layouts
def test_training_checkpoint_of_distributed_training(zipped: bool, save: Save) -> None:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    tensors = seeded_state_dict("S")
    prefixed = {f"module.{key}": tensor for key, tensor in tensors.items()}
    # A validation hook leaves its best score as a numpy number.
    meta = {"epoch": 1, "hook_msgs": {"best_score": np.float64(0.5), "steps": np.int64(3)}}
    path = save({"state_dict": prefixed, "meta": meta, "optimizer": optimizer.state_dict()}, zipped)
    assert_holds(load_weights(path), tensors)


@pytest.mark.parametrize(
    "strange", ["{", "[1]", "null", "[" * 100_000, 3, ["roi_size"], {"roi_size": 1}, torch.ones(2)]
)
def test_what_other_programs_call_the_same_is_not_believed(strange: object, save: Save) -> None:
    meta = {"inference": strange, "training_data": strange}
    weights = load_weights(save({"state_dict": seeded_state_dict("S"), "meta": meta}))
    assert (weights.training_data, weights.inference) == ("unknown", {})


def test_order_in_the_file_does_not_matter(save: Save) -> None:
    tensors = seeded_state_dict("S")
    assert_holds(load_weights(save(dict(reversed(tensors.items())))), tensors)


@pytest.mark.reference
@pytest.mark.parametrize("golden_name", ["golden_s", "golden_d"])
def test_golden_checkpoints(golden_name: str, request: pytest.FixtureRequest) -> None:
    golden: Golden = request.getfixturevalue(golden_name)
    single = load_weights(golden.checkpoint("fp32"), golden.facts["published"]["fp32"]["sha256"])
    half = load_weights(golden.checkpoint("fp16"), golden.facts["published"]["fp16"]["sha256"])
    assert single.architecture == half.architecture == golden.facts["config"]
    assert (single.dtype, half.dtype) == ("float32", "float16")
    assert single.tensor_count == golden.facts["n_tensors"]
    assert {"epoch", "iter", "CLASSES"} <= set(single.meta)
    assert set(single.state_dict) == set(golden.facts["state_dict_sha"])
    for key, digest in golden.facts["state_dict_sha"].items():
        assert hashlib.sha256(single.state_dict[key].numpy().tobytes()).hexdigest().startswith(digest), key
    assert_holds(half, dict(single.state_dict))


def test_missing_file_and_folder(folder: Path) -> None:
    assert "does not exist" in refusal(folder / "none.pth")
    assert "is a folder" in refusal(folder)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="this system has no POSIX permissions")
def test_unreadable_file_and_folder(save: Save, folder: Path) -> None:
    path = save({"state_dict": {}})
    folder.chmod(0o755)
    path.chmod(0)
    with _without_privileges():
        assert "cannot be read: Permission denied" in refusal(path)
    folder.chmod(0)
    with _without_privileges():
        assert "cannot be read: Permission denied" in refusal(path)
    folder.chmod(0o700)


@contextmanager
def _without_privileges() -> Iterator[None]:
    """Root may read everything; run the block as a user who may not."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"a text file\n", "not a PyTorch checkpoint"),
        (b"\x1f\x8b\x08" + bytes(100), "not a PyTorch checkpoint"),
        (pickle.dumps({"state_dict": {}}), "bare pickle"),
    ],
)
def test_other_files(content: bytes, told: str, folder: Path) -> None:
    path = folder / "model.pth"
    path.write_bytes(content)
    assert told in refusal(path)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_other_archives(folder: Path) -> None:
    path = folder / "model.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<document/>")
    assert "zip archive but not" in refusal(path)
    torch.jit.save(torch.jit.trace(torch.nn.ReLU(), torch.ones(1)), path)
    assert "TorchScript" in refusal(path)


@layouts
def test_truncated_checkpoint(zipped: bool, save: Save) -> None:
    path = save({"state_dict": seeded_state_dict("S"), "meta": META}, zipped)
    whole = path.stat().st_size
    for size in (whole - 1, whole - 30, whole // 2, whole // 100, 5000, 300, 40, 10):
        os.truncate(path, size)
        assert "truncated" in refusal(path), size


def test_damaged_directory_of_the_archive(save: Save) -> None:
    path = save({"state_dict": seeded_state_dict("S"), "meta": META}, True)
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\x01\x02")] = 0
    path.write_bytes(content)
    assert "damaged" in refusal(path)


@functools.cache
def small_checkpoint(zipped: bool) -> bytes:
    """The same bytes at every call: the legacy layout names storages by their addresses, of any length."""
    buffer = io.BytesIO()
    content = {"state_dict": {"weight": torch.ones(3, 4), "bias": torch.ones(4)}, "meta": META}
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


@layouts
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_truncated_anywhere(zipped: bool, data: st.DataObject) -> None:
    whole = small_checkpoint(zipped)
    kept = data.draw(st.integers(0, len(whole) - 1))
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model.pth"
        path.write_bytes(whole[:kept])
        told = refusal(path)
        assert "truncated" in told or (kept == 0 and "empty" in told)


class Dangerous:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.folder),)


@layouts
def test_pickled_code_does_not_run(zipped: bool, save: Save, folder: Path) -> None:
    trap = folder / "trap"
    path = save({"state_dict": changed(), "hook": Dangerous(trap)}, zipped)
    told = refusal(path)
    assert "pickled code" in told
    assert os.mkdir.__module__ in told
    path.write_bytes(pickle.dumps(Dangerous(trap)))
    assert "bare pickle" in refusal(path)
    assert not trap.exists()
    torch.load(save(Dangerous(trap), zipped), weights_only=False)
    assert trap.exists(), "the trap itself does not work"


@layouts
def test_a_whole_module_is_pickled_code(zipped: bool, save: Save) -> None:
    assert "torch.nn.modules.linear.Linear" in refusal(save(torch.nn.Linear(2, 2), zipped))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([1, 2], "holds a list"),
        (torch.ones(2), "holds a Tensor"),
        ({}, "no state_dict"),
        ({"state_dict": {}}, "no state_dict"),
        ({"state_dict": None, "meta": {}}, "no state_dict"),
        ({"model": {"a": torch.ones(1)}, "epoch": 3}, "model, epoch where tensors"),
        ({"state_dict": {"conv.weight": torch.ones(3).to_sparse()}}, "conv.weight where tensors"),
        ({"conv.weight": torch.ones(3), "fc.\nbias": torch.ones(3)}, r"another network: none of its 2 keys"),
    ],
)
def test_other_contents(content: Any, told: str, save: Save) -> None:
    assert told in refusal(save(content))


def test_missing_unexpected_and_misshaped_tensors(save: Save) -> None:
    told = refusal(
        save(
            changed(
                **{f"backbone.layer3.{i}.conv1.conv.weight": None for i in range(5)},
                **{"seg_head.extra.bias": torch.zeros(2)},
                **{"bbox_head.atss_cls.weight": torch.zeros(10, 128, 3, 3, 3)},
            )
        )
    )
    assert "network S" in told
    assert "5 missing (backbone.layer3.0.conv1.conv.weight, " in told
    assert "and 2 more" in told
    assert "1 unexpected (seg_head.extra.bias)" in told
    assert "1 of another shape (bbox_head.atss_cls.weight is 10x128x3x3x3, expected 2x128x3x3x3)" in told


def test_one_tensor_is_enough_to_be_refused(save: Save) -> None:
    assert "1 missing (seg_head.conv_seg.bias)" in refusal(save(changed(**{"seg_head.conv_seg.bias": None})))
    assert "1 unexpected (more)" in refusal(save(changed(more=torch.zeros(1))))
    told = refusal(save(changed(**{"bbox_head.scales.1.scale": torch.ones(1)})))
    assert "bbox_head.scales.1.scale is 1, expected a scalar" in told


def test_a_static_head_among_dynamic_keys_is_measured_against_d(save: Save) -> None:
    tensors = dict(seeded_state_dict("D"))
    tensors["bbox_head.cls_convs.0.gn.bias"] = torch.zeros(128)
    told = refusal(save(tensors))
    assert "network D" in told
    assert "bbox_head.cls_convs.0.gn.bias" in told


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_no_numbers(value: float, save: Save) -> None:
    bias = torch.tensor([0.0, value])
    told = refusal(save(changed(**{"seg_head.conv_seg.bias": bias})))
    assert "NaN or infinite" in told
    assert "seg_head.conv_seg.bias" in told


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.int8])
def test_other_types(dtype: torch.dtype, save: Save) -> None:
    told = refusal(save(changed(**{"seg_head.conv_seg.bias": torch.zeros(2, dtype=dtype)})))
    assert f"seg_head.conv_seg.bias is {str(dtype).removeprefix('torch.')}" in told


def test_another_sha256(save: Save) -> None:
    path = save(changed())
    expected = hashlib.sha256(b"another file").hexdigest()
    told = refusal(path, expected)
    assert expected in told
    assert hashlib.sha256(path.read_bytes()).hexdigest() in told
