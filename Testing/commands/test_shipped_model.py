"""The weights that ship: what stands in the catalogue, and what they find in the sample case."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.command_line import ribfrac
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.catalogue import ModelEntry, find_model, list_models
from RibFracDetectorLib.engine.weights import load_weights
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.matching import match_centers
from RibFracDetectorLib.evaluation.predictions import read_predictions

SAMPLE = REPOSITORY / "Resources" / "SampleData"
CASE = "simulated_chest"
LEAST_FOUND = 0.8


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """The model that detection takes when none is named."""
    monkeypatch.delenv("RIBFRAC_MODELS", raising=False)
    path, entry = find_model(None)
    assert entry is not None
    assert path.is_relative_to(REPOSITORY / "Resources" / "Models")
    return entry


def test_the_file_is_the_one_of_the_entry(shipped: ModelEntry) -> None:
    weights = load_weights(shipped.file, shipped.sha256)
    assert weights.architecture == shipped.architecture
    assert weights.dtype == "float16"
    assert shipped.sha256[:8] in shipped.file.name


def test_nobody_can_take_it_for_a_model_of_patients(shipped: ModelEntry) -> None:
    card = shipped.file.with_name("RibFrac-S-simulated.md").read_text(encoding="utf-8")
    assert [entry.training_data.kind for entry in list_models()] == ["simulated"]
    assert "not for patients" in shipped.intended_use.lower()
    assert "not for patients" in card.lower()
    assert shipped.file.name in card


@pytest.mark.slow
@pytest.mark.usefixtures("shipped")
def test_it_finds_the_fractures_of_the_sample_and_nothing_else(tmp_path: Path) -> None:
    scan = shutil.copy(SAMPLE / f"{CASE}_image.nii.gz", tmp_path)
    run = ribfrac("detect", scan, "--case", CASE, "--output", tmp_path / "results")
    assert run.returncode == 0, run.stderr
    assert "simulated" in run.stdout
    result = read_predictions(tmp_path / "results").cases[CASE]
    lesions = read_ground_truth(SAMPLE).cases[CASE]
    match = match_centers(lesions, result.lists["findings"])
    shown = result.findings.threshold
    assert shown > 0
    assert np.mean(match.hit_scores >= shown) >= LEAST_FOUND
    assert not (match.scores[~match.true] >= shown).any()
