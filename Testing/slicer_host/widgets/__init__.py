"""The Qt classes of CTK and of the application that modules use, reduced to what scripts and tests touch.

Each stands in for the class of its name and refuses the names that class lacks. Importing this package puts
them into the modules `ctk` and `slicer`.
"""

from __future__ import annotations

from . import (
    ctk_containers,
    ctk_inputs,
    ctk_texts,
    mrml_base,
    mrml_node_selector,
    mrml_segment_editor,
    mrml_tables,
)

__all__ = [
    "ctk_containers",
    "ctk_inputs",
    "ctk_texts",
    "mrml_base",
    "mrml_node_selector",
    "mrml_segment_editor",
    "mrml_tables",
]
