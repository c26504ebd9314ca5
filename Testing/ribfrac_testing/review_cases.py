"""Stored cases to review: made of a small synthetic scan and findings of our choice, without an engine.

Boxes and masks are where `finding_at` puts them, so a test knows the truth; the scan is a plain gradient, for
nothing here looks at its voxels but the check that findings and CT belong together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from RibFracDetectorLib.case.case_files import CaseFiles
from RibFracDetectorLib.case.ct import CtVolume
from RibFracDetectorLib.case.findings import CaseFindings, CtReference, Finding, Provenance, WeightsReference
from RibFracDetectorLib.case.findings_file import write_findings
from RibFracDetectorLib.case.geometry import Grid
from RibFracDetectorLib.case.masks import write_mask
from RibFracDetectorLib.case.reading import read_ct

from .volumes import Stored, rotation

SIZE = (60, 56, 48)
SPACING = (1.5, 1.25, 2.0)
STORED_SHA256 = "0" * 64  # of the weights that are said to have made the cases


@dataclass(frozen=True)
class StoredCase:
    """A case on the disk, and what is in it."""

    files: CaseFiles
    ct: CtVolume
    case: CaseFindings
    instances: NDArray[np.uint16]


def small_scan(angles: tuple[float, float, float] = (0, 0, 0), orientation: str = "LPS") -> Stored:
    """A scan of 90 x 70 x 96 mm with tissue and air, turned by `angles` (degrees), axes as told."""
    x, y, z = np.meshgrid(*(np.arange(length) for length in SIZE), indexing="ij")
    voxels = (40 + x + 2 * y - z).astype(np.int16)
    voxels[20:40, 15:40, :] = -850
    return Stored(voxels, SPACING, direction=rotation(angles)).turned(orientation)


def finding_at(
    number: int,
    start: Sequence[float],
    size: Sequence[float] = (8.5, 6.25, 5.0),
    score: float = 0.5,
    head: str = "both",
    grid: Grid | None = None,
) -> Finding:
    """A finding whose box begins at `start` (voxels)."""
    box = tuple(float(value) for value in (*start, *np.add(start, size)))
    grid = grid or Grid(SIZE, SPACING)
    return Finding(
        id=number,
        score=score,
        head=head,
        class_id=0,
        class_name="fracture",
        box_voxels=box,
        box_ras=grid.box_to_ras(box),
        det_score=None if head == "seg" else score,
        seg_score=None if head == "det" else score,
        volume_mm3=None if head == "det" else 100.0,
        flags=("near spine",) if number == 1 else (),
    )


FEW = (
    {"number": 1, "start": (3.2, 4, 5), "score": 0.9},
    {"number": 2, "start": (40, 8.5, 20), "score": 0.7, "head": "det"},
    {"number": 3, "start": (12, 40, 30), "score": 0.55, "head": "seg"},
    {"number": 4, "start": (45, 42, 36), "score": 0.25},
)


def many(count: int) -> list[dict]:
    """Findings with overlapping boxes and falling scores; each third has no mask."""
    generator = np.random.default_rng(3)
    places = generator.uniform(0, np.subtract(SIZE, 10), (count, 3))
    scores = np.linspace(0.99, 0.05, count)
    return [
        {"number": k + 1, "start": place, "score": float(score), "head": ("both", "seg", "det")[k % 3]}
        for k, (place, score) in enumerate(zip(places, scores, strict=True))
    ]


def store_case(
    folder: Path,
    findings: Sequence[dict] = FEW,
    scan: Stored | None = None,
    training_data: str = "real",
    case_id: str = "case",
) -> StoredCase:
    """Write scan, findings and instance mask as detection does, into `folder`/out."""
    folder.mkdir(parents=True, exist_ok=True)
    ct = read_ct((scan or small_scan()).write(folder / f"{case_id}.nii.gz"))
    placed = tuple(finding_at(**values, grid=ct.grid) for values in findings)
    placed = tuple(sorted(placed, key=lambda finding: -finding.score))
    instances = _instances(placed, ct.grid)
    case = CaseFindings(case_id, CtReference.of(ct), _provenance(training_data), placed)
    files = CaseFiles(folder / "out", case_id)
    files.folder.mkdir(exist_ok=True)
    write_mask(files.instances, instances, ct)
    write_findings(files.findings, case)
    return StoredCase(files, ct, case, instances)


def _instances(findings: Sequence[Finding], grid: Grid) -> NDArray[np.uint16]:
    """Whole voxels inside the boxes of findings that have a mask, without their far corner."""
    labels = np.zeros(grid.size, np.uint16)
    for finding in findings:
        if finding.head != "det":
            low = np.ceil(finding.box_voxels[:3]).astype(int)
            high = np.floor(finding.box_voxels[3:]).astype(int)
            spans = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
            part = labels[spans]
            corner = part[-1, -1, -1]
            part[part == 0] = finding.id
            part[-1, -1, -1] = corner
    return labels


def _provenance(training_data: str) -> Provenance:
    return Provenance(
        program="0.1.0",
        weights=(WeightsReference(STORED_SHA256, "model", "model.pth", "S", training_data),),
        mode="standard",
        preset="published",
        settings={"finding_thr": 0.3},
        device="cpu",
        precision="fp32",
        engine="torch",
        versions={},
        started="2026-02-03T04:05:06+00:00",
    )
