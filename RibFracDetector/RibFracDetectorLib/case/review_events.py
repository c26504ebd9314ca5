"""The kinds of events in a review log, and what the payload of each must hold.

Checked when an event is written and again when it is read, so that a replay can rely on it. A key whose name
ends with `?` may be absent. Voxels are continuous indices x, y, z of the LPS-oriented CT, millimetres RAS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from .mask_patches import patch_fault

STATUSES = ("undecided", "accepted", "rejected", "unsure")
FRACTURE_CLASSES = ("displaced", "non-displaced", "buckle", "segmental")

Check = Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_id(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 65535


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_is_number, value))


def _is_box(value: Any) -> bool:
    """Six numbers, each low end below its high end."""
    if not isinstance(value, list) or len(value) != 6 or not all(map(_is_number, value)):
        return False
    return all(low < high for low, high in zip(value[:3], value[3:], strict=True))


def _is_box_ras(value: Any) -> bool:
    if not isinstance(value, Mapping) or set(value) != {"center", "size", "axes"}:
        return False
    axes = value["axes"]
    placed = _is_point(value["center"]) and _is_point(value["size"]) and min(value["size"]) > 0
    return placed and isinstance(axes, list) and len(axes) == 3 and all(map(_is_point, axes))


def _is_mask(value: Any) -> bool:
    return patch_fault(value) is None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_sha256(value: Any) -> bool:
    return _is_text(value) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_duration(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_class(value: Any) -> bool:
    return value is None or value in FRACTURE_CLASSES


_BOX: dict[str, Check] = {"box_voxels": _is_box, "box_ras": _is_box_ras}
# What it took the reader: seconds that the finding was the active one and keys pressed since the last event.
_EFFORT: dict[str, Check] = {"seconds?": _is_duration, "keys?": _is_count}

PAYLOADS: dict[str, dict[str, Check]] = {
    "opened": {"program": _is_text, "version": _is_text, "findings_sha256": _is_sha256},
    "decided": {"finding": _is_id, "status": lambda value: value in STATUSES, **_EFFORT},
    "classified": {"finding": _is_id, "class": _is_class, **_EFFORT},
    "commented": {"finding": _is_id, "text": _is_text, **_EFFORT},
    "box_edited": {"finding": _is_id, **_BOX, **_EFFORT},
    "mask_edited": {"finding": _is_id, "mask": _is_mask, **_EFFORT},
    "added": {"finding": _is_id, **_BOX, **_EFFORT},
    "deleted": {"finding": _is_id, **_EFFORT},
    "undone": {"event": _is_count},
    "redone": {"event": _is_count},
    "threshold_set": {"threshold": _is_share},
    "unaided_read_started": {},
    "first_read_recorded": {"seconds?": _is_duration},
    "completed": {"threshold": _is_share, "reviewed": _is_count, "total": _is_count, **_EFFORT},
    "reopened": {},
}
"""By kind: the keys of the payload, and a test of each value."""

UNDOABLE = frozenset(["decided", "classified", "commented", "box_edited", "mask_edited", "added", "deleted"])
"""The kinds that undo takes back; each names one finding."""


def payload_fault(kind: Any, payload: Any) -> str | None:
    """What is wrong with an event, in a few words; None if it is as it should be."""
    checks = PAYLOADS.get(kind) if isinstance(kind, str) else None
    if checks is None:
        return f"the kind {kind!r} is unknown"
    if not isinstance(payload, Mapping):
        return "payload is no object"
    known = {key.removesuffix("?"): check for key, check in checks.items()}
    missing = [key for key in checks if not key.endswith("?") and key not in payload]
    if missing or not set(payload) <= set(known):
        return f"the payload of {kind} has the keys {sorted(payload)}, {sorted(checks)} are expected"
    wrong = next((key for key, value in payload.items() if not known[key](value)), None)
    return None if wrong is None else f"{wrong} of {kind} cannot be {_short(payload[wrong])}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
