"""A test host: what the application has and the `slicer-core` wheel lacks, on PySide6, without a screen.

`slicer-core` holds the application's own MRML, logics, displayable managers and `slicer.util`. The host adds
`qt`, `ctk`, the Qt classes of `slicer`, `slicer.app`, `slicer.modules`, the base classes of a scripted module
and the views. `start()` once, then `import slicer, qt, ctk` work as in the application, and
`load_module(path)` brings up a scripted module.

The host is strict, because a test that passes here must mean something: a host class refuses every name that
the application's class of that name lacks (`surface`), a signal that does not exist raises, and an exception
in a slot is kept (`slot_errors`). It is own code, written from the published interfaces, and no proof that the
application itself behaves so.
"""

from __future__ import annotations

from .immortals import make_immortal

make_immortal()
