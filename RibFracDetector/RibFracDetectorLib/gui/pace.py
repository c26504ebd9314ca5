"""How fast detections were, remembered for every choice that changes it."""

from __future__ import annotations

import re

import qt

from .engine_command import DetectionOptions
from .preferences import GROUP, Preferences

# They change what is found, in the same time.
WITHOUT_EFFECT = ("score_thr=", "cutoff=")


def remembered_pace(options: DetectionOptions) -> float | None:
    """Seconds per million voxels of the last run with these options, None if there was none."""
    value = qt.QSettings().value(_key(options))
    return None if value is None else float(value)


def remember_pace(options: DetectionOptions, seconds_per_megavoxel: float) -> None:
    """Keep how fast a run was."""
    qt.QSettings().setValue(_key(options), f"{seconds_per_megavoxel:.4g}")


def _key(options: DetectionOptions) -> str:
    computing = (options.device, options.precision, options.engine, Preferences.engine_python)
    settings = (text for text in options.settings if not text.startswith(WITHOUT_EFFECT))
    what = " ".join(filter(None, [options.weights, *computing, options.mode, *settings]))
    name = re.sub(r"[\\/]", "|", what)  # a slash would open a group in the settings
    return f"{GROUP}/secondsPerMegavoxel/{name}"
