"""Validation: the real detection in whole scans, shared over the processes, and its metrics (spec 9.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from RibFracDetectorLib.engine.execution.torch_executor import TorchExecutor
from RibFracDetectorLib.engine.inference.boxes import ScoredBoxes
from RibFracDetectorLib.engine.inference.caps import Caps
from RibFracDetectorLib.engine.inference.infer import infer
from RibFracDetectorLib.engine.inference.standard import StandardProcedure
from RibFracDetectorLib.engine.progress import CancelledError, SilentReporter, StageClock
from RibFracDetectorLib.engine.results.regions import threshold_and_clean
from RibFracDetectorLib.engine.settings import InferenceSettings
from RibFracDetectorLib.evaluation.average_precision import seed_average_precision
from RibFracDetectorLib.evaluation.cases import Detections, Lesions
from RibFracDetectorLib.evaluation.froc import CHALLENGE_POINTS, froc_curve, sensitivity_at
from RibFracDetectorLib.evaluation.map_metric import SEED_IOUS
from RibFracDetectorLib.evaluation.matching import match_centers, pool
from torch import nn

from .data.classes import ClassMap
from .data.prepared import PreparedCase
from .data.split import shard

LONGEST_WAIT = timedelta(days=2)
"""Processes may wait for the one with the largest scans."""


@dataclass(frozen=True)
class ScanResult:
    """What one scan adds to the metrics.

    Attributes:
        case_id: of the scan.
        lesions, detections: as the evaluation takes them.
        dice: of the segmentation; NaN if there is nothing and nothing was found.
    """

    case_id: str
    lesions: Lesions
    detections: Detections
    dice: float


@dataclass(frozen=True)
class Validator:
    """Runs the detector over its process's part of the validation cases.

    Attributes:
        cases: all of the split.
        classes: which lesions count.
        settings: of inference, without test-time augmentation.
        precision: of inference, "fp32", "fp16" or "bf16".
        stopped: asked between windows whether the run shall end.
    """

    cases: Sequence[PreparedCase]
    classes: ClassMap
    settings: InferenceSettings
    precision: str
    stopped: Callable[[], bool] = field(default=lambda: False)

    def run(self, network: nn.Module, device: torch.device, rank: int, world_size: int) -> dict[str, float]:
        """The metrics of the whole split, the same in every process.

        Raises:
            CancelledError: this process or another was asked to stop; every process raises it.
        """
        was_training = network.training
        found: list[ScanResult] | None = []
        try:
            executor = TorchExecutor(network, device, self.precision, self.settings.sw_batch_size)
            for case in shard(self.cases, rank, world_size):
                found.append(self._detect(executor, case))
        except CancelledError:
            found = None
        finally:
            network.train(was_training)
        return metrics_of(_gathered(found, world_size))

    def _detect(self, executor: TorchExecutor, case: PreparedCase) -> ScanResult:
        reporter = _Stoppable(self.stopped)
        ct = case.ct()
        inference = infer(
            ct.voxels,
            case.grid.spacing,
            [executor],
            self.settings,
            StandardProcedure(),
            Caps(),
            StageClock(reporter),
        )
        mask = threshold_and_clean(inference.probability, self.settings.cutoff, self.settings.min_seg_voxels)
        lesions = case.lesions_of(self.classes)
        truth = case.instance_map(self.classes) > 0
        return ScanResult(
            case.case_id, as_lesions(lesions), as_detections(inference.detections), _dice(truth, mask)
        )


def metrics_of(results: Sequence[ScanResult]) -> dict[str, float]:
    """AP20, AP30 and their mean mAP (spec 9.1), FROC by the centre rule, mean Dice of scans that have one.

    Sensitivities are at 0.5, 1, 2, 4 and 8 false positives a scan, and `froc` is their mean.
    """
    lesions = [result.lesions for result in results]
    detections = [result.detections for result in results]
    values = {key: seed_average_precision(lesions, detections, iou) for key, iou in SEED_IOUS.items()}
    values["mAP"] = float(np.mean(list(values.values())))
    matched = pool([match_centers(*pair) for pair in zip(lesions, detections, strict=True)])
    sensitivities = sensitivity_at(froc_curve(matched), CHALLENGE_POINTS, matched.n_lesions)
    values["froc"] = float(np.mean(sensitivities))
    for point, sensitivity in zip(CHALLENGE_POINTS, sensitivities, strict=True):
        values[f"sensitivity_{point:g}"] = float(sensitivity)
    dices = [result.dice for result in results if not np.isnan(result.dice)]
    values["dice"] = float(np.mean(dices)) if dices else float("nan")
    values["scans"] = float(len(results))
    values["lesions"] = float(sum(len(case) for case in lesions))
    values["detections"] = float(sum(len(case) for case in detections))
    return values


def as_lesions(lesions: Sequence) -> Lesions:
    """Prepared lesions as the evaluation takes them."""
    boxes = np.array([lesion.box for lesion in lesions], np.float64).reshape(-1, 6)
    return Lesions(
        boxes=boxes,
        centers=(boxes[:, :3] + boxes[:, 3:]) / 2,
        classes=np.array([max(lesion.label, 0) for lesion in lesions], np.int64),
        instances=np.array([lesion.instance for lesion in lesions], np.int64),
    )


def as_detections(found: ScoredBoxes) -> Detections:
    """The engine's boxes as the evaluation takes them."""
    boxes = found.boxes.astype(np.float64)
    return Detections(
        boxes, (boxes[:, :3] + boxes[:, 3:]) / 2, found.scores.astype(np.float64), found.classes
    )


def _dice(truth: NDArray[np.bool_], mask: NDArray[np.bool_]) -> float:
    voxels = np.count_nonzero(truth) + np.count_nonzero(mask)
    return 2 * np.count_nonzero(truth & mask) / voxels if voxels else float("nan")


def _gathered(found: list[ScanResult] | None, world_size: int) -> list[ScanResult]:
    """The results of all processes, by case id."""
    parts = [found]
    if world_size > 1:
        parts = [None] * world_size
        # Results are objects on the CPU, and may be long in coming: not a matter for NCCL.
        group = dist.new_group(backend="gloo", timeout=LONGEST_WAIT)
        dist.all_gather_object(parts, found, group=group)
        dist.destroy_process_group(group)
    if any(part is None for part in parts):
        raise CancelledError("stopped during validation")
    return sorted((result for part in parts for result in part), key=lambda result: result.case_id)


class _Stoppable(SilentReporter):
    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped

    def cancelled(self) -> bool:
        return self._stopped()
