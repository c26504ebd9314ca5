"""Where in a scan ribs may be: what the sliding window can skip is the rest.

Bone tells, not lung: an opaque hemithorax or gas under the skin changes nothing, and neither do position,
arms or metal, which at most add bone. The scan is looked at in slabs of about 4 mm. In each, the region is
the rectangle around all bone. Where that does not look like a whole ring of ribs within the body (poor bone,
a fault of the rule, another part of the body), the slab's rectangle is that of the body instead. Slabs are
left out only far above and below all rings. Doubt about the body itself means the whole scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ...case.anatomy import BLOCK_MM, BONE_HU, TISSUE_HU, block_means
from .spacing import Spacing

# A smaller body is a fragment, a phantom or a cut-out.
MIN_BODY_ML = 2000.0
# Pieces of tissue that are smaller than this share of the largest (table, tubes, sheets) are no body.
BODY_PIECE_SHARE = 0.1
# An axial slab through a rib cage shows ten to thirty pieces of bone; neck, abdomen and thighs one to four.
RING_PIECES = 8
# How far the bone of a whole ring may be from the body's surface, as a share of the body's extent: fat is
# thick in front, and below the sternum nothing but ribs at the sides is left there.
RING_GAP = {0: 0.3, 1: 0.45}
# A whole rib cage shows rings over 250 mm or more; shoulder blades and hands alone over less than this.
MIN_RINGS_MM = 200.0
# The first rib lies less above, the tip of the last one less below, the slabs that show a ring.
BEYOND_RINGS_MM = 120.0
# From the bone's rectangle to the region's border.
MARGIN_MM = 10.0


@dataclass(frozen=True)
class RibRegion:
    """Boxes that together hold every rib.

    Attributes:
        boxes: (n, 6), (x1, y1, z1, x2, y2, z2) in voxels of the scan, half-open.
        doubt: why the region is larger than a rib cage, in words for the user; None if it is not.
    """

    boxes: NDArray[np.float64]
    doubt: str | None = None


def find_rib_region(voxels: NDArray, spacing: Spacing) -> RibRegion:
    """The region of a scan (HU, [x, y, z], LPS; `spacing` in mm)."""
    factors = [max(1, round(BLOCK_MM / step)) for step in spacing]
    if any(factor > n for factor, n in zip(factors, voxels.shape, strict=True)):
        return _whole_scan(voxels, "the scan is too small to look for ribs")
    blocks = block_means(voxels, factors)
    block_mm = np.multiply(factors, spacing)
    body = _body(blocks > TISSUE_HU)
    if body.sum() * np.prod(block_mm) / 1000 < MIN_BODY_ML:
        return _whole_scan(voxels, "no body was recognised")
    bone = (blocks > BONE_HU) & ndimage.binary_dilation(body)
    slabs = [_Slab(body[:, :, z], bone[:, :, z]) for z in range(blocks.shape[2])]
    first, last = _slabs_near_rings([slab.has_ring for slab in slabs], block_mm[2])
    boxes = [
        (*slabs[z].rectangle[0], z, *slabs[z].rectangle[1], z + 1)
        for z in range(first, last)
        if slabs[z].rectangle is not None
    ]
    doubt = None if any(slab.has_ring for slab in slabs) else "a body was recognised, but no rib cage"
    return RibRegion(_in_voxels(np.array(boxes), factors, blocks.shape, voxels.shape, spacing), doubt)


def _whole_scan(voxels: NDArray, doubt: str) -> RibRegion:
    return RibRegion(np.array([[0, 0, 0, *voxels.shape]], np.float64), doubt)


def _body(tissue: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The large pieces of tissue; arms may be pieces of their own."""
    pieces, _ = ndimage.label(tissue)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return (sizes >= max(BODY_PIECE_SHARE * sizes.max(), 1))[pieces]


class _Slab:
    """One axial layer of blocks.

    Attributes:
        has_ring: whether its bone looks like that of a whole rib cage.
        rectangle: ((x1, y1), (x2, y2)) in blocks, half-open, around all that may be rib; None if nothing.
    """

    def __init__(self, body: NDArray[np.bool_], bone: NDArray[np.bool_]) -> None:
        around_body, around_bone = _rectangle(body | bone), _rectangle(bone)
        self.has_ring = around_bone is not None and _is_ring(bone, around_bone, around_body)
        self.rectangle = around_bone if self.has_ring else around_body


def _rectangle(mask: NDArray[np.bool_]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    if not mask.any():
        return None
    (x1, x2), (y1, y2) = (np.flatnonzero(mask.any(axis=1 - axis))[[0, -1]].tolist() for axis in (0, 1))
    return (x1, y1), (x2 + 1, y2 + 1)


def _is_ring(bone: NDArray[np.bool_], around_bone: tuple, around_body: tuple) -> bool:
    if ndimage.label(bone)[1] < RING_PIECES:
        return False
    for axis, share in RING_GAP.items():
        allowed = share * (around_body[1][axis] - around_body[0][axis])
        before = around_bone[0][axis] - around_body[0][axis]
        behind = around_body[1][axis] - around_bone[1][axis]
        if max(before, behind) > allowed:
            return False
    return True


def _slabs_near_rings(has_ring: Sequence[bool], slab_mm: float) -> tuple[int, int]:
    """The half-open range of slabs in which ribs may be: all, unless enough slabs show a ring."""
    rings = np.flatnonzero(has_ring)
    if len(rings) * slab_mm < MIN_RINGS_MM:
        return 0, len(has_ring)
    beyond = int(np.ceil(BEYOND_RINGS_MM / slab_mm))
    return max(int(rings[0]) - beyond, 0), min(int(rings[-1]) + 1 + beyond, len(has_ring))


def _in_voxels(
    boxes: NDArray, factors: Sequence[int], counts: Sequence[int], size: Sequence[int], spacing: Spacing
) -> NDArray[np.float64]:
    """Boxes of blocks as boxes of voxels with a margin; the last block reaches to the end of the scan."""
    last = boxes[:, 3:] == counts
    margin = MARGIN_MM / np.asarray(spacing)
    low = np.maximum(boxes[:, :3] * factors - margin, 0)
    high = np.where(last, size, np.minimum(boxes[:, 3:] * factors + margin, size))
    return np.concatenate([low, high], axis=1)
