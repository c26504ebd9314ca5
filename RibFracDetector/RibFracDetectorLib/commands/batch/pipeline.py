"""One scan after another through the detector, while the next is read and the last is written.

    reader thread:  read 2 ── read 3 ── …
    this thread:    detect 1 ── detect 2 ── …
    writer thread:           write 1 ── write 2 ── …

At most one scan waits to be detected in and one to be written, so memory holds three at a time. Computing
stays in the thread that Ctrl-C reaches; what has been computed by then is still written, whole.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...case.case_files import CaseFiles
from ...case.errors import RibFracError
from ...case.itk_messages import stderr_of_its_own
from ..crash_log import log_traceback
from ..reporters import NotesReporter
from .inputs import Source
from .making import Making
from .outcomes import FINISHED, Outcome
from .plan import TakenIds

if TYPE_CHECKING:
    from ...case.ct import CtVolume
    from ...case.findings import CaseFindings
    from ...engine.detector import CaseResult

INTERRUPTED = 130


class Listener(Protocol):
    """Is told what becomes of each scan; from the writer's thread, too."""

    def detected(self, case: CaseFindings, folder: Path) -> None:
        """The files of a case are in place."""

    def failed(self, name: str, error: RibFracError) -> None:
        """A scan failed."""

    def settled(self, count: int) -> None:
        """So many scans are through, well or badly."""


@dataclass(frozen=True)
class _Reading:
    """A scan under way from the disk.

    Attributes:
        source: which.
        files: known before the voxels are.
        ct: the scan.
    """

    source: Source
    files: Future[CaseFiles]
    ct: Future[CtVolume]


class Pipeline:
    """Detects in scans and writes their case files.

    Args:
        output: folder of the case files.
        overwrite: whether finished cases are detected in again.
        making: gives the detector, after the first scan has been read: wrong input is refused before
            anything large is loaded.
        reporter: is told the progress within a scan.
        listener: is told what becomes of the scans.
    """

    def __init__(
        self,
        output: Path,
        overwrite: bool,
        making: Making,
        reporter: NotesReporter,
        listener: Listener,
    ) -> None:
        self._output = output
        self._overwrite = overwrite
        self._making = making
        self._reporter = reporter
        self._listener = listener
        self._taken = TakenIds()
        self._writing: tuple[Source, Future[Outcome]] | None = None
        self._outcomes: list[Outcome] = []

    def run(self, sources: Sequence[Source]) -> list[Outcome]:
        """Detect in every scan; one that fails is told and the rest go on.

        Raises:
            RibFracError: cancelled, or the detector cannot be made.
        """
        with stderr_of_its_own(), _threads() as (reader, writer):
            try:
                for reading in self._readings(reader, sources):
                    with self._ends_of(reading.source):
                        self._detect_in(reading, writer)
            finally:
                self._finish_writing()
        return self._outcomes

    def _readings(self, reader: ThreadPoolExecutor, sources: Sequence[Source]) -> Iterator[_Reading]:
        """The scans in order; while one is worked on, the next is read and no more."""
        ahead: deque[_Reading] = deque()
        for source in sources:
            files = reader.submit(self._files_of, source)
            ahead.append(_Reading(source, files, reader.submit(self._read, source, files)))
            if len(ahead) == 2:
                yield ahead.popleft()
        if ahead:
            yield ahead.popleft()

    def _files_of(self, source: Source) -> CaseFiles:
        from ...case.reading import case_id_of

        case_id = source.case_id or case_id_of(source.path)
        self._taken.take(case_id, source.path)
        files = CaseFiles(self._output, case_id)
        if files.is_finished and not self._overwrite:
            raise _FinishedBeforeError(case_id)
        files.refuse_reviewed()
        return files

    def _read(self, source: Source, files: Future[CaseFiles]) -> CtVolume:
        from ...case.reading import read_ct

        return read_ct(source.path, files.result().case_id)

    def _detect_in(self, reading: _Reading, writer: ThreadPoolExecutor) -> None:
        files = reading.files.result()
        self._reporter.begin_case(files.case_id)
        try:
            self._reporter.stage("read")
            self._detect(reading.ct.result(), files, writer, reading.source)
        finally:
            self._reporter.end_case()

    def _detect(self, ct: CtVolume, files: CaseFiles, writer: ThreadPoolExecutor, source: Source) -> None:
        from ..case_output import banner, describe_run

        for warning in ct.warnings:
            self._reporter.note(warning)
        making = self._ready()
        with ExitStack() as stack:
            staged = stack.enter_context(files.staged())
            result = making.detector.detect(ct, self._reporter)
            self._reporter.stage("write")
            case = describe_run(ct, result, making.detector, making.models, making.preset)
            if warning := banner(case.provenance.weights):
                self._reporter.note(warning)
            self._finish_writing()
            work = writer.submit(self._write, stack.pop_all(), staged, ct, result, case)
            self._writing = (source, work)

    def _ready(self) -> Making:
        """The detector, loaded; what keeps it from loading keeps every scan from being detected in."""
        try:
            _ = self._making.detector
        except RibFracError as error:
            raise _EndOfBatchError from error
        return self._making

    def _write(
        self, stack: ExitStack, staged: CaseFiles, ct: CtVolume, result: CaseResult, case: CaseFindings
    ) -> Outcome:
        """In the writer's thread."""
        from ..case_output import write_case

        with stack:
            write_case(replace(staged, fp16=result.precision == "fp16"), ct, result, case)
        self._listener.detected(case, self._output)
        return Outcome.of_case(case)

    def _finish_writing(self) -> None:
        """Wait for the case that is being written, if any."""
        if self._writing is None:
            return
        source, work = self._writing
        self._writing = None
        with self._ends_of(source):
            self._settle(work.result())
        gc.collect()  # figures hold cycles, and with them the volumes that they show

    @contextmanager
    def _ends_of(self, source: Source) -> Iterator[None]:
        """Settle what ends the block early: the scan was finished before, or it has failed."""
        try:
            yield
        except _FinishedBeforeError as finished:
            self._settle(Outcome(str(finished), FINISHED))
        except _EndOfBatchError as end:
            raise end.__cause__ from None
        except RibFracError as error:
            if error.exit_status == INTERRUPTED:
                raise
            self._fail(source, error)
        except BrokenPipeError:
            raise
        except Exception as error:
            log = log_traceback(error)
            text = f"{source.path}: unexpected {type(error).__name__}: {error} (traceback in {log})"
            self._fail(source, RibFracError(" ".join(text.split())))

    def _fail(self, source: Source, error: RibFracError) -> None:
        name = source.case_id or str(source.path)
        self._listener.failed(name, error)
        self._settle(Outcome.of_error(name, error))

    def _settle(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._listener.settled(len(self._outcomes))


class _FinishedBeforeError(Exception):
    """An earlier run has finished the case of this id."""


class _EndOfBatchError(Exception):
    """Its cause concerns every scan."""


@contextmanager
def _threads() -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
    """One thread to read and one to write; at the end what waits for them is dropped."""
    reader, writer = ThreadPoolExecutor(1, "read"), ThreadPoolExecutor(1, "write")
    try:
        yield reader, writer
    finally:
        reader.shutdown(cancel_futures=True)
        writer.shutdown()
