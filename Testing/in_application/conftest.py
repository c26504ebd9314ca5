"""Under pytest these tests run on the test host, with the extension's modules loaded into it."""

from __future__ import annotations

import slicer_host
from ribfrac_testing.reference import REPOSITORY
from slicer_host.application.scripted_modules import load_module

slicer_host.start()

for path in sorted(REPOSITORY.glob("RibFrac*/RibFrac*.py")):
    if path.stem == path.parent.name:
        load_module(path)
