"""Names of users' files as texts of figures."""

from __future__ import annotations


def plain_text(name: str) -> str:
    """`name` so that matplotlib shows it as it is; what stands between dollars would be a formula to it."""
    return name.replace("$", r"\$")
