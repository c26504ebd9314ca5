"""`Detector`: weights, device and settings held ready, applied to one CT after another."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..case.ct import CtVolume
from ..case.errors import InputError
from ..case.findings import Finding
from ..case.geometry import reindex
from ..case.shortening import shortened
from .devices import device_label
from .execution.executor import DEVICE_FAILURES, METAL_FAILURES, Executor, NoNumbersError
from .execution.openvino_library import OpenVinoError
from .execution.ways import Way, list_ways, make_executor
from .inference.boxes import ScoredBoxes
from .inference.caps import Caps
from .inference.infer import Inference, infer, nothing_found, plan_views
from .inference.original import OriginalProcedure
from .inference.procedure import Procedure
from .inference.sliding_window import normalised_window
from .inference.spacing import Spacing
from .inference.standard import StandardProcedure
from .inference.views import make_view
from .progress import Reporter, SilentReporter, StageClock
from .results.make_findings import make_findings, on_grid, paint_instances
from .results.regions import label_regions, threshold_and_clean
from .results.rois import Roi, detection_mask, detection_rois, segmentation_rois
from .results.spine import spine_hull, spine_or_nothing
from .self_check import Verdict, boniest_window, cache_key, check, remember, remembered
from .settings import InferenceSettings
from .weights import Weights

SHOWN_CHARACTERS = 200
TRUSTED = Way("torch", torch.device("cpu"), "fp32")
PROCEDURES: dict[str, type[Procedure]] = {"standard": StandardProcedure, "original": OriginalProcedure}


@dataclass(frozen=True)
class CaseResult:
    """Everything one scan yields; arrays are [x, y, z], boxes in voxels.

    Findings and instances are on the CT's LPS grid. The seed's lists and masks are on the grid of `seen`,
    which is the same but for sagittal and coronal scans in mode original.

    Attributes:
        findings: what the reader reviews, by descending score; ids from 1.
        instances: uint16, the value is the id of the finding whose mask a voxel belongs to.
        seen: the scan as the mode read it.
        det_rois, seg_rois: the seed's two lists (see `rois.py`).
        det_mask: uint16, boxes painted with their score in percent (see `rois.detection_mask`).
        seg_mask: uint8, 1 where the cleaned segmentation is.
        inference: boxes and probability before post-processing.
        caps_reached: limits on the number of boxes that cut something off.
        notes: fall-backs and warnings that arose while detecting.
        device, precision, engine: what was used in the end.
        seconds: per stage.
        started: UTC.
    """

    findings: tuple[Finding, ...]
    instances: NDArray[np.uint16]
    seen: CtVolume
    det_rois: list[Roi]
    seg_rois: list[Roi]
    det_mask: NDArray[np.uint16]
    seg_mask: NDArray[np.uint8]
    inference: Inference
    caps_reached: tuple[str, ...]
    notes: tuple[str, ...]
    device: str
    precision: str
    engine: str
    seconds: dict[str, float] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))


class Detector:
    """Detects rib fractures with one set of weights, or several whose results are merged.

    Args:
        weights: loaded checkpoints; more than one are folds, merged as the passes of test-time augmentation.
        settings: every parameter of inference.
        mode: "standard" or "original" (the published numbers, always float32).
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        precision: "auto", "fp32", "fp16" or "bf16".
        engine: "auto", "torch" or "openvino".

    Raises:
        InputError: an unknown mode, a device or engine that cannot be used, or another way than PyTorch's
            float32 in mode original.
    """

    def __init__(
        self,
        weights: Sequence[Weights],
        settings: InferenceSettings,
        mode: str = "standard",
        device: str = "auto",
        precision: str = "auto",
        engine: str = "auto",
    ) -> None:
        if mode not in PROCEDURES:
            raise InputError(f"--mode {mode}: expected one of {', '.join(PROCEDURES)}")
        self.settings = settings
        self.procedure = PROCEDURES[mode]()
        self._weights = tuple(weights)
        if mode == "original":
            engine, precision = _original_choices(engine, precision)
        self._ways = list_ways(engine, device, precision)
        self._executors: list[Executor] = []
        self._unchecked: list[Executor] = []

    def warm_up(self) -> None:
        """Make the executors of the best way in advance; the first scan tells whether they are exact enough.

        What fails here for want of OpenVINO or memory is tried again with the scan, which goes on by another
        way.
        """
        with contextlib.suppress(OpenVinoError, *self._device_failures):
            self._unchecked = self._make_executors(self._ways[0])

    def detect(self, ct: CtVolume, reporter: Reporter | None = None) -> CaseResult:
        """Find fractures in one scan.

        Raises:
            CancelledError: when the reporter asks, between two windows.
            RibFracError: mode original meets a scan that the original system fails on, there is no memory, or
                the network gives no numbers.
        """
        started = datetime.now(timezone.utc)
        listener = _Notebook(reporter or SilentReporter())
        clock, caps = StageClock(listener), Caps()
        seen, spacing = self.procedure.read(ct)
        if self.procedure.is_blank(seen.voxels):
            listener.note("the scan is blank (air alone, or a single value): no window was run")
            inference = nothing_found(seen.voxels.shape)
        else:
            inference = self._infer(seen.voxels, spacing, caps, clock)
        with clock.stage("post-process"):
            parts = self._post_process(seen, ct, inference)
        for cap in caps.reached:
            listener.note(f"limit reached: {cap}; boxes beyond it were dropped, see --set")
        return CaseResult(
            **parts,
            inference=inference,
            caps_reached=caps.reached,
            notes=tuple(listener.notes),
            device=device_label(self._ways[0].device),
            precision=self._ways[0].precision,
            engine=self._ways[0].engine,
            seconds=clock.seconds,
            started=started,
        )

    def _infer(self, voxels: NDArray, spacing: Spacing, caps: Caps, clock: StageClock) -> Inference:
        """Run the network by the best way that works: the device has memory, the numbers are finite."""
        while True:
            caps.clear()
            try:
                with clock.stage("prepare"):
                    self._prepare(voxels, spacing, clock.reporter)
                return infer(voxels, spacing, self._executors, self.settings, self.procedure, caps, clock)
            except self._device_failures as error:
                elsewhere = [way for way in self._ways if way.device != self._ways[0].device]
                if not elsewhere:
                    raise
                self._go_on(elsewhere, error, clock.reporter)
            except NoNumbersError as error:
                if self._ways[0].is_trusted:
                    raise NoNumbersError(
                        f"{error}, by {self._ways[0]}: check that the weights are those of this network, and "
                        "that clip, subtract and divide are as they were trained with"
                    ) from None
                self._go_on(self._ways[1:], error, clock.reporter)

    @property
    def _device_failures(self) -> tuple[type[Exception], ...]:
        return METAL_FAILURES if self._ways[0].device.type == "mps" else DEVICE_FAILURES

    def _go_on(self, ways: list[Way], error: Exception, reporter: Reporter) -> None:
        reason = shortened(str(error).partition("\n")[0], SHOWN_CHARACTERS)
        reporter.note(f"{reason} ({self._ways[0]}): going on with {ways[0]}")
        self._ways, self._executors, self._unchecked = ways, [], []

    def _post_process(self, seen: CtVolume, ct: CtVolume, inference: Inference) -> dict[str, Any]:
        """The fields of `CaseResult` that follow from boxes and probability on `seen`, the mode's `ct`."""
        spine = spine_hull(seen.voxels)
        # Mode original keeps the padding of a small scan; files are written on the scan's grid in any mode.
        probability = inference.probability[tuple(slice(0, n) for n in seen.voxels.shape)]
        probability = self.procedure.exclude_spine(probability, spine)
        mask = threshold_and_clean(probability, self.settings.cutoff, self.settings.min_seg_voxels)
        labels, regions = label_regions(mask, probability)
        detections: ScoredBoxes = inference.detections
        flagged = spine_or_nothing(spine, seen.grid.spacing[:2])
        findings, id_of_region = make_findings(detections, regions, flagged, seen.grid)
        order = self.procedure.painting_order(detections)
        return {
            "seen": seen,
            "findings": on_grid(findings, ct.grid),
            "instances": reindex(paint_instances(labels, id_of_region), seen.grid, ct.grid),
            "det_rois": detection_rois(detections),
            "seg_rois": segmentation_rois(regions),
            "det_mask": detection_mask(detections, order, seen.voxels.shape),
            "seg_mask": mask.astype(np.uint8),
        }

    def _prepare(self, voxels: NDArray, spacing: Spacing, reporter: Reporter) -> None:
        """Make the executors by the first way that works and whose numbers are exact enough."""
        while not self._executors:
            way = self._ways[0]
            try:
                executors = self._unchecked or self._make_executors(way)
                reason = None if way.is_trusted else self._inexactness(way, executors, voxels, spacing)
            except OpenVinoError as error:
                reason = f"OpenVINO cannot be used ({error})"
            self._unchecked = []
            if reason is None:
                self._executors = executors
                return
            del self._ways[0]
            reporter.note(f"{reason}: going on with {self._ways[0]}")

    def _make_executors(self, way: Way) -> list[Executor]:
        return [make_executor(way, weights, self.settings) for weights in self._weights]

    def _inexactness(
        self, way: Way, executors: Sequence[Executor], voxels: NDArray, spacing: Spacing
    ) -> str | None:
        """Why the way cannot be used with these weights, or None if it is exact enough for all of them."""
        for weights, executor in zip(self._weights, executors, strict=True):
            verdict = self._verdict(weights, way, executor, voxels, spacing)
            if not verdict.passed:
                return f"{way} is not exact enough for these weights ({verdict})"
        return None

    def _verdict(
        self, weights: Weights, way: Way, executor: Executor, voxels: NDArray, spacing: Spacing
    ) -> Verdict:
        """How exact the executor is, remembered from an earlier run or found out on one window."""
        roi_size = self.settings.roi_size
        key = cache_key(weights.sha256, way, roi_size)
        verdict = remembered(key)
        if verdict is None:
            image = make_view(voxels, plan_views(voxels.shape, spacing, self.settings)[0])
            start = boniest_window(image, roi_size, self.settings.overlap)
            window = normalised_window(image, start, self.settings)
            reference = make_executor(TRUSTED, weights, self.settings)
            verdict = check(executor, reference, window)
            if verdict.is_finite:  # else settings or scan may be the cause, which the key does not tell
                remember(key, verdict)
        return verdict


def _original_choices(engine: str, precision: str) -> tuple[str, str]:
    """The engine and precision of mode original, the only ones that repeat its numbers."""
    if engine not in ("auto", "torch") or precision not in ("auto", "fp32"):
        raise InputError(
            f"--mode original is computed by torch in fp32 only; --engine {engine} --precision {precision} "
            "was asked for"
        )
    return "torch", "fp32"


class _Notebook:
    """Passes everything on to a reporter and keeps the notes."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self.notes: list[str] = []
        self.stage = reporter.stage
        self.tile = reporter.tile
        self.cancelled = reporter.cancelled

    def note(self, text: str) -> None:
        self.notes.append(text)
        self._reporter.note(text)
