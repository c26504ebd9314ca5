"""The weights that come with the software: whole, labelled, and as good on the sample case as promised."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.command_line import ribfrac
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.catalogue import ModelEntry, find_model, read_catalogue
from RibFracDetectorLib.engine.weights import load_weights
from RibFracDetectorLib.evaluation.ground_truth import read_ground_truth
from RibFracDetectorLib.evaluation.matching import NEVER, match_centers
from RibFracDetectorLib.evaluation.predictions import read_predictions

SAMPLE = REPOSITORY / "Resources" / "SampleData"
CASE = "simulated_chest"


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> ModelEntry:
    """The model that is used where none is named."""
    monkeypatch.delenv("RIBFRAC_MODELS", raising=False)
    _, entry = find_model(None)
    return entry


def test_every_model_of_the_catalogue_is_there_and_unchanged() -> None:
    for entry in read_catalogue(REPOSITORY / "Resources" / "models.json"):
        weights = load_weights(entry.file, entry.sha256)
        assert weights.architecture == entry.architecture


def test_it_says_that_its_fractures_were_simulated(shipped: ModelEntry) -> None:
    assert shipped.training_data.kind == "simulated"
    assert "not for patients" in shipped.intended_use
    (card,) = (path.read_text(encoding="utf-8") for path in shipped.file.parent.glob("*.md"))
    assert shipped.sha256 in card
    assert "not for patients" in card.lower()


@pytest.mark.slow
@pytest.mark.usefixtures("shipped")
def test_the_sample_case(tmp_path: Path) -> None:
    run = ribfrac("detect", SAMPLE / f"{CASE}_image.nii.gz", "--case", CASE, "--output", tmp_path)
    assert run.returncode == 0, run.stderr
    lesions = read_ground_truth(SAMPLE).cases[CASE]
    findings = read_predictions(tmp_path).cases[CASE].lists["findings"]
    match = match_centers(lesions, findings)
    assert np.mean(match.hit_scores > NEVER) >= 0.8
    assert match.true.all(), "nothing is found where nothing is"
