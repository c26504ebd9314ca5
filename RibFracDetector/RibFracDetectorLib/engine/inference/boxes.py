"""Lists of scored boxes on the CPU: IoU, non-maximum suppression, and the merges of windows and passes.

Greedy NMS is written here because the field's libraries do it badly in 3D: compiled operators do not load,
and MONAI's takes 20 times as long on a few thousand sparse boxes. Source of the merges: spec 5.2, 5.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ScoredBoxes:
    """Boxes of one image.

    Attributes:
        boxes: float32 (n, 6), (x1, y1, z1, x2, y2, z2) in voxels.
        scores: float32 (n,), probabilities.
        classes: int64 (n,), 0-based.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]

    @classmethod
    def empty(cls) -> ScoredBoxes:
        """No boxes."""
        return cls(np.zeros((0, 6), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    @classmethod
    def concatenate(cls, parts: Sequence[ScoredBoxes]) -> ScoredBoxes:
        """All boxes of `parts`, in their order."""
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.classes for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.scores)

    def take(self, selection: NDArray) -> ScoredBoxes:
        """The boxes of an index array or a boolean mask."""
        return ScoredBoxes(self.boxes[selection], self.scores[selection], self.classes[selection])

    def with_boxes(self, boxes: NDArray) -> ScoredBoxes:
        """The same scores and classes with other coordinates."""
        return ScoredBoxes(boxes.astype(np.float32), self.scores, self.classes)

    def best(self, count: int) -> ScoredBoxes:
        """The `count` highest scores, in descending order; equal scores keep their order."""
        return self.take(np.argsort(-self.scores, kind="stable")[:count])


def iou_with(box: NDArray, others: NDArray) -> NDArray:
    """IoU of one box (6,) with boxes (n, 6), without the historical +1 on edges."""
    overlap = np.minimum(box[3:], others[:, 3:]) - np.maximum(box[:3], others[:, :3])
    intersection = np.prod(np.maximum(overlap, 0), axis=1)
    volumes = np.prod(others[:, 3:] - others[:, :3], axis=1)
    union = np.prod(box[3:] - box[:3]) + volumes - intersection
    return intersection / np.maximum(union, np.finfo(np.float32).tiny)


def non_maximum_suppression(detections: ScoredBoxes, iou_threshold: float) -> ScoredBoxes:
    """Greedy NMS within each class; the result is sorted by descending score.

    A box is suppressed when its IoU with a better box of its class exceeds `iou_threshold`.
    """
    ordered = detections.best(len(detections))
    remaining = np.arange(len(ordered))
    kept: list[int] = []
    while remaining.size:
        best, rest = remaining[0], remaining[1:]
        kept.append(int(best))
        overlapping = iou_with(ordered.boxes[best], ordered.boxes[rest]) > iou_threshold
        remaining = rest[~(overlapping & (ordered.classes[rest] == ordered.classes[best]))]
    return ordered.take(np.asarray(kept, dtype=np.int64))


def clip_boxes(boxes: NDArray, size: Sequence[int]) -> NDArray:
    """Boxes (n, 6) with every coordinate clipped to [0, size] of its axis."""
    return np.clip(boxes, 0, np.tile(np.asarray(size, dtype=boxes.dtype), 2))
