"""No event is lost by a kill at any byte, and nothing that is not a review log is read as one."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ribfrac_testing.reference import REPOSITORY
from RibFracDetectorLib.case.errors import InputError
from RibFracDetectorLib.case.review_log import LogWriter, ReviewEvent, parse_log, read_log

NOW = datetime(2026, 2, 3, 4, 5, 6, 789000, timezone.utc)
TEXTS = ("plain", "Rippe 7 – verschoben?", '"quoted"\\', "line\nend\r\u2028", "肋骨")


def write_comments(path: Path, texts: tuple[str, ...] = TEXTS) -> tuple[ReviewEvent, ...]:
    writer = LogWriter(path)
    for text in texts:
        writer.append(NOW, "R1", "commented", {"finding": 3, "text": text})
    return writer.events


def test_events_survive_their_file(tmp_path: Path) -> None:
    events = write_comments(tmp_path / "log.jsonl")
    assert read_log(tmp_path / "log.jsonl") == events
    assert [event.payload["text"] for event in events] == list(TEXTS)
    assert events[0].time == "2026-02-03T04:05:06.789Z"
    assert events[0].moment == NOW


def test_each_event_is_one_line_with_the_documented_keys(tmp_path: Path) -> None:
    write_comments(tmp_path / "log.jsonl")
    lines = (tmp_path / "log.jsonl").read_bytes().splitlines()
    assert len(lines) == len(TEXTS)
    for number, line in enumerate(lines, start=1):
        content = json.loads(line)
        assert list(content) == ["schema_version", "sequence", "time", "reader", "kind", "payload"]
        assert (content["schema_version"], content["sequence"]) == (1, number)


def test_a_log_cut_at_any_byte_keeps_every_whole_event_and_can_be_continued(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    events = write_comments(path)
    whole = path.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = sum(end <= cut for end in ends)  # an event is whole when only its line end is missing
        assert read_log(path) == events[:kept], cut
        if cut % 7 == 0:
            writer = LogWriter(path)
            added = writer.append(NOW, "R2", "reopened", {})
            assert added.sequence == kept + 1
            assert read_log(path) == (*events[:kept], added), cut


def is_object(tail: bytes) -> bool:
    try:
        return isinstance(json.loads(tail.decode()), dict)
    except ValueError:
        return False


@given(tail=st.binary(max_size=40).filter(lambda tail: not {10, 13} & set(tail) and not is_object(tail)))
def test_whatever_lies_behind_the_last_line_is_no_event(tail: bytes) -> None:
    event = ReviewEvent(1, "2026-02-03T04:05:06Z", "R1", "reopened", {})
    assert parse_log(event.line().encode() + b"\n" + tail, "log") == (event,)


KILLED = """
    import sys
    from datetime import datetime, timezone
    from pathlib import Path
    from RibFracDetectorLib.case.review_log import LogWriter
    writer = LogWriter(Path(sys.argv[1]))
    while True:
        event = writer.append(
            datetime.now(timezone.utc), "R1", "commented", {"finding": 1, "text": "x" * 2000}
        )
        print(event.sequence, flush=True)
