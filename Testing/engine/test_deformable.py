"""Deformable convolution against the ordinary one, against a plain loop, and against finite differences."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from RibFracDetectorLib.engine.network.deform_conv import modulated_deform_conv3d
from torch import Tensor
from torch.nn.functional import conv3d, pad

DOUBLE = torch.float64


def random_tensor(seed: int, *shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def output_size(size: tuple[int, ...], stride: int) -> tuple[int, ...]:
    return tuple((n - 1) // stride + 1 for n in size)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_zero_offsets_and_full_mask_are_an_ordinary_convolution(stride: int, dtype: torch.dtype) -> None:
    features = random_tensor(0, 2, 3, 5, 8, 6, dtype=dtype)
    weight = random_tensor(1, 4, 3, 3, 3, 3, dtype=dtype)
    size = output_size(features.shape[2:], stride)
    result = modulated_deform_conv3d(
        features,
        torch.zeros(2, 81, *size, dtype=dtype),
        torch.ones(2, 27, *size, dtype=dtype),
        weight,
        stride,
    )
    torch.testing.assert_close(
        result, conv3d(features, weight, stride=stride, padding=1), rtol=1e-5, atol=1e-5
    )


def test_whole_offsets_shift_the_taps() -> None:
    """Every tap moved by the same whole voxels: the ordinary convolution of the shifted image."""
    features, weight = random_tensor(2, 1, 2, 6, 7, 8), random_tensor(3, 3, 2, 3, 3, 3)
    offsets = torch.tensor([2.0, -1.0, 1.0], dtype=DOUBLE).repeat(27)[None, :, None, None, None]
    result = modulated_deform_conv3d(
        features, offsets.expand(1, 81, 6, 7, 8), torch.ones(1, 27, 6, 7, 8, dtype=DOUBLE), weight
    )
    extended = conv3d(pad(features, (4,) * 6), weight)  # index 3 here is index 0 of the result
    torch.testing.assert_close(result, extended[:, :, 5:11, 2:9, 4:12])


def plain_convolution(
    features: NDArray, offsets: NDArray, mask: NDArray, weight: NDArray, stride: int
) -> NDArray[np.float64]:
    """One image, by the letter of spec 3.4, one sample at a time."""
    out_channels, size = weight.shape[0], mask.shape[1:]
    result = np.zeros((out_channels, *size))
    for place in itertools.product(*map(range, size)):
        for tap, (i, j, k) in enumerate(itertools.product(range(3), repeat=3)):
            shift = offsets[(slice(3 * tap, 3 * tap + 3), *place)]
            position = [n * stride - 1 + t + s for n, t, s in zip(place, (i, j, k), shift, strict=True)]
            value = plain_sample(features, position) * mask[(tap, *place)]
            result[(slice(None), *place)] += weight[:, :, i, j, k] @ value
    return result


def plain_sample(features: NDArray, position: list[float]) -> NDArray[np.float64]:
    size = features.shape[1:]
    value = np.zeros(features.shape[0])
    if any(p <= -1 or p >= n for p, n in zip(position, size, strict=True)):
        return value
    for corner in itertools.product((0, 1), repeat=3):
        index = [math.floor(p) + c for p, c in zip(position, corner, strict=True)]
        if all(0 <= i < n for i, n in zip(index, size, strict=True)):
            value += features[(slice(None), *index)] * math.prod(
                1 - abs(p - i) for p, i in zip(position, index, strict=True)
            )
    return value


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 5)] * 3),
    stride=st.sampled_from([1, 2]),
    reach=st.sampled_from([0.4, 2.0, 30.0, 1e9]),
    whole=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_equals_the_plain_loop(
    size: tuple[int, int, int], stride: int, reach: float, whole: bool, seed: int
) -> None:
    features, weight = random_tensor(seed, 1, 2, *size), random_tensor(seed + 1, 3, 2, 3, 3, 3)
    out_size = output_size(size, stride)
    offsets = reach * random_tensor(seed + 2, 1, 81, *out_size)
    offsets = offsets.round() if whole else offsets
    mask = random_tensor(seed + 3, 1, 27, *out_size).sigmoid()
    result = modulated_deform_conv3d(features, offsets, mask, weight, stride)
    expected = plain_convolution(*(t.numpy() for t in (features[0], offsets[0], mask[0], weight)), stride)
    np.testing.assert_allclose(result[0].numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("edge", [-1.0, 4.0])
def test_continuous_at_the_border_and_zero_beyond(edge: float) -> None:
    """A tap that leaves the image fades to zero at -1 and at the size (4), and stays there."""
    features, weight = torch.ones(1, 1, 4, 4, 4, dtype=DOUBLE), torch.zeros(1, 1, 3, 3, 3, dtype=DOUBLE)
    weight[0, 0, 1, 1, 1] = 1  # the middle tap alone, at the output position itself
    inward = -math.copysign(1, edge)

    def value(position: float) -> float:
        offsets = torch.zeros(1, 81, 4, 4, 4, dtype=DOUBLE)
        offsets[:, 3 * 13] = position - 2
        mask = torch.ones(1, 27, 4, 4, 4, dtype=DOUBLE)
        return modulated_deform_conv3d(features, offsets, mask, weight)[0, 0, 2, 2, 2].item()

    assert value(edge + 0.25 * inward) == pytest.approx(0.25)
    assert value(edge) == 0
    assert value(edge - 0.25 * inward) == 0
    assert value(edge - 1e9 * inward) == 0


def test_offsets_that_are_not_numbers_give_no_number_there_alone() -> None:
    features, weight = random_tensor(4, 1, 2, 3, 3, 3), random_tensor(5, 2, 2, 3, 3, 3)
    offsets, mask = torch.zeros(1, 81, 3, 3, 3, dtype=DOUBLE), torch.ones(1, 27, 3, 3, 3, dtype=DOUBLE)
    offsets[0, 40, 1, 2, 0] = math.nan
    offsets[0, 40, 0, 0, 0] = math.inf
    result = modulated_deform_conv3d(features, offsets, mask, weight)
    assert result[0, :, 1, 2, 0].isnan().all()
    assert result.isnan().sum() == 2


@pytest.mark.parametrize("column_bytes", [1, 5_000, 2**30])
def test_the_bound_of_memory_does_not_change_the_result(column_bytes: int) -> None:
    features, weight = random_tensor(6, 2, 3, 4, 5, 6), random_tensor(7, 2, 3, 3, 3, 3)
    offsets, mask = random_tensor(8, 2, 81, 4, 5, 6), random_tensor(9, 2, 27, 4, 5, 6).sigmoid()
    result = modulated_deform_conv3d(features, offsets, mask, weight, column_bytes=column_bytes)
    torch.testing.assert_close(result, modulated_deform_conv3d(features, offsets, mask, weight))


def test_the_matrix_of_samples_is_never_larger_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    from RibFracDetectorLib.engine.network import deform_conv

    sizes: list[int] = []
    gather = deform_conv.embedding_bag

    def measured(*args: Tensor, **options: object) -> Tensor:
        samples = gather(*args, **options)
        sizes.append(samples.numel() * samples.element_size())
        return samples

    monkeypatch.setattr(deform_conv, "embedding_bag", measured)
    offsets, mask = random_tensor(10, 1, 81, 6, 6, 6), random_tensor(11, 1, 27, 6, 6, 6)
    modulated_deform_conv3d(
        random_tensor(12, 1, 4, 6, 6, 6), offsets, mask, random_tensor(13, 2, 4, 3, 3, 3), column_bytes=20_000
    )
    assert len(sizes) > 1
    assert max(sizes) <= 20_000


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients(stride: int) -> None:
    size = (2, 3, 1)
    out_size = output_size(size, stride)
    # Positions stay clear of whole numbers, where trilinear interpolation has a kink.
    whole = random_tensor(14, 1, 81, *out_size).mul(2).round()
    fraction = 0.2 + 0.6 * torch.rand(whole.shape, generator=torch.Generator().manual_seed(15), dtype=DOUBLE)
    inputs = (
        random_tensor(16, 1, 2, *size),
        whole + fraction,
        random_tensor(17, 1, 27, *out_size).sigmoid(),
        random_tensor(18, 2, 2, 3, 3, 3),
    )
    for tensor in inputs:
        tensor.requires_grad_()
    two_positions = 2 * 27 * 2 * 8  # several blocks, so that their recomputation is checked as well
    assert torch.autograd.gradcheck(
        lambda *args: modulated_deform_conv3d(*args, stride, two_positions), inputs
    )


def test_reduced_precision_is_computed_in_float32() -> None:
    features, weight = random_tensor(19, 1, 4, 4, 4, 4).half(), random_tensor(20, 3, 4, 3, 3, 3).float()
    offsets, mask = random_tensor(21, 1, 81, 4, 4, 4).half(), random_tensor(22, 1, 27, 4, 4, 4).half()
    expected = modulated_deform_conv3d(features.float(), offsets.float(), mask.float(), weight)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = modulated_deform_conv3d(features, offsets, mask, weight)
    assert result.dtype == torch.float32
    assert torch.equal(result, expected)
