"""What a review says is true and careful, and its times are those that passed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ribfrac_testing.review_cases import StoredCase, store_case
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.evaluation.matching import Pool
from RibFracDetectorLib.evaluation.threshold_table import write_threshold_tables
from RibFracDetectorLib.review import texts
from RibFracDetectorLib.review.effort import PAUSE_SECONDS
from RibFracDetectorLib.review.expected import expected_false_positives, read_threshold_table
from RibFracDetectorLib.review.session import ReviewSession
from RibFracDetectorLib.review.timing import case_timing


def test_progress_and_hidden_are_counted(session: ReviewSession) -> None:
    assert texts.progress_text(session) == "0 of 3 reviewed"
    assert texts.hidden_text(session) == "1 hidden below threshold"
    session.decide(1, "accepted")
    session.decide(2, "unsure")
    session.decide(2, "undecided")
    assert texts.progress_text(session) == "1 of 3 reviewed"
    session.set_threshold(0.95)
    assert texts.progress_text(session) == "1 of 2 reviewed"
    assert texts.hidden_text(session) == "2 hidden below threshold"
    session.set_threshold(0)
    assert texts.hidden_text(session) == "0 hidden below threshold"


def test_an_empty_table_says_at_which_threshold(session: ReviewSession) -> None:
    assert texts.empty_text(session) is None
    session.set_threshold(0.95)
    assert texts.empty_text(session) == "no finding of 0.95 or more – this does not exclude a fracture"


def test_the_report_names_accepted_findings_only(session: ReviewSession) -> None:
    session.decide(1, "accepted")
    session.classify(1, "displaced")
    session.comment(1, "with step")
    session.decide(2, "rejected")
    session.comment(2, "artefact")
    session.decide(3, "unsure")
    session.add_at((30, 28, 40))
    report = texts.report_text(session)
    lines = report.splitlines()
    assert lines[0] == "Rib fractures accepted by R1 in case case: 2 (review not complete)"
    assert lines[1].startswith(
        "1. fracture, side unknown, slice 40 (S -220 mm), 24 × 24 × 24 mm (found by the reader)"
    )
    assert lines[2] == (
        "2. displaced fracture, side unknown, slice 8 (S -285 mm), 13 × 8 × 10 mm (score 0.90). with step"
    )
    assert session.grid.index_to_ras((0, 0, 40))[2] == pytest.approx(-220)
    assert lines[3] == "Slices are counted from 0 at the feet; S is the place in mm, towards the head."
    assert lines[-1] == "For research use only; not a medical device."
    assert len(lines) == 5
    assert "artefact" not in report


def test_a_report_without_fractures_excludes_none(session: ReviewSession) -> None:
    for number in (1, 2, 3):
        session.decide(number, "rejected")
    session.complete()
    lines = texts.report_text(session).splitlines()
    assert lines[0] == "Rib fractures accepted by R1 in case case: 0"
    assert lines[1] == "No finding was accepted. This does not exclude a fracture."


@pytest.mark.parametrize(("training", "word"), [("simulated", "SIMULATED"), ("none", "UNTRAINED")])
def test_a_model_that_learnt_from_no_patient_writes_no_report(
    training: str, word: str, tmp_path: Path
) -> None:
    stored = store_case(tmp_path, training_data=training)
    with ReviewSession.open(stored.files, "R1") as session:
        assert word in session.banner
        session.decide(1, "accepted")
        with pytest.raises(InputError, match=f"no report text .*{word}"):
            texts.report_text(session)


def test_seconds_and_keys_belong_to_the_finding_looked_at(session: ReviewSession, clock) -> None:
    clock.wait(5)
    session.activate(1)
    clock.wait(4)
    session.count_key()
    session.activate(2)
    clock.wait(3)
    session.activate(1)
    session.count_key()
    clock.wait(2)
    session.decide(1, "accepted")
    clock.wait(1)
    session.activate(2)
    session.count_key()
    clock.wait(10)
    session.decide(2, "rejected")
    efforts = [
        (event.payload["finding"], event.payload["seconds"], event.payload["keys"])
        for event in session.events
        if event.kind == "decided"
    ]
    assert efforts == [(1, 6.0, 2), (2, 13.0, 1)]
    timing = case_timing(session.events)
    assert timing.to_first_finding == 14.0
    assert (timing.findings, timing.seconds_per_finding, timing.keys_per_finding) == (2, 9.5, 1.5)


def test_a_telephone_call_is_not_held_against_a_finding(session: ReviewSession, clock) -> None:
    session.activate(1)
    clock.wait(3600)
    session.count_key()
    clock.wait(5)
    session.decide(1, "accepted")
    assert session.events[-1].payload["seconds"] == PAUSE_SECONDS + 5


def test_a_clock_set_back_makes_no_negative_time(session: ReviewSession, clock) -> None:
    session.activate(1)
    clock.wait(-500)
    session.decide(1, "accepted")
    assert session.events[-1].payload["seconds"] == 0
    assert case_timing(session.events).to_first_finding == 0


def test_seconds_are_counted_once(session: ReviewSession, clock) -> None:
    session.activate(1)
    clock.wait(4)
    session.decide(1, "accepted")
    clock.wait(3)
    session.comment(1, "with step")
    assert [event.payload["seconds"] for event in session.events if "seconds" in event.payload] == [4, 3]


def test_the_first_finding_is_timed_from_the_session_in_which_it_was_decided(
    stored: StoredCase, clock
) -> None:
    with ReviewSession.open(stored.files, "R1", clock=clock) as session:
        session.comment(1, "to be discussed")
    clock.wait(86400)
    with ReviewSession.open(stored.files, "R1", clock=clock) as session:
        clock.wait(20)
        session.decide(1, "accepted")
        assert case_timing(session.events).to_first_finding == 20


def test_no_work_has_no_times() -> None:
    timing = case_timing(())
    assert timing.to_first_finding is None
    assert timing.seconds_per_finding is None


def pool() -> Pool:
    """Two scans with one fracture, found with 0.9, and false positives at 0.8, 0.6 and 0.2."""
    return Pool(
        scores=np.array([0.9, 0.8, 0.6, 0.2]),
        true=np.array([True, False, False, False]),
        new_hits=np.array([1, 0, 0, 0]),
        case_index=np.array([0, 0, 1, 1]),
        hit_scores=np.array([0.9]),
        lesion_case=np.array([0]),
        n_cases=2,
    )


@pytest.mark.parametrize("kind", ["real", "simulated", "unknown"])
def test_false_positives_are_foretold_only_from_real_scans(kind: str, tmp_path: Path) -> None:
    write_threshold_tables(tmp_path, {"findings": pool()}, {"title": "hospital A", "data": kind})
    table = read_threshold_table(tmp_path / "threshold_table.json")
    expected = expected_false_positives(table, 0.3)
    if kind != "real":
        assert expected is None
        return
    assert expected.per_scan == 1.0
    assert str(expected) == "about 1.0 false positives a scan on hospital A (2 scans)"
    assert expected_false_positives(table, 0.0).per_scan == 1.5
    assert expected_false_positives(table, 0.59).per_scan == 1.0
    assert expected_false_positives(table, 0.6).per_scan == 1.0
    assert expected_false_positives(table, 0.61).per_scan == 0.5
    assert expected_false_positives(table, 0.61 - 1e-12).per_scan == 0.5, "a slider's rounding"


@pytest.mark.parametrize("content", ["", "[]", '{"tables": {}}'])
def test_a_file_that_is_no_threshold_table(content: str, tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    with pytest.raises(InputError, match=r"table\.json cannot be read"):
        read_threshold_table(path)
    path.write_text(content)
    with pytest.raises(InputError, match=r"table\.json"):
        read_threshold_table(path)


MEASURED = {"data": "real", "title": "hospital A", "lists": {"findings": {"scans": 2}}}


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"measured_on": {"data": "real"}},
        {"measured_on": None},
        {"measured_on": MEASURED, "tables": {"findings": []}},
    ],
)
def test_a_table_that_says_nothing_foretells_nothing(table: dict) -> None:
    assert expected_false_positives(table, 0.5) is None
