"""Texts of any length, in messages of one line."""

from __future__ import annotations


def shortened(text: str, most: int) -> str:
    """The text, or its first `most` characters and an ellipsis."""
    return text if len(text) <= most else text[:most] + "…"
