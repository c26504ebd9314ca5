"""Parsers of single settings: each takes a JSON value and returns the typed one.

A parser raises ValueError or TypeError with a text that completes "expected ...".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .inference.views import FLIP_AXES
from .inference.windows import IMPORTANCE_MAPS

Parser = Callable[[Any], Any]

# Stride 16 of the deepest level: a window must be divisible by it.
WINDOW_MULTIPLE = 16
SPACING_RULES = ("nearest", "adaptive")
NO_FLIPS = "none"
LEAST_VOXEL, LARGEST_VOXEL = 0.1, 20.0
RANGES = (
    "a pair of voxel sizes in mm for each axis such as [[0.7, 0.8], [0.7, 0.8], [0.9, 1.2]], each number "
    f"from {LEAST_VOXEL:g} to {LARGEST_VOXEL:g}, the second not below the first"
)


def whole(minimum: int) -> Parser:
    """A whole number of at least `minimum`."""

    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise ValueError(f"a whole number of at least {minimum}")
        return value

    return parse


def number(low: float, high: float, low_open: bool = False, high_open: bool = False) -> Parser:
    """A finite number from `low` to `high`, either bound itself excluded when open."""
    text = f"a number from {low:g} to {high:g}"
    text += " (neither bound)" if low_open and high_open else " (not the upper bound)" if high_open else ""
    text += " (not the lower bound)" if low_open and not high_open else ""

    def parse(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(text)
        too_low = value <= low if low_open else value < low
        too_high = value >= high if high_open else value > high
        if too_low or too_high:
            raise ValueError(text)
        return float(value)

    return parse


VOXEL_SIZE = number(LEAST_VOXEL, LARGEST_VOXEL)


def choice(options: tuple[str, ...]) -> Parser:
    """One of `options`."""

    def parse(value: object) -> str:
        if value not in options:
            raise ValueError(f"one of {', '.join(options)}")
        return str(value)

    return parse


def fixed_list(item: Parser, length: int) -> Parser:
    """A list of `length` items."""

    def parse(value: object) -> tuple:
        if not isinstance(value, list | tuple) or len(value) != length:
            raise ValueError(f"a list of {length} values")
        return tuple(item(entry) for entry in value)

    return parse


def voxel_size_range(value: object) -> tuple[float, float]:
    """The least and the greatest voxel size along an axis in mm; they may be equal."""
    try:
        low, high = fixed_list(VOXEL_SIZE, 2)(value)
    except ValueError:
        raise ValueError(RANGES) from None
    if low > high:
        raise ValueError(RANGES)
    return low, high


def window(value: object) -> tuple[int, int, int]:
    """Three extents that the network can take."""
    expected = f"three multiples of {WINDOW_MULTIPLE}, each at least {2 * WINDOW_MULTIPLE}"
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError(expected)
    if any(not isinstance(n, int) or n < 2 * WINDOW_MULTIPLE or n % WINDOW_MULTIPLE for n in value):
        raise ValueError(expected)
    x, y, z = value
    return x, y, z


def increasing_pair(value: object) -> tuple[float, float]:
    """Two finite numbers, the second larger."""
    low, high = fixed_list(number(-1e6, 1e6), 2)(value)
    if low >= high:
        raise ValueError("two numbers, the second larger than the first")
    return low, high


def spacings(value: object) -> str | tuple:
    """One of `SPACING_RULES`, or a list whose items are None (the scan's own) or three voxel sizes in mm."""
    if value in SPACING_RULES:
        return str(value)
    if value is None:
        return (None,)
    expected = (
        '"nearest", "adaptive", or a list of voxel sizes in mm such as [[0.8, 0.8, 1.0]], with null for the '
        "scan's own"
    )
    in_a_shell = '; in a shell: "target_spacings=[[0.8,0.8,1.0]]"'
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(expected + in_a_shell)
    voxel_size = fixed_list(VOXEL_SIZE, 3)
    try:
        return tuple(None if item is None else voxel_size(item) for item in value)
    except ValueError:
        numbers = f", each number from {LEAST_VOXEL:g} to {LARGEST_VOXEL:g}"
        raise ValueError(expected + numbers + in_a_shell) from None


def truth(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def flips(value: object) -> tuple[str, ...]:
    """A list of names of flips, or a text with words as a shell leaves them; the text `none` is no flip."""
    if value == NO_FLIPS:
        return ()
    names = words(value) if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(
        isinstance(name, str) and name in FLIP_AXES for name in names
    ):
        raise ValueError(
            f"{NO_FLIPS}, or a list of flips, each one of {', '.join(FLIP_AXES)}, "
            "as in flips=diagonal,headfeet"
        )
    return tuple(dict.fromkeys(names))


def words(text: str) -> list[str]:
    """Words separated by commas, in brackets or without: a shell takes the quotes of a JSON list away."""
    inner = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    return [word.strip().strip("'\"") for word in inner.split(",")]


def spacing_range(value: object) -> tuple:
    """A range of voxel sizes in mm along each axis."""
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError(RANGES)
    return tuple(voxel_size_range(pair) for pair in value)


PARSERS: dict[str, Parser] = {
    "roi_size": window,
    "sw_batch_size": whole(1),
    "overlap": number(0.0, 1.0, high_open=True),
    "blend_mode": choice(tuple(IMPORTANCE_MAPS)),
    "sigma_scale": number(0.0, 10.0, low_open=True),
    "target_spacings": spacings,
    "spacing_range": spacing_range,
    "flips": flips,
    "exhaustive": truth,
    "nms_pre": whole(1),
    "nms_pre_tiles": whole(1),
    "min_bbox_size": number(0.0, 1000.0),
    "score_thr": number(0.0, 1.0, high_open=True),
    "nms_iou": number(0.0, 1.0),
    "max_per_img": whole(1),
    "cutoff": number(0.0, 1.0, high_open=True),
    "min_seg_voxels": whole(0),
    "finding_thr": number(0.0, 1.0),
    "clip": increasing_pair,
    "subtract": number(-1e6, 1e6),
    "divide": number(0.0, 1e6, low_open=True),
}
