"""Golden patches run through our network, and small networks and checkpoints for tests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
import torch
from numpy.typing import NDArray
from RibFracDetectorLib.engine.network import Architecture, RawOutput, RetinaUNet, build_network
from RibFracDetectorLib.engine.weights import load_weights
from torch import Tensor, nn

from .reference import Golden


@dataclass(frozen=True)
class Stage:
    """A tensor as the golden data describe it: every k-th element, and statistics over all."""

    sample: NDArray[np.float32]
    stats: dict[str, float]


@dataclass(frozen=True)
class GoldenRun:
    """One golden patch through the network with the published weights.

    Attributes:
        arrays: the golden arrays of the patch.
        facts: the golden facts of the patch, among them `stats`.
        raw: what our network said.
        stages: every intermediate and final map, named as in the golden data (`backbone0`, `cls0`, ...).
    """

    arrays: dict[str, NDArray]
    facts: dict
    raw: RawOutput
    stages: dict[str, Stage]


def run_golden_patch(golden: Golden, name: str) -> GoldenRun:
    """Run `full_patch` or `small_patch`, capturing what lies between input and output."""
    arrays, facts = golden.arrays(name), golden.facts[name]
    network = load_weights(golden.checkpoint("fp32")).network()
    maps, pyramid = _capture(network)
    with torch.inference_mode():
        raw = network(golden_patch(golden, arrays, facts["stats"]["backbone0"]["shape"][2:]))
    tensors = {
        **{f"backbone{i}": tensor for i, tensor in enumerate(maps)},
        **{f"neck{i}": tensor for i, tensor in enumerate(pyramid)},
        **{f"cls{i}": tensor for i, tensor in enumerate(raw.class_logits)},
        **{f"reg{i}": tensor for i, tensor in enumerate(raw.box_deltas)},
        "seg": raw.seg_logits,
    }
    stages = {
        stage: describe(tensor, len(arrays.get(f"{stage}_sample", ()))) for stage, tensor in tensors.items()
    }
    return GoldenRun(arrays, facts, raw, stages)


def _capture(network: RetinaUNet) -> tuple[list[Tensor], list[Tensor]]:
    """Two lists, filled by the next run: the maps of the backbone, and all five of the neck."""
    maps: list[Tensor] = []
    pyramid: list[Tensor] = []

    def keep_pyramid(_module: nn.Module, _inputs: tuple, output: list[Tensor]) -> list[Tensor]:
        pyramid.extend(output)
        return output[1:]

    network.backbone.register_forward_hook(lambda _module, _inputs, output: maps.extend(output))
    network.neck.register_forward_pre_hook(lambda _module, inputs: (*inputs, 0))
    network.neck.register_forward_hook(keep_pyramid)
    return maps, pyramid


def golden_patch(golden: Golden, arrays: dict[str, NDArray], size: list[int]) -> Tensor:
    """The normalised patch (1, 1, X, Y, Z): stored as such, or cut from the volume at `origin`."""
    voxels = arrays.get("image_int16")
    if voxels is None:
        image = sitk.DICOMOrient(sitk.ReadImage(str(golden.folder / "volume_image.nii.gz")), "LPS")
        x, y, z = arrays["origin"]
        volume = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
        voxels = volume[x : x + size[0], y : y + size[1], z : z + size[2]]
    assert list(voxels.shape) == size
    normalised = (np.clip(voxels.astype(np.float32), -927, 3071) - 330) / 562.5
    return torch.from_numpy(normalised)[None, None]


def describe(tensor: Tensor, sample_size: int) -> Stage:
    """Samples and statistics by the rule of the golden data's README."""
    flat = tensor.flatten()
    step = max(1, flat.numel() // max(1, sample_size))
    exact = flat.double()
    stats = {
        "mean": exact.mean().item(),
        "std": exact.std().item(),
        "min": exact.min().item(),
        "max": exact.max().item(),
        "abssum": exact.abs().sum().item(),
    }
    return Stage(flat[::step][:sample_size].float().numpy(), stats)


@cache
def seeded_state_dict(architecture: Architecture) -> dict[str, Tensor]:
    """Weights of a fresh network, the same in every run; not to be modified."""
    torch.manual_seed(0)
    return build_network(architecture).state_dict()


def write_busy_checkpoint(path: Path, patch: NDArray[np.int16], detections: int = 60) -> Path:
    """Weights that find something: S from a seed, its biases set so that `patch` shows many candidates.

    Args:
        path: the checkpoint to write.
        patch: HU [x, y, z], extents multiples of 16.
        detections: how many anchors of `patch` score above 0.5.
    """
    network = build_network("S")
    network.load_state_dict(seeded_state_dict("S"))
    network.eval()
    with torch.no_grad():
        network.bbox_head.atss_cls.weight *= 100
        network.seg_head.conv_seg.weight *= 20
        normalised = (np.clip(patch.astype(np.float32), -927, 3071) - 330) / 562.5
        raw = network(torch.from_numpy(normalised)[None, None])
        scores = torch.cat([level.flatten() for level in raw.class_logits])
        network.bbox_head.atss_cls.bias -= scores.topk(detections).values[-1]
        margin = raw.seg_logits[:, 1] - raw.seg_logits[:, 0]
        network.seg_head.conv_seg.bias[1] -= margin.quantile(0.97)
    torch.save({"state_dict": network.state_dict()}, path)
    return path
