"""Every parameter of inference, where its value comes from, and what values it may take.

Later sources override earlier ones: the mode's defaults, the model's `inference` block in the catalogue, a
preset that was asked for, single `key=value` settings. Source of the defaults: spec 2 and 5.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..case.errors import InputError
from ..case.resources import resource_path
from .inference.spacing import Spacing, SpacingRange
from .setting_values import PARSERS


@dataclass(frozen=True)
class InferenceSettings:
    """Parameters of one detection run; the defaults are the published system's.

    Attributes:
        roi_size: window in voxels (x, y, z), multiples of 16.
        sw_batch_size: the most windows given to the network at once.
        overlap: fraction of a window shared with its neighbour, [0, 1).
        blend_mode: weights of a window's voxels, "gaussian" or "constant".
        sigma_scale: standard deviation of the Gaussian weights, in window extents.
        target_spacings: "adaptive" (the original's rule: one pass or two), "nearest" (one pass), or a list
            of voxel sizes in mm and None (the scan's own).
        spacing_range: mm per axis, the trained range; inside it both rules keep the scan's own spacing.
        flips: flips added to every spacing: diagonal, headfeet, all3axis.
        exhaustive: whether windows are run where no rib can be; mode original always does.
        nms_pre: best anchors of each level that are decoded, per window.
        nms_pre_tiles: best boxes of all windows together that enter the whole-image NMS.
        min_bbox_size: boxes with a shorter edge (voxels of the view) are dropped.
        score_thr: boxes must score above this.
        nms_iou: boxes that overlap a better one by more are dropped.
        max_per_img: most boxes of a scan; a window may contribute half as many.
        cutoff: a voxel belongs to the segmentation above this foreground probability.
        min_seg_voxels: smaller 6-connected pieces of the segmentation are dropped.
        finding_thr: findings that score less are written, too, but a reader sees them only on request.
        clip: HU range kept before normalisation.
        subtract: HU subtracted in normalisation.
        divide: HU divided by in normalisation.
    """

    roi_size: tuple[int, int, int] = (160, 192, 128)
    sw_batch_size: int = 8
    overlap: float = 0.4
    blend_mode: str = "gaussian"
    sigma_scale: float = 0.125
    target_spacings: str | tuple[Spacing | None, ...] = "adaptive"
    spacing_range: SpacingRange = ((0.725, 0.825), (0.725, 0.825), (0.94, 1.26))
    flips: tuple[str, ...] = ()
    exhaustive: bool = False
    nms_pre: int = 300
    nms_pre_tiles: int = 200
    min_bbox_size: float = 2.0
    score_thr: float = 0.2
    nms_iou: float = 0.1
    max_per_img: int = 48
    cutoff: float = 0.5
    min_seg_voxels: int = 100
    finding_thr: float = 0.0
    clip: tuple[float, float] = (-927.0, 3071.0)
    subtract: float = 330.0
    divide: float = 562.5

    @property
    def max_per_window(self) -> int:
        """Most boxes that one window may contribute (spec 5.2)."""
        return max(self.max_per_img // 2, 1)

    def to_json(self) -> dict[str, Any]:
        """All parameters as plain JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))


MODE_DEFAULTS: dict[str, dict[str, Any]] = {
    "original": {},
    # The original's caps cost findings in scans with many fractures (spec 5.2 names no reason for them). Its
    # second pass, at a spacing that the network was not trained for, costs much time.
    "standard": {"max_per_img": 200, "nms_pre_tiles": 2000, "target_spacings": "nearest"},
}


def resolve_settings(
    mode: str,
    model_block: Mapping[str, Any] | None = None,
    preset: str | None = None,
    assignments: Iterable[str] = (),
) -> InferenceSettings:
    """The settings of a run.

    Args:
        mode: "standard" or "original".
        model_block: the catalogue's `inference` block of the model, if it has one.
        preset: name of a shipped preset, or a JSON file; None leaves mode and model alone.
        assignments: "key=value" strings, the value in JSON (a bare word is a string, 64,64,64 a list).

    Raises:
        InputError: unknown preset or key (with the nearest valid one), or a value out of range.
    """
    values: dict[str, Any] = dict(MODE_DEFAULTS[mode])
    values.update(_parsed(model_block or {}, "the model's inference block"))
    if preset is not None:
        values.update(_parsed(*_read_preset(preset)))
    for assignment in assignments:
        values.update(_parsed(_split_assignment(assignment), f"--set {assignment}"))
    return dataclasses.replace(InferenceSettings(), **values)


def preset_names() -> list[str]:
    """Names of the shipped presets."""
    return sorted(path.stem for path in resource_path("presets").glob("*.json"))


def _parsed(raw: Mapping[str, Any], source: str) -> dict[str, Any]:
    return {key: _parse(key, value, source) for key, value in raw.items()}


def _parse(key: str, value: Any, source: str) -> Any:
    if key not in PARSERS:
        nearest = difflib.get_close_matches(key, PARSERS, n=1)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"valid keys: {', '.join(sorted(PARSERS))}"
        raise InputError(f"{source}: unknown setting '{key}'; {hint}")
    try:
        return PARSERS[key](value)
    except OverflowError:
        raise InputError(f"{source}: {key} is {json.dumps(value)[:20]}…; expected a smaller number") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{source}: {key} is {json.dumps(value)}; expected {error}") from None


def _read_preset(preset: str) -> tuple[dict[str, Any], str]:
    path = Path(preset) if preset.endswith(".json") else resource_path("presets") / f"{preset}.json"
    if not path.is_file():
        raise InputError(f"--preset {preset}: no such file or preset; shipped: {', '.join(preset_names())}")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"preset {path}: not a JSON file ({error})") from None
    if not isinstance(values, dict):
        raise InputError(f"preset {path}: found {type(values).__name__}, expected an object of settings")
    return {key: value for key, value in values.items() if not key.startswith("$")}, f"preset {path}"


def _split_assignment(assignment: str) -> dict[str, Any]:
    key, separator, text = assignment.partition("=")
    if not separator:
        raise InputError(f"--set {assignment}: expected key=value, for example score_thr=0.1")
    return {key.strip(): _value(text.strip())}


def _value(text: str) -> Any:
    """JSON; a list may lack its brackets, as in 64,64,64; anything else is a string."""
    for candidate in (text, f"[{text}]") if "," in text else (text,):
        try:
            return json.loads(candidate)
        except ValueError:
            continue
    return text
