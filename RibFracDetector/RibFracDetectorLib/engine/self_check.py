"""Is a fast precision or device right for these weights? One window tells, once per machine and version.

Half precision, Metal and other libraries are fast and usually close enough, but nobody promises it for a
given network: instance norm can amplify rounding. So before the first run, one window with much bone is
computed in the wanted way and by PyTorch on the CPU in float32; only when what a reader would see agrees is
the fast way taken. The verdict is remembered, keyed by everything it depends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .. import __version__
from ..case.errors import InputError
from ..case.provenance import versions
from ..case.whole_files import written_whole
from .cache_folder import cache_folder
from .execution.executor import Executor
from .execution.ways import Way
from .inference.blending import window_margin
from .inference.windows import window_starts
from .network import RawOutput
from .progress import SilentReporter
from .results.spine import BONE_HU

# Scores are compared where either way shows a candidate; below, a difference changes nothing that is seen.
VISIBLE_SCORE = 0.1
MAX_SCORE_DIFFERENCE = 0.05
MAX_PROBABILITY_RMS = 0.02


@dataclass(frozen=True)
class Verdict:
    """How far a way of computing is from CPU float32 on one window.

    Attributes:
        score_difference: largest difference of visible detection scores.
        probability_rms: root mean square difference of foreground probability.
    """

    score_difference: float
    probability_rms: float

    @property
    def passed(self) -> bool:
        """Close enough for every finding to stay the same finding (NaN fails)."""
        return self.score_difference <= MAX_SCORE_DIFFERENCE and self.probability_rms <= MAX_PROBABILITY_RMS

    @property
    def is_finite(self) -> bool:
        """Whether both ways gave numbers."""
        return math.isfinite(self.score_difference) and math.isfinite(self.probability_rms)

    def __str__(self) -> str:
        return (
            f"scores differ by up to {self.score_difference:.3f} (allowed {MAX_SCORE_DIFFERENCE}), "
            f"foreground probability by {self.probability_rms:.3f} rms (allowed {MAX_PROBABILITY_RMS})"
        )


def boniest_window(image: NDArray, roi_size: Sequence[int], overlap: float) -> tuple[int, int, int]:
    """Start of the window that holds most bone, judged on every fourth voxel."""
    bone = image[::4, ::4, ::4] > BONE_HU

    def count(start: tuple[int, int, int]) -> int:
        coarse = tuple(slice(s // 4, (s + n) // 4) for s, n in zip(start, roi_size, strict=True))
        return int(np.count_nonzero(bone[coarse]))

    return max(window_starts(image.shape, roi_size, overlap), key=count)


def check(candidate: Executor, reference: Executor, window: Tensor) -> Verdict:
    """Compare two ways of computing one normalised window (1, X, Y, Z)."""
    silent = SilentReporter()
    (wanted,) = candidate(window[None], silent)
    (truth,) = reference(window[None], silent)
    levels = zip(wanted.class_logits, truth.class_logits, strict=True)
    score_difference = float(np.max([_visible_difference(a, b) for a, b in levels]))  # keeps NaN
    probability = [_foreground(output, window.shape[1:]) for output in (wanted, truth)]
    rms = float((probability[0] - probability[1]).square().mean().sqrt())
    return Verdict(score_difference, rms)


def cache_key(weights_sha256: str, way: Way, roi_size: Sequence[int]) -> str:
    """Names everything a verdict depends on."""
    facts = (
        __version__,
        torch.__version__,
        versions().get(way.engine, ""),
        platform.machine(),
        platform.processor(),
        str(way),
        weights_sha256,
        *map(str, roi_size),
    )
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:32]


def remembered(key: str) -> Verdict | None:
    """The verdict of an earlier run, if there is a readable one."""
    try:
        return Verdict(**json.loads((cache_folder("self_check") / f"{key}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def remember(key: str, verdict: Verdict) -> None:
    """Keep a verdict for later runs; a cache that cannot be written is no failure."""
    path = cache_folder("self_check") / f"{key}.json"
    with contextlib.suppress(OSError, InputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(asdict(verdict)), encoding="utf-8")


def _visible_difference(wanted: Tensor, truth: Tensor) -> float:
    a, b = wanted.detach().cpu().float().sigmoid(), truth.detach().cpu().float().sigmoid()
    if a.isnan().any():
        return float("nan")
    visible = (a > VISIBLE_SCORE) | (b > VISIBLE_SCORE)
    return float((a - b).abs()[visible].max()) if visible.any() else 0.0


def _foreground(output: RawOutput, size: Sequence[int]) -> Tensor:
    return window_margin(output.seg_logits.detach().cpu(), size).sigmoid()
