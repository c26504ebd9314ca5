"""The mask of one finding as plain JSON: its bounding box and packed bits.

A review log holds such patches, so that each edit of a mask can be undone and the log alone tells every mask
that ever was. One of a rib fracture takes about a kilobyte.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A patch is unpacked in memory; no fracture is larger than a whole thin-slice scan of the chest.
_MAX_VOXELS = 2**30


@dataclass(frozen=True, eq=False)
class MaskPatch:
    """A mask that is False outside of a box.

    Attributes:
        start: voxel x, y, z of the first element of `voxels`.
        voxels: bool [x, y, z]; may be empty (size 0) for a mask without a voxel.
    """

    start: tuple[int, int, int]
    voxels: NDArray[np.bool_]

    @classmethod
    def empty(cls) -> MaskPatch:
        """Without a voxel."""
        return cls((0, 0, 0), np.zeros((0, 0, 0), bool))

    @classmethod
    def of(cls, mask: NDArray, start: Sequence[int] = (0, 0, 0)) -> MaskPatch:
        """The smallest patch of a mask.

        Args:
            mask: [x, y, z], what is not 0 is inside.
            start: voxel of its first element.
        """
        inside = np.asarray(mask) != 0
        if not inside.any():
            return cls.empty()
        spans = []
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            filled = np.flatnonzero(inside.any(axis=others))
            spans.append(slice(int(filled[0]), int(filled[-1]) + 1))
        first = tuple(int(low) + span.start for low, span in zip(start, spans, strict=True))
        return cls(first, inside[tuple(spans)].copy())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MaskPatch):
            return NotImplemented
        return self.start == other.start and np.array_equal(self.voxels, other.voxels)

    __hash__ = None

    @property
    def count(self) -> int:
        """How many voxels are inside."""
        return int(np.count_nonzero(self.voxels))

    @property
    def box(self) -> tuple[float, ...]:
        """The voxels' outer faces x1, y1, z1, x2, y2, z2 in continuous indices."""
        low = np.asarray(self.start, dtype=np.float64) - 0.5
        return tuple(np.concatenate([low, low + self.voxels.shape]).tolist())

    @property
    def centroid(self) -> tuple[float, ...]:
        """The mean of its voxels; there must be one."""
        return tuple((np.argwhere(self.voxels).mean(axis=0) + self.start).tolist())

    def within(self, size: Sequence[int]) -> bool:
        """Whether it lies inside a volume of `size` voxels."""
        ends = (first + length for first, length in zip(self.start, self.voxels.shape, strict=True))
        return min(self.start) >= 0 and all(end <= limit for end, limit in zip(ends, size, strict=True))

    def paint(self, labels: NDArray, value: int) -> None:
        """Set its voxels in a label map [x, y, z]."""
        spans = tuple(
            slice(first, first + length) for first, length in zip(self.start, self.voxels.shape, strict=True)
        )
        labels[spans][self.voxels] = value

    def to_json(self) -> dict[str, Any]:
        """Plain values: start, size, and base64 of the compressed bits, x fastest."""
        bits = np.packbits(self.voxels.ravel(order="F"))
        packed = base64.b64encode(zlib.compress(bits.tobytes(), 9)).decode("ascii")
        return {"start": list(self.start), "size": list(self.voxels.shape), "bits": packed}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> MaskPatch:
        """The inverse of `to_json`; `content` must have no `patch_fault`."""
        size = tuple(content["size"])
        return cls(tuple(content["start"]), _unpacked(content["bits"], size))


def patches_of(labels: NDArray) -> dict[int, MaskPatch]:
    """The patch of every value but 0 of a label map [x, y, z]."""
    # One pass finds the boxes, so a scan with 300 findings is not searched 300 times.
    places = np.nonzero(labels)
    if not len(places[0]):
        return {}
    values = labels[places]
    order = np.argsort(values, kind="stable")
    found, firsts = np.unique(values[order], return_index=True)
    patches = {}
    for value, index in zip(found.tolist(), np.split(order, firsts)[1:], strict=True):
        spans = tuple(slice(int(axis[index].min()), int(axis[index].max()) + 1) for axis in places)
        patches[value] = MaskPatch(tuple(span.start for span in spans), labels[spans] == value)
    return patches


def patch_fault(content: Any) -> str | None:
    """What keeps `content` from being a patch, in a few words; None if nothing does."""
    if not isinstance(content, Mapping) or set(content) != {"start", "size", "bits"}:
        return "an object with start, size and bits is expected"
    for key in ("start", "size"):
        values = content[key]
        if not isinstance(values, list) or len(values) != 3:
            return f"{key} has not three numbers"
        if any(type(value) is not int or value < 0 for value in values):
            return f"{key} has other than whole numbers from 0"
    if int(np.prod(content["size"], dtype=object)) > _MAX_VOXELS:
        return "it is larger than any scan"
    try:
        _unpacked(content["bits"], tuple(content["size"]))
    except (ValueError, TypeError, AttributeError, zlib.error, binascii.Error):
        return "its bits are damaged"
    return None


def _unpacked(bits: str, size: tuple[int, int, int]) -> NDArray[np.bool_]:
    count = int(np.prod(size))
    length = (count + 7) // 8
    unpacker = zlib.decompressobj()
    data = unpacker.decompress(base64.b64decode(bits, validate=True), length + 1)
    if len(data) != length:
        raise ValueError(f"{length} bytes are expected")
    unpacked = np.unpackbits(np.frombuffer(data, np.uint8), count=count)
    return unpacked.astype(bool).reshape(size, order="F")
