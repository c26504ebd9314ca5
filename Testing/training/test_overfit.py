"""The proof that everything together learns: S knows two small scans by heart after minutes on a CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ribfrac_testing.networks import seeded_state_dict
from ribfrac_testing.training_runs import trained
from RibFracDetectorLib.engine.network import build_network
from RibFracDetectorLib.engine.settings import resolve_settings
from RibFracDetectorLib.engine.weights import load_weights
from RibFracTrainingLib.training.data.classes import ClassMap
from RibFracTrainingLib.training.data.split import open_split
from RibFracTrainingLib.training.validation import Validator

EDGE = 48
# A crop larger than the scan is the scan with a margin, and the middle of it the scan itself: both patches of
# a step are whole scans, the same in every epoch.
CONFIGURATION = f"""
_base_: smoke
data:
  simulated: {{training: 2, test: 1, fracture_free: 0, fractures: [2, 2], size: [{EDGE}, {EDGE}, {EDGE}]}}
sampling: {{crop_size: [{2 * EDGE}, {2 * EDGE}, {2 * EDGE}], flip_xy_probability: 0, flip_z_probability: 0}}
augmentation:
  patch_size: [{EDGE}, {EDGE}, {EDGE}]
  deformation: {{probability: 0}}
  noise_probability: 0
  box_jitter: 0
optimizer: {{lr: 2e-3, weight_decay: 0}}
schedule: {{warmup_steps: 5, min_lr: 1e-4}}
loop: {{epochs: null, max_steps: 80}}
checkpoints: {{every_epochs: 1000}}
validation: {{every_epochs: null}}
"""


@pytest.mark.slow
def test_two_scans_are_learnt_by_heart(tmp_path: Path) -> None:
    path = tmp_path / "overfit.yaml"
    path.write_text(CONFIGURATION)
    trained(path, "--output", tmp_path / "run", OMP_NUM_THREADS="1")
    after = load_weights(tmp_path / "run" / "latest.pth").network()
    before = build_network("S").eval()
    before.load_state_dict(seeded_state_dict("S"))
    cases = open_split(tmp_path / "run" / "data", "training", ClassMap())
    settings = resolve_settings("standard", {"roi_size": [EDGE, EDGE, EDGE], "target_spacings": [None]})
    validator = Validator(cases, ClassMap(), settings, "fp32")
    cpu = torch.device("cpu")
    untrained, learnt = (validator.run(network, cpu, 0, 1) for network in (before, after))
    assert untrained["lesions"] == learnt["lesions"] == 4
    assert untrained["detections"] == 0
    assert learnt["sensitivity_0.5"] == 1
    assert learnt["AP20"] == 1
    assert learnt["dice"] > 0.5
