"""The type of the fixture `campaign`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

Campaign = Callable[[str], ModuleType]
"""Imports a script of the campaigns by name."""
