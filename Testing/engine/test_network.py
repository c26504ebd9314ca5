"""What both networks promise without any trained weights."""

from __future__ import annotations

import math
import re
import subprocess
import sys

import pytest
import torch
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.peak_memory import PEAK_BYTES
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.engine.network import Architecture, RawOutput, RetinaUNet, build_network
from torch import Tensor, nn

WINDOW_MEMORY_MIB = 4096

both = pytest.mark.parametrize("architecture", ["S", "D"])


def make_network(architecture: Architecture) -> RetinaUNet:
    network = build_network(architecture)
    network.load_state_dict(seeded_state_dict(architecture))
    return network.eval()


def make_images(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def flat(output: RawOutput) -> list[Tensor]:
    return [*output.class_logits, *output.box_deltas, output.seg_logits]


@both
def test_output_shapes(architecture: Architecture) -> None:
    with torch.inference_mode():
        output = make_network(architecture)(make_images(2, 1, 32, 64, 48))
    sizes = [(8, 16, 12), (4, 8, 6), (2, 4, 3)]
    assert [tuple(t.shape) for t in output.class_logits] == [(2, 2, *size) for size in sizes]
    assert [tuple(t.shape) for t in output.box_deltas] == [(2, 12, *size) for size in sizes]
    assert tuple(output.seg_logits.shape) == (2, 2, 16, 32, 24)
    assert all(t.dtype == torch.float32 for t in flat(output))


@both
def test_segmentation_alone_is_that_of_the_whole(architecture: Architecture) -> None:
    network, images = make_network(architecture), make_images(1, 1, 32, 48, 32)
    with torch.inference_mode():
        torch.testing.assert_close(network.segment(images), network(images).seg_logits, rtol=0, atol=0)


@both
def test_images_of_a_batch_do_not_influence_each_other(architecture: Architecture) -> None:
    network, images = make_network(architecture), make_images(2, 1, 32, 32, 48)
    with torch.inference_mode():
        together, alone = network(images), network(images[1:])
    for a, b in zip(flat(together), flat(alone), strict=True):
        torch.testing.assert_close(a[1:], b, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((1, 1, 40, 32, 32), "40 x 32 x 32"),
        ((1, 1, 32, 32, 16), "32 x 32 x 16"),
        ((1, 1, 32, 0, 32), "32 x 0 x 32"),
        ((1, 2, 32, 32, 32), "(1, 2, 32, 32, 32)"),
        ((1, 32, 32, 32), "(1, 32, 32, 32)"),
    ],
)
def test_unfit_windows_are_refused_in_one_line(shape: tuple[int, ...], told: str) -> None:
    with pytest.raises(InputError, match=re.escape(told)) as caught, torch.device("meta"):
        build_network("S")(torch.empty(shape))
    assert "\n" not in str(caught.value)


def test_unknown_architecture() -> None:
    with pytest.raises(ValueError, match="'X'"):
        build_network("X")  # type: ignore[arg-type]


@both
def test_parameters_are_float32_and_there_are_no_buffers(architecture: Architecture) -> None:
    network = build_network(architecture)
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    assert not list(network.buffers())


@both
def test_the_unread_level_is_computed_only_on_request(architecture: Architecture) -> None:
    network = make_network(architecture)
    used: list[nn.Module] = []
    for module in (network.neck.lateral_convs[0], network.neck.up_ops[1], network.neck.fpn_convs[0]):
        module.register_forward_hook(lambda module, *_: used.append(module))
    images = make_images(1, 1, 32, 32, 32)
    with torch.inference_mode():
        network(images)
        assert not used
        maps = network.backbone(images)
        usual, complete = network.neck(maps), network.neck(maps, finest=0)
    assert len(used) == 3
    assert tuple(complete[0].shape) == (1, 32, 32, 32, 32)
    for a, b in zip(usual, complete[1:], strict=True):
        assert torch.equal(a, b)


@both
def test_every_parameter_that_is_read_can_be_trained(architecture: Architecture) -> None:
    network = make_network(architecture).train()
    sum(tensor.square().sum() for tensor in flat(network(make_images(1, 1, 32, 32, 32)))).backward()
    dead = {name for name, p in network.named_parameters() if p.grad is None}
    assert dead == {
        "neck.up_ops.1.0.weight",
        "neck.lateral_convs.0.conv.weight",
        "neck.fpn_convs.0.conv.weight",
    }
    for name, parameter in network.named_parameters():
        if name not in dead:
            assert torch.isfinite(parameter.grad).all(), name
            assert parameter.grad.abs().max() > 0, name


