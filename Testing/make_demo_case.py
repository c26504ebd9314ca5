"""What `make detect` runs on while no trained weights can be shipped: a synthetic chest and random weights.

Both are made from a seed in a few seconds. The weights have learnt nothing and detect nothing; their entry
in the little catalogue beside them says so, and `ribfrac detect` repeats it wherever it shows a result.

Usage: python Testing/make_demo_case.py FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import torch
from ribfrac_testing.volumes import Stored, chest
from RibFracDetectorLib.engine.network import build_network

SIZE, SPACING = (256, 208, 128), (0.8, 0.8, 1.2)
MODEL = "random-weights"


def main(folder: Path) -> None:
    """Write `synthetic_chest.nii.gz`, the weights and their `models.json` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    Stored(chest(SIZE, SPACING), SPACING).write(folder / "synthetic_chest.nii.gz")
    torch.manual_seed(0)
    weights = folder / f"{MODEL}.pth"
    torch.save({"state_dict": build_network("S").state_dict()}, weights)
    (folder / "models.json").write_text(json.dumps({"models": [_entry(weights)]}, indent=2))


def _entry(weights: Path) -> dict:
    return {
        "name": MODEL,
        "title": "Random weights: detect nothing",
        "file": weights.name,
        "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "architecture": "S",
        "training_data": {"kind": "none", "description": "never trained; made from a seed"},
        "licence": "Apache-2.0",
        "intended_use": "To see the program run. Not for patients.",
        "inference": {"roi_size": [160, 192, 128]},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