"""


def test_every_event_that_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "RibFracDetector")}
    pauses = random.Random(5)
    for _ in range(4):
        command = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", env=environment)
        assert child.stdout is not None
        first = int(child.stdout.readline())
        time.sleep(pauses.uniform(0, 0.15))
        child.kill()
        acknowledged = [first, *map(int, child.stdout.read().split())]
        child.wait()
        events = read_log(path)
        assert len(events) >= acknowledged[-1]
        assert all(len(event.payload["text"]) == 2000 for event in events)


def replaced(key: str, value: Any) -> Callable[[dict], Any]:
    return lambda content: {**content, key: value}


BOX = {
    "box_voxels": [1, 2, 3, 4, 5, 6],
    "box_ras": {"center": [0, 0, 0], "size": [3, 3, 3], "axes": [[1, 0, 0], [0, 1, 0], [0, 0, 1]]},
}


def edited_box(**changes: Any) -> Callable[[dict], Any]:
    payload = {"finding": 1, **BOX, **changes}
    return lambda content: {**content, "kind": "box_edited", "payload": payload}


def test_a_box_of_a_log_is_an_event(tmp_path: Path) -> None:
    LogWriter(tmp_path / "log.jsonl").append(NOW, "R1", "box_edited", {"finding": 65535, **BOX})
    assert read_log(tmp_path / "log.jsonl")[0].payload["box_ras"] == BOX["box_ras"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edited_box(box_voxels=[1, 2, 6, 4, 5, 3]), "box_voxels of box_edited cannot be"),
        (edited_box(box_voxels=[1, 2, 3, 4, 5, float("nan")]), "box_voxels of box_edited cannot be"),
        (edited_box(box_ras={**BOX["box_ras"], "size": [3, 0, 3]}), "box_ras of box_edited cannot be"),
        (edited_box(finding=65536), "finding of box_edited cannot be 65536"),
        (replaced("schema_version", 2), "newer RibFrac"),
        (replaced("schema_version", 0), "schema_version is 0"),
        (replaced("sequence", 2), "event 2 where 1 is expected"),
        (replaced("sequence", True), "sequence is True"),
        (replaced("time", "yesterday"), "time is 'yesterday'"),
        (replaced("time", "2026-02-03T04:05:06+01:00"), "UTC is expected"),
        (replaced("time", "2026-02-03T04:05:06"), "UTC is expected"),
        (replaced("reader", ""), "reader is ''"),
        (replaced("kind", "guessed"), "the kind 'guessed' is unknown"),
        (replaced("kind", ["decided"]), "is unknown"),
        (replaced("extra", 1), "an object with"),
        (replaced("payload", []), "payload is no object"),
        (replaced("payload", {"finding": 1}), r"keys \['finding'\], .*'status'\]"),
        (replaced("payload", {"finding": 0, "status": "accepted"}), "finding of decided cannot be 0"),
        (replaced("payload", {"finding": True, "status": "accepted"}), "cannot be True"),
        (replaced("payload", {"finding": 1, "status": "maybe"}), "status of decided cannot be 'maybe'"),
        (replaced("payload", {"finding": 1, "status": "accepted", "seconds": -1}), "cannot be -1"),
        (lambda _: [1], "an object with"),
    ],
)
def test_what_is_no_event_is_refused_with_its_line(
    change: Callable[[dict], Any], reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    good = ReviewEvent(1, "2026-02-03T04:05:06Z", "R1", "decided", {"finding": 1, "status": "accepted"})
    path.write_text(json.dumps(change(json.loads(good.line()))) + "\n")
    for reading in (read_log, LogWriter):
        with pytest.raises(InputError, match=reason) as caught:
            reading(path)
        assert f"{path} line 1" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_damaged_line_in_the_middle_is_not_taken_for_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    write_comments(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1][:30] + b"\n", *lines[2:]]))
    with pytest.raises(InputError, match="line 2: no JSON"):
        read_log(path)


def test_what_another_program_wrote_meanwhile_is_not_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    first, second = LogWriter(path), LogWriter(path)
    event = first.append(NOW, "R1", "reopened", {})
    with pytest.raises(InputError, match="changed by another program"):
        second.append(NOW, "R2", "reopened", {})
    assert read_log(path) == (event,)


def test_a_full_disk_leaves_the_log_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    events = write_comments(path)
    writer = LogWriter(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="the disk or quota is full"):
            writer.append(NOW, "R1", "reopened", {})
    assert read_log(path) == events
    assert writer.append(NOW, "R1", "reopened", {}).sequence == len(events) + 1
    assert len(read_log(path)) == len(events) + 1


@pytest.mark.parametrize(
    ("kind", "payload"), [("decided", {"finding": 1}), ("flown", {}), ("threshold_set", {"threshold": 2})]
)
def test_an_event_that_could_not_be_read_again_is_not_written(
    kind: str, payload: dict, tmp_path: Path
) -> None:
    writer = LogWriter(tmp_path / "log.jsonl")
    with pytest.raises(ValueError, match=kind):
        writer.append(NOW, "R1", kind, payload)
    assert not (tmp_path / "log.jsonl").exists()
