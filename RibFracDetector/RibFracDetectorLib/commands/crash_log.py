"""Where the traceback of an unexpected error goes: a file, because the user gets one line."""

from __future__ import annotations

import os
import traceback
from datetime import datetime, timezone
from pathlib import Path

from ..case.user_folder import user_folder


def log_traceback(error: Exception) -> Path | str:
    """Keep the traceback where a user can find it; the file, or why there is none."""
    path = (
        user_folder("XDG_STATE_HOME", ".local/state")
        / f"error-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{os.getpid()}.log"
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as problem:
        return f"no log file, {problem}"
    return path
