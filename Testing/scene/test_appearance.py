"""What results look like in the views, and what table and codes say of them."""

from __future__ import annotations

import math

import vtk
from RibFracDetectorLib.case.thorax import measure_thorax
from RibFracDetectorLib.review.rows import all_rows
from RibFracDetectorLib.scene import terminology

COLUMNS = {
    "Finding": "id",
    "Status": "status",
    "Side": "side",
    "Region": "region",
    "Slice": "slice",
    "Class": "fracture_class",
    "Comment": "comment",
    "Reader": "reader",
}


def test_nothing_covers_the_bone(show) -> None:
    shown = show()
    shown.session.activate(1)
    for number in (1, 2, 3):
        display = shown.case.box_node(number).GetDisplayNode()
        assert not display.GetFillVisibility()
        assert not display.GetPropertiesLabelVisibility()
        assert not display.GetPointLabelsVisibility()
    masks = shown.case.nodes.segmentation.GetDisplayNode()
    assert masks.GetOpacity2DFill() <= 0.15
    assert masks.GetOpacity2DOutline() == 1


def test_the_box_that_the_reader_is_at_is_drawn_heavier(show) -> None:
    shown = show()
    for active in (1, 2):
        shown.session.activate(active)
        widths = {n: shown.case.box_node(n).GetDisplayNode().GetLineDiameter() for n in (1, 2, 3)}
        heaviest = widths.pop(active)
        assert all(heaviest > 1.5 * width for width in widths.values())


def test_the_table_says_what_is_known_of_each_finding(show) -> None:
    shown = show()
    session, ct = shown.session, shown.stored.ct
    session.thorax = measure_thorax(ct.voxels, ct.grid.spacing)
    session.classify(1, "buckle")
    session.comment(2, "old callus")
    session.decide(3, "rejected")
    session.add_at((30, 28, 24))
    node, rows = shown.case.nodes.table, all_rows(session)
    table = node.GetTable()

    def column(title: str) -> list:
        values = table.GetColumnByName(title)
        return [values.GetValue(place) for place in range(values.GetNumberOfValues())]

    for title, attribute in COLUMNS.items():
        assert column(title) == [getattr(row, attribute) for row in rows], title
        assert len(set(column(title))) > 1, f"the example tells nothing of {title}"
    assert column("Flags") == ["; ".join(row.flags) for row in rows]
    scores, volumes = column("Score"), column("Volume (mm3)")
    assert scores[:4] == [row.score for row in rows[:4]]
    assert volumes[0] == rows[0].volume_mm3 > 0
    assert math.isnan(scores[4])
    assert math.isnan(volumes[4])
    assert node.GetLocked(), "what is typed there would be lost"


def test_codes_tell_the_side_where_it_is_known(show) -> None:
    shown = show()
    session, ct = shown.session, shown.stored.ct
    session.thorax = measure_thorax(ct.voxels, ct.grid.spacing)
    for number in (1, 3, 4):
        session.decide(number, "accepted")
        value = vtk.reference("")
        assert shown.segmentation.GetSegment(f"RibFrac_{number}").GetTag(terminology.TAG, value)
        assert str(value) == terminology.entry(session.location(number).side)
    assert {session.location(number).side for number in (1, 3, 4)} == {"left", "right"}