def test_dropout_acts_in_training_only() -> None:
    network, images = make_network("S"), make_images(1, 1, 32, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(images).seg_logits, network(images).seg_logits)
        network.train()
        first, *others = [network(images) for _ in range(5)]
    assert any(not torch.equal(first.seg_logits, other.seg_logits) for other in others)
    assert all(torch.equal(first.class_logits[0], other.class_logits[0]) for other in others)


@pytest.mark.slow
@both
def test_autocast_keeps_box_deltas_in_float32(architecture: Architecture) -> None:
    network, images = make_network(architecture), make_images(1, 1, 32, 32, 32)
    deformable: list[Tensor] = []
    for name, module in network.named_modules():
        if re.search(r"DyConv_\w+\.conv$", name):
            module.register_forward_hook(lambda _module, _inputs, output: deformable.append(output))
    with torch.inference_mode():
        exact = network(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = network(images)
    assert output.class_logits[0].dtype == torch.bfloat16, "autocast was not active"
    assert all(deltas.dtype == torch.float32 for deltas in output.box_deltas)
    assert bool(deformable) == (architecture == "D")
    assert all(features.dtype == torch.float32 for features in deformable)
    for a, b in zip(flat(output), flat(exact), strict=True):
        assert (a.float() - b).abs().mean() < 0.1 * b.std() + 0.05 * b.abs().mean()


def test_initial_values() -> None:
    torch.manual_seed(2)
    parameters = dict(build_network("D").named_parameters())
    static = dict(build_network("S").named_parameters())

    def spread(name: str, expected: float, source: dict[str, Tensor] = parameters) -> None:
        tensor = source[name]
        tolerance = 5 / math.sqrt(2 * tensor.numel())
        assert tensor.std().item() == pytest.approx(expected, rel=tolerance), name
        assert abs(tensor.mean().item()) < 5 * expected / math.sqrt(tensor.numel()), name

    spread("backbone.layer2.1.conv1.conv.weight", math.sqrt(2 / (64 * 27)))
    spread("backbone.stem.3.weight", 1 / math.sqrt(3 * 16 * 27))
    spread("backbone.layer3.0.downsample.1.weight", 1 / math.sqrt(3 * 64))
    spread("neck.lateral_convs.4.conv.weight", math.sqrt(2 / (256 + 128)))
    spread("neck.fpn_convs.2.conv.weight", math.sqrt(2 / (2 * 128 * 27)))
    spread("bbox_head.cls_convs.3.conv.weight", 0.01, static)
    spread("bbox_head.reg_convs.0.conv.weight", 0.01, static)
    spread("bbox_head.atss_cls.weight", 0.01)
    spread("bbox_head.atss_reg.weight", 0.01)
    spread("bbox_head.dyhead_tower.2.offset.weight", 0.01)
    spread("bbox_head.dyhead_tower.2.AttnConv.1.weight", 0.01)
    spread("bbox_head.dyhead_tower.0.DyConv_lower.conv.weight", 1 / math.sqrt(3 * 128 * 27))
    spread("seg_head.conv_seg.weight", 0.1)
    spread("seg_head.convs.0.conv.weight", math.sqrt(2 / 16))
    assert parameters["bbox_head.atss_cls.bias"].tolist() == pytest.approx([-math.log(99)] * 2)
    assert [parameters[f"bbox_head.scales.{i}.scale"].item() for i in range(3)] == [1.0, 1.0, 1.0]
    for name, parameter in [*parameters.items(), *static.items()]:
        norm = re.search(r"\.(gn|bn)\.", name)
        if norm and name.endswith("weight"):
            assert (parameter == 1).all(), name
        elif name.endswith("bias") and "atss_cls" not in name and ".fc." not in name:
            assert (parameter == 0).all(), name


@both
@pytest.mark.slow
def test_peak_memory_of_a_published_window(architecture: Architecture) -> None:
    program = PEAK_BYTES + (
        "import torch\n"
        "from RibFracDetectorLib.engine.network import build_network\n"
        f"network = build_network({architecture!r}).eval()\n"
        "with torch.inference_mode():\n"
        "    network(torch.randn(1, 1, 160, 192, 128))\n"
        "print(peak_bytes() // 1024**2)\n"
    )
    paths = [path for path in sys.path if path.endswith("RibFracDetector")]
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}\n{program}"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert int(ran.stdout) < WINDOW_MEMORY_MIB
