"""Which device and which precision is taken, and why a wish is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine import devices
from RibFracDetectorLib.engine.devices import (
    choose_device,
    choose_precision,
    cpu_computes_bf16,
    cpu_is_fast_at_bf16,
)

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _measured_anew() -> Iterator[None]:
    cpu_is_fast_at_bf16.cache_clear()
    yield
    cpu_is_fast_at_bf16.cache_clear()


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:0", "tpu", "cpu:", "cuda:"])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="expected auto, cpu, cuda"):
        choose_device(name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_missing_gpu_is_named() -> None:
    with pytest.raises(InputError, match="--device cuda"):
        choose_device("cuda")


def test_gpus_are_numbered_from_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(InputError, match=r"--device cuda:2: found 2 GPU\(s\), numbered from 0"):
        choose_device("cuda:2")


@pytest.mark.parametrize(("capability", "precision"), [((7, 0), "fp16"), ((6, 1), "fp32")])
def test_a_gpu_without_tensor_cores_takes_float32(
    capability: tuple[int, int], precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert choose_precision("auto", torch.device("cuda")) == precision


def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(InputError, match="needs a GPU"):
        choose_precision("fp16", CPU)
    assert choose_precision("auto", CPU) in ("bf16", "fp32")


@pytest.mark.parametrize(
    ("amx", "avx512_bf16", "gain", "precision"),
    [
        (True, True, 0.5, "bf16"),
        (False, True, 1.7, "bf16"),
        (False, True, 0.7, "fp32"),
        (False, False, 2.0, "fp32"),
    ],
)
def test_a_cpu_takes_bfloat16_where_it_gains(
    amx: bool, avx512_bf16: bool, gain: float, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16, raising=False)
    monkeypatch.setattr(devices, "_gain_of_bf16", lambda: gain)
    assert choose_precision("auto", CPU) == precision


def test_bfloat16_is_refused_where_it_is_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cpu_computes_bf16", lambda: False)
    with pytest.raises(InputError, match=r"precision bf16: .* use fp32 or auto"):
        choose_precision("bf16", CPU)
    monkeypatch.setattr(devices, "cpu_computes_bf16", lambda: True)
    assert choose_precision("bf16", CPU) == "bf16"


def test_only_a_cpu_that_computes_bfloat16_takes_it_unasked() -> None:
    assert cpu_computes_bf16() or not cpu_is_fast_at_bf16()


def test_measuring_leaves_the_threads_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "PROBE_ROUNDS", 1)  # where it is emulated, each takes seconds
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        assert devices._gain_of_bf16() > 0
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_a_torch_that_cannot_tell_takes_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert choose_precision("auto", CPU) == "fp32"
