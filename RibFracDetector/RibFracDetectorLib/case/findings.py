"""The findings of one case, the model's output: what `{case}_findings.json` holds.

Plain frozen records whose fields are the keys of the file, in its order; `Resources/findings.schema.json`
describes them with units. `findings_file` reads and writes the file. Nothing here changes after detection:
what a reader decides is kept in the review log.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .ct import CtVolume
from .geometry import BoxRas, Grid

SCHEMA_VERSION = 1
Head = Literal["det", "seg", "both"]

# Headers store float32, so a position 1 m from the origin is known to 6e-5 mm; a voxel is far larger.
_TOLERANCE_MM = 1e-3
_TOLERANCE_DIRECTION = 1e-5


@dataclass(frozen=True)
class Finding:
    """One suspected fracture.

    Attributes:
        id: 1 or more, unique in the case; the voxel value of its mask in `{case}_instances.nii.gz`.
        score: 0 to 1, from both heads', of which one may be silent; see `engine.results.make_findings`.
        head: which head of the network shows it.
        class_id: 0-based.
        class_name: of `class_id`.
        box_voxels: (x1, y1, z1, x2, y2, z2), continuous voxel indices of the LPS-oriented volume.
        box_ras: the same box in patient space.
        det_score: of the detection head, if it shows the finding.
        seg_score: of the segmentation head, if it shows the finding.
        volume_mm3: of the mask, if there is one.
        flags: remarks such as "near spine".
    """

    id: int
    score: float
    head: Head
    class_id: int
    class_name: str
    box_voxels: tuple[float, float, float, float, float, float]
    box_ras: BoxRas
    det_score: float | None = None
    seg_score: float | None = None
    volume_mm3: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class CtReference:
    """The CT that findings belong to: where it was, and how to recognise it.

    Attributes:
        path: file or folder it was read from, absolute where this version wrote it.
        series_uid: DICOM SeriesInstanceUID, if known.
        size, spacing, origin, direction: the grid of the LPS-oriented volume, see `Grid`.
        voxels_sha256: of the LPS-oriented int16 voxels, little-endian, x fastest, then y, then z.
    """

    path: str
    series_uid: str | None
    size: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float]
    direction: tuple[float, ...]
    voxels_sha256: str

    @classmethod
    def of(cls, ct: CtVolume) -> CtReference:
        """The reference of a CT in memory."""
        grid = ct.grid
        return cls(
            path=str(ct.source.absolute()),
            series_uid=ct.series_uid,
            size=grid.size,
            spacing=grid.spacing,
            origin=grid.origin,
            direction=grid.direction,
            voxels_sha256=voxels_sha256(ct.voxels),
        )

    @property
    def grid(self) -> Grid:
        """The grid of the LPS-oriented volume."""
        return Grid(self.size, self.spacing, self.origin, self.direction)

    def matches(self, ct: CtVolume) -> str | None:
        """None if `ct` is this CT, else the difference in one sentence."""
        fault = self.grid_fault(ct.grid)
        if fault:
            return fault
        if voxels_sha256(ct.voxels) != self.voxels_sha256:
            return "the grid is the same, but the voxels differ from those that the findings were made on"
        return None

    def grid_fault(self, grid: Grid) -> str | None:
        """None if `grid` is that of this CT, else the difference in one sentence."""
        if grid.size != self.size:
            return f"the size is {grid.size} voxels, the findings were made on {self.size}"
        for name, unit, tolerance in (
            ("spacing", " mm", _TOLERANCE_MM / max(self.size)),
            ("origin", " mm LPS", _TOLERANCE_MM),
            ("direction", "", _TOLERANCE_DIRECTION),
        ):
            found, expected = getattr(grid, name), getattr(self, name)
            if not np.allclose(found, expected, rtol=0, atol=tolerance):
                return (
                    f"the {name} is {_shown(found)}{unit}, the findings were made on {_shown(expected)}{unit}"
                )
        return None


@dataclass(frozen=True)
class WeightsReference:
    """The weights that made the findings; `name` is that of the catalogue, if they are in it."""

    sha256: str
    name: str | None
    path: str
    architecture: str
    training_data: str


@dataclass(frozen=True)
class Provenance:
    """How the findings were made.

    Attributes:
        program: version of RibFrac.
        weights: one, or several whose results were merged.
        mode: "standard" or "original".
        preset: name or path of the preset; None where none was asked for.
        settings: every parameter of inference, by name; plain JSON values (lists, not tuples).
        device, precision, engine: what was used in the end.
        versions: of Python, platform and packages, see `provenance.versions`.
        started: ISO 8601, UTC.
        seconds: wall-clock time per stage.
        windows: how many were run.
        windows_skipped: how many were left out because no rib can be there.
        caps_reached: limits on the number of boxes that cut something off.
        warnings: everything the user was warned about.
    """

    program: str
    weights: tuple[WeightsReference, ...]
    mode: str
    preset: str | None
    settings: Mapping[str, Any]
    device: str
    precision: str
    engine: str
    versions: Mapping[str, str]
    started: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    windows: int = 0
    windows_skipped: int = 0
    caps_reached: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class CaseFindings:
    """The content of `{case}_findings.json`."""

    case_id: str
    ct: CtReference
    provenance: Provenance
    findings: tuple[Finding, ...]

    @property
    def threshold(self) -> float:
        """Below it the model is not meant to be read; 0 where the file does not say."""
        configured = self.provenance.settings.get("finding_thr", 0.0)
        return float(configured) if isinstance(configured, int | float) and 0 <= configured <= 1 else 0.0

    @property
    def above_threshold(self) -> tuple[Finding, ...]:
        """What pictures, tables and counts show; the others are for readers who ask for them."""
        return tuple(finding for finding in self.findings if finding.score >= self.threshold)

    def to_json(self) -> dict[str, Any]:
        """Plain dictionaries and lists, ready for `json`; valid by the schema."""
        return {"schema_version": SCHEMA_VERSION, **_plain(asdict(self))}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CaseFindings:
        """The inverse of `to_json`; `content` must be valid by the schema."""
        provenance = content["provenance"]
        return cls(
            case_id=content["case_id"],
            ct=CtReference(**_tuples(content["ct"])),
            provenance=Provenance(
                **{
                    **provenance,
                    "weights": tuple(WeightsReference(**weights) for weights in provenance["weights"]),
                    "caps_reached": tuple(provenance["caps_reached"]),
                    "warnings": tuple(provenance["warnings"]),
                }
            ),
            findings=tuple(
                Finding(**{**_tuples(finding), "box_ras": BoxRas(**_tuples(finding["box_ras"]))})
                for finding in content["findings"]
            ),
        )


def voxels_sha256(voxels: NDArray[np.int16]) -> str:
    """SHA-256 of int16 voxels [x, y, z] as little-endian bytes, x fastest; slice by slice, without a copy."""
    digest = hashlib.sha256()
    for z in range(voxels.shape[2]):
        digest.update(voxels[:, :, z].astype("<i2", copy=False).tobytes(order="F"))
    return digest.hexdigest()


def _shown(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"


def _plain(value: Any) -> Any:
    """Lists for tuples and Python numbers for numpy's, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value


def _tuples(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with tuples for its lists."""
    return {key: _tuple(value) for key, value in record.items()}


def _tuple(value: Any) -> Any:
    return tuple(_tuple(inner) for inner in value) if isinstance(value, list) else value
