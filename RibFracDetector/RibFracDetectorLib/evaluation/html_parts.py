"""Pieces of HTML that the sections of the report are made of; every text is escaped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

SHOWN_LINES = 50


def bullets(lines: Sequence[str]) -> str:
    """The first lines as a list, and how many more there are."""
    shown = "".join(f"<li>{escape(str(line))}</li>" for line in lines[:SHOWN_LINES])
    more = (
        f"<li>and {len(lines) - SHOWN_LINES} more, see the JSON files</li>"
        if len(lines) > SHOWN_LINES
        else ""
    )
    return f"<ul>{shown}{more}</ul>"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; without a head if all its cells are empty."""
    top = "".join(f"<th>{escape(str(name))}</th>" for name in head) if any(head) else ""
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table>{f'<tr>{top}</tr>' if top else ''}{body}</table>"


def figure(source: str, caption: str) -> str:
    """A picture with its caption."""
    text = escape(caption)
    return f'<figure><img alt="{text}" src="{source}"><figcaption>{text}</figcaption></figure>'


def with_interval(value: float, borders: Sequence[float] | None, form: str = ".3f") -> str:
    """A number and its interval, if there is one."""
    return f"{number(value, form)} {interval(borders, form)}".strip()


def interval(borders: Sequence[float] | None, form: str = ".3f") -> str:
    """An interval in brackets, nothing for None."""
    return f"[{number(borders[0], form)}, {number(borders[1], form)}]" if borders else ""


def number(value: float | None, form: str = ".3f") -> str:
    """A number; "undefined" for None and NaN."""
    return "undefined" if value is None or math.isnan(value) else format(value, form)
