"""Which of the assigned anchors are trained as fractures, and how many samples a patch counts for.

The varifocal loss runs over all anchors, so a sampler decides only these two things (spec 8.5). The original
draws 64 anchors of a patch; the positives that it does not draw are then trained as background, which is its
defect. `AllPositives` keeps them all, and the scale of the loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .assignment import PatchAnchors


@dataclass(frozen=True)
class AnchorSample:
    """What a sampler chose in one patch.

    Attributes:
        positives: int64 (k,), ascending positions in the list of assigned anchors.
        size: number of samples that the patch adds to the normaliser of the classification loss.
    """

    positives: Tensor
    size: int


class AnchorSampling(Protocol):
    """A way to choose among the assigned anchors of a patch."""

    def select(self, assigned: Tensor, scores: Tensor, anchors: PatchAnchors) -> AnchorSample:
        """Choose in one patch.

        Args:
            assigned: int64 (p,), ascending indices of the positive anchors.
            scores: (A,), the highest class logit of each anchor.
            anchors: of the patch.
        """


@dataclass(frozen=True)
class AllPositives:
    """Every assigned anchor is trained as a fracture (the spec's advice in 8.5).

    Attributes:
        samples_per_patch: what a patch counts for, as large as the original's sample.
    """

    samples_per_patch: int

    def select(self, assigned: Tensor, scores: Tensor, anchors: PatchAnchors) -> AnchorSample:  # noqa: ARG002
        """See `AnchorSampling`."""
        everything = torch.arange(len(assigned), device=assigned.device)
        return AnchorSample(everything, self.samples_per_patch)


@dataclass(frozen=True)
class OriginalSampling:
    """The original's hard-negative pool sampler (spec 8.5), which draws from torch's global CPU generator.

    Attributes:
        samples_per_patch: positives and negatives together.
        positive_fraction: the largest share of positives.
        pool_factor: negatives are drawn from this many times as many, those of the highest scores.
    """

    samples_per_patch: int
    positive_fraction: float
    pool_factor: int

    def select(self, assigned: Tensor, scores: Tensor, anchors: PatchAnchors) -> AnchorSample:
        """See `AnchorSampling`."""
        positives = self.draw_positives(assigned)
        negatives = self.draw_negatives(assigned, scores, anchors, self.samples_per_patch - len(positives))
        return AnchorSample(positives, len(positives) + len(negatives))

    def draw_positives(self, assigned: Tensor) -> Tensor:
        """Ascending positions in `assigned`: all, or a random choice of the largest number allowed."""
        limit = int(self.samples_per_patch * self.positive_fraction)
        if len(assigned) <= limit:
            return torch.arange(len(assigned), device=assigned.device)
        return torch.randperm(len(assigned))[:limit].sort().values.to(assigned.device)

    def draw_negatives(self, assigned: Tensor, scores: Tensor, anchors: PatchAnchors, count: int) -> Tensor:
        """Ascending indices of at most `count` background anchors, drawn from the pool of highest scores."""
        is_background = torch.zeros_like(scores, dtype=torch.bool)
        is_background[torch.cat(anchors.eligible)] = True
        is_background[assigned] = False
        background = is_background.nonzero().squeeze(1)
        if len(background) <= count:
            return background
        pool_size = min(count * self.pool_factor, len(background))
        pool = background[scores[background].topk(pool_size).indices].sort().values
        return pool[torch.randperm(pool_size)[:count].to(pool.device)].sort().values
