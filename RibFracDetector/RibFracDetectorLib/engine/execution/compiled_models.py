"""Networks compiled by OpenVINO, kept on disk between runs: reading one takes a tenth of making it.

A file is a SHA-256 and what it is of. It is written under another name and renamed, so processes that start
together at worst do the work twice; a file that is damaged or that OpenVINO refuses is made anew. The name
is a hash of everything the content depends on. Only the newest few are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ... import __version__
from ..cache_folder import cache_folder
from ..network import RetinaUNet
from ..network.retina_unet import SMALLEST_SIZE
from ..weights import Weights
from .openvino_library import OpenVinoError, load_openvino

if TYPE_CHECKING:
    import openvino

# To be raised whenever the graphs below change.
GRAPH_VERSION = 1
KEPT_FILES = 6
HASH_LENGTH = hashlib.sha256().digest_size
TYPES = {"fp32": "f32", "bf16": "bf16"}


class WholeNetwork(nn.Module):
    """S as a graph: the seven tensors of its `RawOutput`, flat."""

    def __init__(self, network: RetinaUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(logits at strides 4, 8, 16; deltas at strides 4, 8, 16; segmentation)."""
        output = self.network(images)
        return (*output.class_logits, *output.box_deltas, output.seg_logits)


class Trunk(nn.Module):
    """D as a graph without its dynamic head, whose deformable convolution OpenVINO has no operation for."""

    def __init__(self, network: RetinaUNet) -> None:
        super().__init__()
        self.backbone, self.neck, self.seg_head = network.backbone, network.neck, network.seg_head

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(neck maps at strides 4, 8, 16; segmentation)."""
        finest, *coarser = self.neck(self.backbone(images))
        return (*coarser, self.seg_head(finest))


def compiled_model(weights: Weights, window: Sequence[int], precision: str) -> openvino.CompiledModel:
    """`WholeNetwork` of S or `Trunk` of D for single windows of `window` voxels; cached.

    Raises:
        OpenVinoError: OpenVINO is not here or fails.
    """
    ov = load_openvino()
    try:
        core = ov.Core()
        path = cache_folder("openvino") / f"{_key(ov, core, weights, window, precision)}.blob"
        model = _read(core, path, precision)
        if model is None:
            model = core.compile_model(_graph(ov, weights, window), "CPU", _options(precision))
            _write(path, model.export_model().getbuffer())
    except Exception as error:  # of OpenVINO; its kinds are not documented
        raise OpenVinoError(" ".join(str(error).split())) from error
    return model


def _options(precision: str) -> dict[str, Any]:
    """How to compute. Threads are not tied to cores: on a shared machine that costs a third of the speed."""
    return {
        "INFERENCE_PRECISION_HINT": TYPES[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,
    }


def _graph(ov: Any, weights: Weights, window: Sequence[int]) -> openvino.Model:
    """Traced on the smallest window, which is quick, and then given the real size."""
    network = weights.network()
    graph = WholeNetwork(network) if weights.architecture == "S" else Trunk(network)
    smallest = torch.zeros(1, 1, *(SMALLEST_SIZE,) * 3)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(graph.eval(), smallest, check_trace=False)
        model = ov.convert_model(traced, example_input=smallest)
    model.reshape([1, 1, *window])
    return model


def _key(ov: Any, core: Any, weights: Weights, window: Sequence[int], precision: str) -> str:
    facts = (
        __version__,
        GRAPH_VERSION,
        ov.get_version(),
        core.get_property("CPU", "FULL_DEVICE_NAME"),
        core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
        weights.sha256,
        *window,
        precision,
    )
    return hashlib.sha256("\n".join(map(str, facts)).encode()).hexdigest()[:32]


def _read(core: Any, path: Path, precision: str) -> openvino.CompiledModel | None:
    """The model in the file; None where there is none that is whole."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, blob = content[:HASH_LENGTH], memoryview(content)[HASH_LENGTH:]
    if hashlib.sha256(blob).digest() != digest:
        return None
    try:
        model = core.import_model(bytes(blob), "CPU", _options(precision))
    except RuntimeError:
        return None
    with contextlib.suppress(OSError):
        path.touch()  # for `_forget_oldest`
    return model


def _write(path: Path, blob: memoryview) -> None:
    """Keep a compiled model; a cache that cannot be written is no failure."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
            temporary = Path(stream.name)
            stream.write(hashlib.sha256(blob).digest())
            stream.write(blob)
        temporary.replace(path)
        _forget_oldest(path.parent)
    except OSError:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def _forget_oldest(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.blob"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[KEPT_FILES:]:
        path.unlink(missing_ok=True)
