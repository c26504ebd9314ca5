"""Findings in a MRML scene: segments, boxes, table, slice views; and back from the scene to a case.

Takes a scene and plain values, never `slicer.app`, a parameter node or a widget: the same code runs in the
application, in the browser and on `slicer-core`. Nodes are ours by attribute (`ownership`); no other node is
ever renamed, changed or exported.

`ct.check_placeable(ct_node)` refuses transforms and grids that results cannot follow; `ct.ct_of_node(ct_node)`
gives the `CtVolume` of a volume node, which is what `CtReference.matches` compares.

`case_scene.CaseScene` shows one review session:
    `CaseScene.show(scene, ct_node, session)` makes the nodes of the case, or takes over those that are there,
    and follows the session from then on: every change of state changes the nodes in one batch.
    `make_boxes()` makes the ROI nodes that the present threshold lacks (at opening, and when the slider rests:
    a moving slider creates none); `set_active(id)` gives one box handles; `on_box_edited(callback)` tells when
    the user let go of a handle; `take_mask(id)` reads a segment back after the Segment Editor;
    `close()` stops following and leaves the nodes; `remove()` takes them out of the scene.
`stored.stored_cases(scene)` lists the cases that a loaded scene holds (also after `.mrb`), and
    `StoredCase.write_to(folder)` gives their case files back, so that `ReviewSession.open` works on them.
`slice_views.SliceViews(scene, slice_nodes)`: `enter(volume_node)` remembers window, field of view and position
    and sets the bone window, `jump(ras)` centres all slices at 60 mm, `leave()` restores what it found.
`terminology` holds the SNOMED codes, `colors` the colour of each status.
"""
