"""A reader's work on one case: decisions, edits, undo, filters, navigation, texts and exports.

Standard library and numpy only: a stored case is opened and reviewed without torch, MONAI or a GPU. What the
reader did is the append-only log of `case.review_log`; the present state is the replay of its events over the
model's findings (`case.review_replay`), so everything here can be rebuilt from files at any time.

`session.ReviewSession` is what a user interface holds. It is made with `ReviewSession.open(files, reader)`,
which takes the case's lock, and is left with `close()`; it is a context manager too.

Reading it:
    `case` (the model's `CaseFindings`), `state` (`ReviewState`: findings by id, case status, undo and redo),
    `finding(id)`, `active`, `threshold`, `banner` (text that must stay visible, or None), `findings_hidden`,
    `can_undo`, `can_redo`, `why_not_complete()`, `shown()` (ids in the order of the table),
    `hidden_below_threshold`, `mask(id)`, `location(id)` (once `thorax` is set, see `case.thorax`),
    `subscribe(callback)` -> unsubscribe; the callback gets a `Change`.
Deciding, each one event in the log; all but those of the last line are taken back by `undo()`:
    `decide(id, status)`, `classify(id, fracture_class)`, `comment(id, text)`, `edit_box(id, box_voxels)`,
    `edit_box_ras(id, box_ras)`, `edit_mask(id, patch)`, `add(box_voxels)`, `add_at(point_voxels)`,
    `delete(id)`, `undo()`, `redo()`,
    `complete()`, `reopen()`, `record_first_read()` (a second reader opens the case with `unaided=True`).
Moving about, without an event; the threshold is logged with the next one:
    `activate(id)`, `set_threshold(value)`, `count_key()`, and `navigation.next_finding(session)`,
    `previous_finding`, `next_undecided`.
Showing it:
    `rows.rows(session)` (the table), `texts` (`progress_text`, `hidden_text`, `empty_text`, `report_text`),
    `timing.case_timing(session.events)`, `expected.expected_false_positives(table, threshold)`,
    `export.export_case(session, folder)`, `export.csv_text(session)`.

Wrong use (an unknown id, a complete case, a status that does not exist) raises `InputError` and changes
nothing. What is the same as before makes no event.
"""
