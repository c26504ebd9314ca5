"""The network by OpenVINO: the same numbers, a cache that cannot be trusted, and no telemetry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.engine.execution import compiled_models
from RibFracDetectorLib.engine.execution.compiled_models import HASH_LENGTH, KEPT_FILES, compiled_model
from RibFracDetectorLib.engine.execution.openvino_executor import OpenVinoExecutor
from RibFracDetectorLib.engine.execution.openvino_library import is_installed
from RibFracDetectorLib.engine.network import Architecture, RawOutput
from RibFracDetectorLib.engine.progress import SilentReporter
from RibFracDetectorLib.engine.weights import Weights, load_weights

WINDOW = (48, 32, 32)  # another one than that on which the network is traced, with unequal axes

pytestmark = pytest.mark.skipif(not is_installed(), reason="OpenVINO is optional and not installed here")


@pytest.fixture(scope="module", params=["S", "D"])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Seeded random weights."""
    return seeded_weights(request.param, tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def weights_s(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """Seeded random weights of S."""
    return seeded_weights("S", tmp_path_factory.mktemp("weights_s"))


def seeded_weights(architecture: Architecture, folder: Path) -> Weights:
    """Seeded random weights from a checkpoint in `folder`."""
    path = folder / "seeded.pth"
    torch.save({"state_dict": seeded_state_dict(architecture)}, path)
    return load_weights(path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of compiled models."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ribfrac" / "openvino"


@pytest.fixture
def graphs_made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one whenever a network would be converted; what is converted is one operation alone."""
    made: list[int] = []

    def one_operation(ov: Any, _weights: Weights, window: Sequence[int]) -> Any:
        made.append(1)
        image = ov.opset13.parameter([1, 1, *window])
        return ov.Model([ov.opset13.relu(image)], [image])

    monkeypatch.setattr(compiled_models, "_graph", one_operation)
    return made


def random_windows(count: int) -> torch.Tensor:
    """Noise."""
    return torch.randn(count, 1, *WINDOW, generator=torch.Generator().manual_seed(0))


def tensors_of(output: RawOutput) -> list[torch.Tensor]:
    """All tensors of an output in one list."""
    return [*output.class_logits, *output.box_deltas, output.seg_logits]


def test_numbers_are_those_of_pytorch(weights: Weights) -> None:
    windows = random_windows(2)
    outputs = OpenVinoExecutor(weights, WINDOW, "fp32")(windows, SilentReporter())
    assert len(outputs) == len(windows)
    for window, output in zip(windows, outputs, strict=True):
        with torch.inference_mode():
            expected = weights.network()(window[None])
        for ours, theirs in zip(tensors_of(output), tensors_of(expected), strict=True):
            torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)


def test_outputs_are_not_overwritten_by_the_next_window(weights_s: Weights) -> None:
    executor = OpenVinoExecutor(weights_s, WINDOW, "fp32")
    windows = random_windows(2)
    (first,) = executor(windows[:1], SilentReporter())
    before = first.seg_logits.clone()
    executor(windows[1:], SilentReporter())
    assert torch.equal(first.seg_logits, before)


def test_other_windows_are_refused(weights_s: Weights) -> None:
    with pytest.raises(ValueError, match="compiled for"):
        OpenVinoExecutor(weights_s, WINDOW, "fp32")(torch.zeros(1, 1, 32, 32, 32), SilentReporter())


def test_a_compiled_model_is_made_once(weights_s: Weights, cache: Path, graphs_made: list[int]) -> None:
    for _ in range(2):
        compiled_model(weights_s, WINDOW, "fp32")
    assert len(graphs_made) == 1
    compiled_model(weights_s, (32, 32, 32), "fp32")
    assert len(graphs_made) == 2, "another window is another model"
    assert len(list(cache.iterdir())) == 2, "no temporary file stays"


@pytest.mark.parametrize("damage", ["truncated", "a bit flipped", "empty", "refused by OpenVINO"])
def test_a_damaged_file_is_made_anew(
    damage: str, weights_s: Weights, cache: Path, graphs_made: list[int]
) -> None:
    compiled_model(weights_s, WINDOW, "fp32")
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    half = len(whole) // 2
    junk = b"not a model" * 1000
    path.write_bytes(
        {
            "truncated": whole[:half],
            "a bit flipped": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
            "empty": b"",
            "refused by OpenVINO": compiled_models.hashlib.sha256(junk).digest() + junk,
        }[damage]
    )
    compiled_model(weights_s, WINDOW, "fp32")
    assert len(graphs_made) == 2
    compiled_model(weights_s, WINDOW, "fp32")
    assert len(graphs_made) == 2, "the file was mended"


def test_a_cache_that_cannot_be_written_is_no_failure(
    weights_s: Weights, tmp_path: Path, graphs_made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for _ in range(2):
        compiled_model(weights_s, WINDOW, "fp32")
    assert len(graphs_made) == 2


def test_only_the_newest_files_are_kept(cache: Path) -> None:
    for number in range(KEPT_FILES + 3):
        path = cache / f"{number}.blob"
        compiled_models._write(path, memoryview(b"content"))
        os.utime(path, (number, number))
    newest = {f"{number}.blob" for number in range(3, KEPT_FILES + 3)}
    assert {path.name for path in cache.iterdir()} == newest


def test_writers_at_the_same_time_leave_a_whole_file(cache: Path) -> None:
    contents = [bytes([number]) * 10**6 for number in range(8)]
    path = cache / "same.blob"
    threads = [threading.Thread(target=compiled_models._write, args=(path, memoryview(c))) for c in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = path.read_bytes()
    assert stored[HASH_LENGTH:] in contents
    assert compiled_models.hashlib.sha256(stored[HASH_LENGTH:]).digest() == stored[:HASH_LENGTH]
    assert [entry.name for entry in cache.iterdir()] == ["same.blob"]


SPY = "from pathlib import Path\nPath({mark!r}).touch()\nraise ImportError('only looking who comes')\n"
PLAIN_IMPORT = "import openvino"
OUR_RUN = """
import sys, torch
from pathlib import Path
from RibFracDetectorLib.engine.execution.openvino_executor import OpenVinoExecutor
from RibFracDetectorLib.engine.progress import SilentReporter
from RibFracDetectorLib.engine.weights import load_weights
executor = OpenVinoExecutor(load_weights(Path(sys.argv[1])), (32, 32, 32), "fp32")
executor(torch.zeros(1, 1, 32, 32, 32), SilentReporter())
"""


def test_telemetry_is_never_loaded(weights_s: Weights, tmp_path: Path) -> None:
    """A package of that name that leaves a mark: a plain import finds it, converting and running do not."""
    mark = tmp_path / "was here"
    package = tmp_path / "spy" / "openvino_telemetry"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(SPY.format(mark=str(mark)))
    folders = [tmp_path / "spy", REPOSITORY / "RibFracDetector"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for code, expected in ((PLAIN_IMPORT, True), (OUR_RUN, False)):
        mark.unlink(missing_ok=True)
        command = [sys.executable, "-c", code, str(weights_s.path)]
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=300)
        assert mark.exists() == expected


def test_an_openvino_loaded_with_its_telemetry_is_not_used(tmp_path: Path) -> None:
    package = tmp_path / "openvino_telemetry"
    package.mkdir()
    (package / "__init__.py").touch()
    code = (
        "import json, openvino_telemetry\n"
        "from RibFracDetectorLib.engine.execution.openvino_library import OpenVinoError, load_openvino\n"
        "try:\n    load_openvino()\nexcept OpenVinoError as error:\n    print(json.dumps(str(error)))\n"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPOSITORY / "RibFracDetector")]),
    }
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, timeout=300
    )
    assert "telemetry" in json.loads(run.stdout)
