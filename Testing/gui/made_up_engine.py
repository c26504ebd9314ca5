"""Engines that do what a test wants, for the setting Engine Python."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import Any

PRELUDE = """\
import json, os, shutil, signal, sys, time
from pathlib import Path
arguments = sys.argv[1:]
if "info" in arguments:
    print(json.dumps({"devices": [{"device": "cpu", "precision": "fp32"}], "warnings": []}))
    sys.exit()
def say(**event):
    print(json.dumps(event), flush=True)
def option(name):
    return arguments[arguments.index(name) + 1]
"""


def write_engine(script: Path, code: str, hello: dict[str, Any]) -> Path:
    """Write an engine that does what `code` says after its handshake, and return the file."""
    greeting = f"say(**{hello!r} | {{'process': os.getpid()}})\n"
    script.write_text(f"#!{sys.executable}\n{PRELUDE}{greeting}{code}", encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script
