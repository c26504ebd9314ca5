"""What is known before Detect is clicked: is this a usable CT, what will compute, how long will it take.

Texts only; nothing here looks at a widget.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from slicer.i18n import tr as _

from ..case.checks import check_grid, check_values
from ..case.errors import InputError
from ..scene.ct import check_placeable
from .engine_command import DetectionOptions
from .pace import remembered_pace
from .volumes import ct_in

AMBER, RED = "#b26a00", "#c62828"


@dataclass(frozen=True)
class VolumeReport:
    """What the checks say about a volume.

    Attributes:
        facts: size and spacing.
        warnings: unusual, but it can be used.
        refusal: why it cannot be used, None if it can.
        megavoxels: millions of voxels.
    """

    facts: str
    warnings: tuple[str, ...] = ()
    refusal: str | None = None
    megavoxels: float = 0.0


def report_volume(node: Any) -> VolumeReport:
    """Check a volume node of the scene; takes about as long as reading it once from memory."""
    size = node.GetImageData().GetDimensions() if node.GetImageData() else (0, 0, 0)
    facts = _("{size} voxels of {spacing} mm").format(
        size=" × ".join(map(str, size)),
        spacing=" × ".join(f"{value:.2f}" for value in node.GetSpacing()),
    )
    try:
        check_placeable(node)
        ct = ct_in(node)
        warnings = [*check_grid(ct.source, ct.grid), *check_values(ct.source, ct.voxels, ct.grid)]
    except InputError as error:
        return VolumeReport(facts, refusal=str(error))
    return VolumeReport(facts, tuple(warnings), megavoxels=ct.voxels.size / 1e6)


@dataclass(frozen=True)
class DeviceReport:
    """What the engine's Python can use.

    Attributes:
        line: the device that "auto" takes, with its free memory.
        names: what `--device` takes.
        warnings: such as a graphics card that torch cannot use.
    """

    line: str
    names: tuple[str, ...] = ("auto", "cpu")
    warnings: tuple[str, ...] = field(default=())


def report_devices(answer: dict[str, Any] | None, reason: str) -> DeviceReport:
    """The report on an answer of `DeviceQuery`."""
    if answer is None:
        return DeviceReport(_("The engine's Python does not work: {reason}").format(reason=reason))
    devices = answer["devices"]
    names = [str(device["device"]).partition(" ")[0] for device in devices]
    chosen = devices[1] if len(devices) > 1 else devices[0]
    line = str(chosen["device"])
    if "free_gb" in chosen:
        line += ", " + _("{free} of {total} GB free").format(free=chosen["free_gb"], total=chosen["total_gb"])
    return DeviceReport(line, ("auto", *names), tuple(answer.get("warnings", ())))


def expected_time(options: DetectionOptions, megavoxels: float) -> str:
    """How long a detection will take, from the last one with the same choices."""
    pace = remembered_pace(options)
    if pace is None:
        return _("Time: estimated after the first run with this model and these settings on this computer")
    return _("Time: about {duration}, judging by the last run").format(duration=duration(pace * megavoxels))


def duration(seconds: float) -> str:
    """A time in the two units that matter."""
    if seconds < 60:
        return _("{seconds} s").format(seconds=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("{minutes} min").format(minutes=minutes)
    return _("{hours} h {minutes} min").format(hours=minutes // 60, minutes=minutes % 60)


def as_html(
    volume: VolumeReport | None, model_refusal: str | None, device: DeviceReport, time_line: str
) -> str:
    """The pre-flight text; warnings in amber, refusals in red."""
    if volume is None:
        return html.escape(
            _("Load a CT (drag a file or DICOM folder into the window), then choose it above.")
        )
    lines = [html.escape(volume.facts)]
    if volume.refusal:
        lines.append(_colored(RED, volume.refusal))
    lines += [_colored(AMBER, f"⚠ {text}") for text in volume.warnings]
    if model_refusal:
        lines.append(_colored(AMBER, model_refusal))
    lines.append(html.escape(_("Device: {device}").format(device=device.line)))
    lines += [_colored(AMBER, f"⚠ {text}") for text in device.warnings]
    lines.append(html.escape(time_line))
    return "<br>".join(lines)


def _colored(color: str, text: str) -> str:
    return f'<span style="color:{color}">{html.escape(text)}</span>'
