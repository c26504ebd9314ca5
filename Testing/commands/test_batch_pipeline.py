"""The order of reading, detecting and writing in a batch, and what a failure ends.

Reading, detecting and writing are stand-ins that say when they begin and wait to be told to end; everything
between them is the real thing.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from ribfrac_testing.evaluation_data import write_findings_file
from RibFracDetectorLib.case import reading
from RibFracDetectorLib.case.case_files import CaseFiles
from RibFracDetectorLib.case.errors import InputError, RibFracError
from RibFracDetectorLib.case.findings import CaseFindings
from RibFracDetectorLib.case.findings_file import read_findings, write_findings
from RibFracDetectorLib.case.itk_messages import quiet_itk, stderr_of_its_own
from RibFracDetectorLib.commands import case_output
from RibFracDetectorLib.commands.batch.inputs import Source
from RibFracDetectorLib.commands.batch.outcomes import DETECTED, FAILED, FINISHED, Outcome, exit_status
from RibFracDetectorLib.commands.batch.pipeline import Pipeline
from RibFracDetectorLib.commands.reporters import NotesReporter
from RibFracDetectorLib.engine.progress import CancelledError

LONG = 20
"""Seconds after which a test that waits for a thread has failed."""


@dataclass
class Stage:
    """One step of the work: what began, in order, and gates that hold it up."""

    begun: list[str] = field(default_factory=list)
    gates: dict[str, threading.Event] = field(default_factory=dict)
    faults: dict[str, BaseException] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def work(self, case_id: str) -> None:
        with self.changed:
            self.begun.append(case_id)
            self.changed.notify_all()
        if case_id in self.gates:
            assert self.gates[case_id].wait(LONG)
        if case_id in self.faults:
            raise self.faults[case_id]

    def wait_for(self, case_id: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: case_id in self.begun, LONG), f"{case_id} did not begin"


@dataclass
class Workshop:
    """A pipeline whose three stages are stand-ins."""

    output: Path
    read: Stage = field(default_factory=Stage)
    detect: Stage = field(default_factory=Stage)
    write: Stage = field(default_factory=Stage)
    told: list[str] = field(default_factory=list)
    made: int = 0
    making_fault: RibFracError | None = None

    models = ()
    preset = "published"

    @property
    def detector(self) -> SimpleNamespace:
        self.made += 1
        if self.making_fault:
            raise self.making_fault
        return SimpleNamespace(detect=self._detect)

    def _detect(self, ct: SimpleNamespace, _reporter: object) -> SimpleNamespace:
        self.detect.work(ct.case_id)
        return SimpleNamespace(precision="fp32")

    def detected(self, case: CaseFindings, _folder: Path) -> None:
        self.told.append(case.case_id)

    def failed(self, name: str, error: RibFracError) -> None:
        self.told.append(f"{name}: {error}")

    def settled(self, count: int) -> None:
        self.told.append(str(count))

    def run(self, *names: str) -> list[Outcome]:
        pipeline = Pipeline(self.output, False, self, NotesReporter(), self)
        return pipeline.run([Source(Path(f"{name}.nii"), name) for name in names])

    def start(self, *names: str) -> threading.Thread:
        thread = threading.Thread(target=self.run, args=names)
        thread.start()
        return thread


@pytest.fixture
def workshop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Workshop:
    shop = Workshop(tmp_path / "out")
    template = read_findings(write_findings_file(tmp_path, "template", [((1, 1, 1, 9, 9, 9), 0.5)]))

    def read_ct(_path: Path, case_id: str) -> SimpleNamespace:
        shop.read.work(case_id)
        return SimpleNamespace(case_id=case_id, warnings=())

    def describe_run(ct: SimpleNamespace, *_: object) -> CaseFindings:
        return CaseFindings(ct.case_id, template.ct, template.provenance, template.findings)

    def write_case(files: CaseFiles, ct: SimpleNamespace, _result: object, case: CaseFindings) -> None:
        shop.write.work(ct.case_id)
        write_findings(files.findings, case)

    monkeypatch.setattr(reading, "read_ct", read_ct)
    monkeypatch.setattr(case_output, "describe_run", describe_run)
    monkeypatch.setattr(case_output, "write_case", write_case)
    return shop


def test_the_next_scan_is_read_while_one_is_detected_in_and_no_more(workshop: Workshop) -> None:
    gate = workshop.detect.gates["a"] = threading.Event()
    thread = workshop.start("a", "b", "c", "d")
    workshop.detect.wait_for("a")
    workshop.read.wait_for("b")
    assert workshop.read.begun == ["a", "b"]
    gate.set()
    thread.join(LONG)
    assert workshop.read.begun == workshop.write.begun == ["a", "b", "c", "d"]


def test_a_case_is_written_while_the_next_is_detected_in_and_no_more(workshop: Workshop) -> None:
    gate = workshop.write.gates["a"] = threading.Event()
    thread = workshop.start("a", "b", "c", "d")
    workshop.detect.wait_for("b")
    workshop.read.wait_for("c")
    assert workshop.write.begun == ["a"]
    assert not CaseFiles(workshop.output, "a").is_finished
    # b is computed and waits for a; c, which is read, waits for b: three scans in memory.
    assert workshop.detect.begun == ["a", "b"]
    assert workshop.read.begun == ["a", "b", "c"]
    gate.set()
    thread.join(LONG)
    assert all(CaseFiles(workshop.output, name).is_finished for name in "abcd")
    assert workshop.made >= 1


@pytest.mark.parametrize("stage", ["read", "detect", "write"])
@pytest.mark.parametrize("fault", [InputError("broken"), ValueError("a bug"), MemoryError()])
def test_a_broken_case_is_told_and_the_rest_go_on(
    workshop: Workshop, stage: str, fault: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    getattr(workshop, stage).faults["b"] = fault
    outcomes = {outcome.name: outcome for outcome in workshop.run("a", "b", "c")}
    assert {name: outcome.state for name, outcome in outcomes.items()} == {
        "a": DETECTED,
        "b": FAILED,
        "c": DETECTED,
    }
    assert exit_status(outcomes.values()) == (2 if isinstance(fault, InputError) else 1)
    assert any(line.startswith("b: ") for line in workshop.told)
    assert not isinstance(fault, ValueError) or list((tmp_path / "state").rglob("*.log"))
    assert sorted(path.name for path in workshop.output.iterdir()) == ["a_findings.json", "c_findings.json"]


def test_a_finished_case_is_not_read(workshop: Workshop) -> None:
    workshop.run("a")
    outcomes = workshop.run("a", "b")
    assert [(outcome.name, outcome.state) for outcome in outcomes] == [("a", FINISHED), ("b", DETECTED)]
    assert workshop.read.begun == ["a", "b"]


def test_what_keeps_the_detector_from_being_made_ends_the_batch(workshop: Workshop) -> None:
    workshop.making_fault = InputError("no such weights")
    with pytest.raises(InputError, match="no such weights"):
        workshop.run("a", "b", "c")
    assert workshop.made == 1
    assert not workshop.output.exists()


@pytest.mark.parametrize("end", [KeyboardInterrupt(), CancelledError("cancelled")])
def test_an_interrupt_ends_the_batch_and_keeps_what_is_computed(
    workshop: Workshop, end: BaseException
) -> None:
    workshop.detect.faults["b"] = end
    with pytest.raises(type(end)):
        workshop.run("a", "b", "c", "d")
    assert sorted(path.name for path in workshop.output.iterdir()) == ["a_findings.json"]
    assert "d" not in workshop.read.begun


def told_during(block: Callable[[], None]) -> str:
    """What arrives at the process's standard error."""
    reader, writer = os.pipe()
    saved = os.dup(2)
    os.dup2(writer, 2)
    before, sys.stderr = sys.stderr, os.fdopen(2, "w", closefd=False)
    try:
        block()
        sys.stderr.flush()
    finally:
        sys.stderr = before
        os.dup2(saved, 2)
        os.close(saved)
        os.close(writer)
    with os.fdopen(reader) as pipe:
        return pipe.read()


def test_what_is_told_while_another_thread_reads_images_arrives() -> None:
    """`quiet_itk` redirects the standard error of the whole process."""

    def block() -> None:
        with stderr_of_its_own(), quiet_itk():
            print("a note", file=sys.stderr)
            os.write(2, b"ITK says\n")

    assert told_during(block) == "a note\n"
