"""The plan of windows: nothing of the region is left out, whatever the region; and on thoraces, no rib is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from ribfrac_testing.shared_data import TISSUE, Thorax, atlas_thorax, shared_file
from RibFracDetectorLib.case.reading import read_ct
from RibFracDetectorLib.engine.inference.infer import plan_views
from RibFracDetectorLib.engine.inference.plan import WindowPlan, plan_windows
from RibFracDetectorLib.engine.inference.rib_region import RibRegion, find_rib_region
from RibFracDetectorLib.engine.inference.views import View, ViewGrid, plan_view
from RibFracDetectorLib.engine.inference.windows import window_starts
from RibFracDetectorLib.engine.settings import resolve_settings
from scipy import ndimage

SETTINGS = resolve_settings("standard")
ROI = (32, 48, 32)
sizes = st.tuples(*(st.integers(10, 150) for _ in range(3)))
views = st.builds(
    View,
    st.none() | st.tuples(*(st.floats(0.5, 4.0) for _ in range(3))),
    st.sampled_from([None, "diagonal", "headfeet", "all3axis"]),
)


def covered(plan: WindowPlan, grid: ViewGrid, roi_size: Sequence[int]) -> NDArray[np.bool_]:
    """Which voxels of the view lie in a window of the plan."""
    seen = np.zeros(grid.padded_size, bool)
    for start in plan.starts:
        assert all(0 <= s <= n - w for s, n, w in zip(start, grid.padded_size, roi_size, strict=True))
        seen[tuple(slice(s, s + n) for s, n in zip(start, roi_size, strict=True))] = True
    return seen


def in_view(points: NDArray, grid: ViewGrid) -> NDArray[np.int64]:
    """Voxels of the scan (n, 3) as the nearest voxels of the view."""
    index = np.minimum(np.round(points / grid.step).astype(int), np.subtract(grid.resized_size, 1))
    for axis in grid.flip_axes:
        index[:, axis] = grid.padded_size[axis] - 1 - index[:, axis]
    return index


@st.composite
def regions(draw: st.DrawFn) -> tuple[tuple[int, ...], RibRegion]:
    """The size of a scan and a few boxes in it."""
    size = draw(sizes)
    boxes = []
    for _ in range(draw(st.integers(1, 4))):
        low = [draw(st.integers(0, n - 1)) for n in size]
        high = [draw(st.integers(start + 1, n)) for start, n in zip(low, size, strict=True)]
        boxes.append((*low, *high))
    return size, RibRegion(np.array(boxes, np.float64))


@given(regions(), views, st.floats(0, 0.8))
@example(
    ((109, 10, 10), RibRegion(np.array([[0, 0, 0, 108, 10, 10]], np.float64))),
    View((2.0, 1.0, 1.0), None),
    0.0,
)
def test_every_voxel_of_the_region_is_in_a_window(
    scan: tuple[tuple[int, ...], RibRegion], view: View, overlap: float
) -> None:
    size, region = scan
    grid = plan_view(size, (1.0, 1.0, 1.0), view, ROI)
    plan = plan_windows(grid, region, ROI, overlap, exhaustive=False)
    seen = covered(plan, grid, ROI)
    for low, high in region.boxes.reshape(-1, 2, 3):
        axes = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
        assert seen[tuple(in_view(points, grid).T)].all()


@given(regions(), views, st.floats(0, 0.8))
def test_exhaustive_adds_windows_until_everything_is_covered(
    scan: tuple[tuple[int, ...], RibRegion], view: View, overlap: float
) -> None:
    size, region = scan
    grid = plan_view(size, (1.0, 1.0, 1.0), view, ROI)
    plan = plan_windows(grid, region, ROI, overlap, exhaustive=False)
    full = plan_windows(grid, region, ROI, overlap, exhaustive=True)
    assert set(plan.starts) <= set(full.starts), "what is found near ribs does not depend on the rest"
    assert len(full.starts) == len(set(full.starts)) == len(plan.starts) + plan.skipped
    assert full.skipped == 0
    assert covered(full, grid, ROI).all()


def test_without_a_region_the_grid_is_the_originals() -> None:
    grid = plan_view((100, 90, 80), (1.0, 1.0, 1.0), View(None, None), ROI)
    plan = plan_windows(grid, None, ROI, 0.4, exhaustive=False)
    assert plan == WindowPlan(window_starts((100, 90, 80), ROI, 0.4), skipped=0)


@given(st.floats(0, 0.8))
def test_a_region_that_fills_the_scan_takes_no_more_windows_than_the_original(overlap: float) -> None:
    size = (100, 90, 80)
    grid = plan_view(size, (1.0, 1.0, 1.0), View(None, None), ROI)
    region = RibRegion(np.array([[0, 0, 0, *size]], np.float64))
    plan = plan_windows(grid, region, ROI, overlap, exhaustive=False)
    assert len(plan.starts) <= len(window_starts(size, ROI, overlap))
    assert plan.skipped == 0


def test_padding_takes_no_windows() -> None:
    grid = plan_view((20, 20, 100), (1.0, 1.0, 1.0), View(None, "all3axis"), ROI)
    region = RibRegion(np.array([[0, 0, 0, 20, 20, 100]], np.float64))
    plan = plan_windows(grid, region, ROI, 0.4, exhaustive=False)
    assert {start[:2] for start in plan.starts} == {(0, 0)}


@cache
def thorax() -> Thorax:
    """The atlas as a CT, made once."""
    return atlas_thorax()


def opaque_hemithorax(whole: Thorax) -> Thorax:
    """The left lung is full of fluid."""
    return whole.with_voxels(np.where(whole.sides["left"], TISSUE, whole.voxels))


def both_lungs_opaque(whole: Thorax) -> Thorax:
    """No air in the chest."""
    return whole.with_voxels(np.where(whole.sides["left"] | whole.sides["right"], TISSUE, whole.voxels))


def subcutaneous_gas(whole: Thorax) -> Thorax:
    """A layer of gas, 3 to 9 mm under the skin, all around the upper half of the body."""
    depth = ndimage.distance_transform_edt(whole.body, sampling=whole.spacing)
    gas = (depth > 3) & (depth < 9)
    gas[:, :, : whole.body.shape[2] // 2] = False
    return whole.with_voxels(np.where(gas & ~whole.ribs, -950, whole.voxels))


def arms_down(whole: Thorax) -> Thorax:
    """Two arms with bone beside the body."""
    side = 70
    pad = ((side, side), (0, 0), (0, 0))
    voxels = np.pad(whole.voxels, pad, constant_values=-1000)
    x = np.arange(voxels.shape[0])[:, None] * whole.spacing[0]
    y = (np.arange(voxels.shape[1]) - voxels.shape[1] / 2)[None] * whole.spacing[1]
    for center in (side / 2, voxels.shape[0] - side / 2):
        distance = np.hypot(x - center * whole.spacing[0], y)
        voxels[distance < 45] = TISSUE
        voxels[distance < 12] = 800
    return Thorax(voxels, np.pad(whole.ribs, pad), np.pad(whole.body, pad), {}, whole.spacing)


def metal(whole: Thorax) -> Thorax:
    """A rod beside the spine, with streaks across the chest."""
    voxels = whole.voxels.copy()
    nx, ny, nz = voxels.shape
    rod = (slice(nx // 2 - 12, nx // 2 - 8), slice(ny * 2 // 3, ny * 2 // 3 + 4))
    voxels[:, rod[1], nz // 2 : nz * 3 // 4] -= 400
    voxels[rod[0], :, nz // 2 : nz * 3 // 4] += 400
    voxels[(*rod, slice(nz // 2, nz * 3 // 4))] = 3000
    return whole.with_voxels(voxels)


def prone(whole: Thorax) -> Thorax:
    """Lying on the chest: turned by half a turn about the long axis."""
    return Thorax(whole.voxels[::-1, ::-1], whole.ribs[::-1, ::-1], whole.body, {}, whole.spacing)


def poor_bone(whole: Thorax) -> Thorax:
    """Ribs hardly denser than muscle."""
    return whole.with_voxels(np.where(whole.ribs, 110, whole.voxels))


def poor_bone_on_one_side(whole: Thorax) -> Thorax:
    """The right ribs hardly denser than muscle: what is left is half a ring."""
    right = whole.ribs.copy()
    right[whole.ribs.shape[0] // 2 :] = False
    return whole.with_voxels(np.where(right, 60, whole.voxels))


def upper_half(whole: Thorax) -> Thorax:
    """The lower ribs are out of view."""
    middle = int(np.argwhere(whole.ribs)[:, 2].mean())
    return whole.cut(slice(None), slice(None), slice(middle, None))


def left_half(whole: Thorax) -> Thorax:
    """The ribs of the right side are out of view."""
    return whole.cut(slice(whole.voxels.shape[0] // 2, None), slice(None), slice(None))


def untouched(whole: Thorax) -> Thorax:
    """As it is."""
    return whole


VARIANTS = [
    untouched,
    opaque_hemithorax,
    both_lungs_opaque,
    subcutaneous_gas,
    arms_down,
    metal,
    prone,
    poor_bone,
    poor_bone_on_one_side,
    upper_half,
    left_half,
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_no_rib_of_the_atlas_is_left_out(variant: Callable[[Thorax], Thorax]) -> None:
    case = variant(thorax())
    assert case.ribs.any()
    assert_ribs_are_seen(case.voxels, case.ribs, case.spacing)


def test_windows_are_saved_on_the_atlas() -> None:
    """It reaches from the neck to the thighs: the pelvis needs no windows."""
    case = thorax()
    region = find_rib_region(case.voxels, case.spacing)
    assert region.doubt is None
    (grid,) = plan_views(case.voxels.shape, case.spacing, SETTINGS)
    plan = plan_windows(grid, region, SETTINGS.roi_size, SETTINGS.overlap, exhaustive=False)
    whole = window_starts(grid.padded_size, SETTINGS.roi_size, SETTINGS.overlap)
    assert len(plan.starts) <= 0.8 * len(whole)


@pytest.mark.parametrize("name", ["chest_ct_a", "chest_ct_b"])
def test_no_rib_of_a_real_scan_is_left_out(name: str) -> None:
    ct = read_ct(shared_file(f"ct/{name}.nii.gz"))
    region = find_rib_region(ct.voxels, ct.grid.spacing)
    assert region.doubt is None
    assert_ribs_are_seen(ct.voxels, bone_of_the_trunk(ct.voxels), ct.grid.spacing)


def bone_of_the_trunk(voxels: NDArray[np.int16]) -> NDArray[np.bool_]:
    """The largest connected piece of bone: spine, ribs, and what hangs together with them."""
    pieces, _ = ndimage.label(voxels > 200)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return pieces == sizes.argmax()


def assert_ribs_are_seen(
    voxels: NDArray, ribs: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> None:
    """Every voxel of a rib lies in a window of the default plan."""
    region = find_rib_region(voxels, spacing)
    (grid,) = plan_views(voxels.shape, spacing, SETTINGS)
    plan = plan_windows(grid, region, SETTINGS.roi_size, SETTINGS.overlap, exhaustive=False)
    seen = covered(plan, grid, SETTINGS.roi_size)
    assert seen[tuple(in_view(np.argwhere(ribs), grid).T)].all()


@pytest.mark.parametrize(
    ("voxels", "doubt"),
    [
        (np.full((200, 200, 100), -1000, np.int16), "no body"),
        (np.full((200, 200, 100), 40, np.int16), "no rib cage"),
        (np.full((200, 200, 1), 40, np.int16), "too small"),
        (np.full((8, 200, 100), 40, np.int16), "no body"),
    ],
)
def test_doubt_means_everything(voxels: NDArray, doubt: str) -> None:
    region = find_rib_region(voxels, (2.0, 2.0, 2.0))
    assert doubt in region.doubt
    low, high = region.boxes[:, :3].min(axis=0), region.boxes[:, 3:].max(axis=0)
    assert (low.tolist(), high.tolist()) == ([0, 0, 0], list(voxels.shape))
