"""What `ribfrac simulate` has written down about a case."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from RibFracDetectorLib.case.dataset import RECORD_SUFFIX


def read_record(data: Path, case: str) -> dict[str, Any]:
    """All that was drawn for a case of a data set of NIfTI files in `data`."""
    return json.loads((data / f"{case}{RECORD_SUFFIX}").read_text())
