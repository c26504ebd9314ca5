"""PySide6 with the look of PythonQt, which is how the application shows Qt to Python.

The two bind the same Qt, and differ in what a script may write:

- a property is a value, not a function: `button.text`, `button.enabled = False` (`properties`);
- `button.connect("clicked(bool)", f)` names the signal by its C++ signature (`signals`);
- an object of a C++ class takes no new attribute, and the host's own classes no name that the application's
  lack (`attributes`);
- one module, `qt`, holds the classes of all Qt's modules (`namespace`).
"""

from __future__ import annotations

from .namespace import install

__all__ = ["install"]
