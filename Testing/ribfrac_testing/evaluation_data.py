"""Folders of results and of ground truth for tests of the evaluation, in every layout it reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from RibFracDetectorLib.case.findings import CaseFindings, CtReference, Finding, Provenance, WeightsReference
from RibFracDetectorLib.case.findings_file import write_findings
from RibFracDetectorLib.case.geometry import Grid

Box = Sequence[float]
LARGE_GRID = Grid((400, 300, 350), (0.8, 0.8, 1.0))


def entry(number: int, box: Box, class_id: int, **more: Any) -> dict[str, Any]:
    """One entry of the original's JSON files."""
    center = [(low + high) / 2 for low, high in zip(box[:3], box[3:], strict=True)]
    return {"instance": number, "bbox": list(box), "class": class_id, "center": center, **more}


def write_rois(folder: Path, case_id: str, scored: Iterable[tuple[Box, float]], name: str = "det") -> Path:
    """`{case}_{name}_roi_infos.json` of (box, score) pairs; `case_id` may end with `_fp16`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case_id}_{name}_roi_infos.json"
    path.write_text(json.dumps([entry(n, box, 0, prob=p) for n, (box, p) in enumerate(scored, 1)]))
    return path


def write_ins2cls(
    folder: Path, case_id: str, boxes: Sequence[Box], classes: Sequence[int] | None = None
) -> Path:
    """`{case}_ins2cls.json`; every lesion has class 1 unless told otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{case_id}_ins2cls.json"
    stated = [1] * len(boxes) if classes is None else classes
    rows = [entry(n, box, c) for n, (box, c) in enumerate(zip(boxes, stated, strict=True), 1)]
    path.write_text(json.dumps(rows))
    return path


def write_findings_file(
    folder: Path,
    case_id: str,
    scored: Iterable[tuple[Box, float]],
    ct: str = "ct.nii.gz",
    threshold: float = 0.0,
    grid: Grid = LARGE_GRID,
) -> Path:
    """`{case}_findings.json` of (box, score) pairs, ids from 1, of a model read from `threshold` on."""
    folder.mkdir(parents=True, exist_ok=True)
    findings = tuple(
        Finding(n, p, "det", 0, "ribfrac", tuple(map(float, box)), grid.box_to_ras(box), det_score=p)
        for n, (box, p) in enumerate(scored, 1)
    )
    reference = CtReference(ct, None, grid.size, grid.spacing, grid.origin, grid.direction, "0" * 64)
    weights = (WeightsReference("0" * 64, None, "weights.pth", "S", "none"),)
    provenance = Provenance(
        program="test",
        weights=weights,
        mode="standard",
        preset="ribfrac",
        settings={"finding_thr": threshold},
        device="cpu",
        precision="fp32",
        engine="torch",
        versions={},
        started="2026-01-01T00:00:00+00:00",
    )
    path = folder / f"{case_id}_findings.json"
    write_findings(path, CaseFindings(case_id, reference, provenance, findings))
    return path


def labels_of_boxes(shape: Sequence[int], boxes: Sequence[Box]) -> np.ndarray:
    """An instance mask [x, y, z] with box i filled with i + 1."""
    labels = np.zeros(shape, dtype=np.uint16)
    for number, (x1, y1, z1, x2, y2, z2) in enumerate(boxes, 1):
        labels[x1:x2, y1:y2, z1:z2] = number
    return labels


def write_volume(
    path: Path,
    array: np.ndarray,
    spacing: Sequence[float] = (1, 1, 1),
    direction: Sequence[float] | None = None,
    origin: Sequence[float] = (0, 0, 0),
) -> Path:
    """A NIfTI of an array [x, y, z]; LPS unless another direction is given."""
    import SimpleITK as sitk  # noqa: N813

    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetSpacing([float(value) for value in spacing])
    image.SetOrigin([float(value) for value in origin])
    if direction is not None:
        image.SetDirection(direction)
    sitk.WriteImage(image, str(path), useCompression=True)
    return path


def write_rows(path: Path, columns: str, rows: Iterable[Sequence[Any]]) -> Path:
    """A table with comma-separated `columns`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns.split(","))
        writer.writerows(rows)
    return path


TRUTH_COLUMNS = "public_id,label_id,label_code"
RESULT_COLUMNS = "public_id,label_id,confidence,label_code"


def random_boxes(generator: np.random.Generator, count: int, shape: Sequence[int]) -> list[list[int]]:
    """Boxes with edges of 4 to 24 voxels that lie inside a volume."""
    edges = generator.integers(4, 25, size=(count, 3))
    low = (generator.random((count, 3)) * (np.asarray(shape) - edges)).astype(int)
    return np.hstack([low, low + edges]).tolist()


def detections_near(
    generator: np.random.Generator,
    boxes: Sequence[Box],
    false: int,
    shape: Sequence[int],
    skill: float = 0.85,
) -> list[tuple[list[float], float]]:
    """Most boxes, shifted a little, with high scores, and `false` others with lower ones."""
    found = [box for box in boxes if generator.random() < skill]
    right = [(np.asarray(box) + generator.normal(0, 1, 6)).round(2).tolist() for box in found]
    wrong = np.asarray(random_boxes(generator, false, shape), dtype=float).reshape(-1, 6).tolist()
    scores = np.concatenate([generator.beta(5, 2, len(right)), generator.beta(2, 4, len(wrong))])
    order = np.argsort(-scores)
    return [((right + wrong)[index], round(float(scores[index]), 4)) for index in order]


def write_simulated_runs(root: Path, scans: int, seed: int = 0, findings: int = 10) -> tuple[Path, Path]:
    """Result and ground-truth folders of `scans` scans with JSON files alone, at most `findings` a list."""
    generator = np.random.default_rng(seed)
    shape = (400, 300, 350)
    for number in range(scans):
        case_id = f"scan{number:04d}"
        boxes = random_boxes(generator, int(generator.integers(0, 7)), shape)
        write_ins2cls(root / "truth", case_id, boxes, generator.integers(1, 5, len(boxes)).tolist())
        near = detections_near(generator, boxes, findings, shape)[:findings]
        write_rois(root / "run", case_id, near)
        write_rois(root / "run", case_id, [(np.round(box).tolist(), p) for box, p in near], "seg")
        write_findings_file(root / "run", case_id, near)
    return root / "run", root / "truth"
