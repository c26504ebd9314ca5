"""Findings in a MRML scene: segments, boxes, table, slice views; and back from the scene to a case.

Takes a scene and plain values, never `slicer.app`, a parameter node or a widget: the same code runs in the
application, in the browser and on `slicer-core`. Nodes are ours by attribute (`ownership`); no other node is
ever renamed, changed or exported.

`ct.check_placeable(ct_node)` refuses transforms and grids that results cannot follow; `ct.ct_of_node(ct_node,
    source, case_id)` gives the `CtVolume` in a volume node, which `CtReference.matches` compares and
    `case.thorax.measure_thorax` measures; `ct.lps_grid(ct.grid_of_node(ct_node))` is its LPS grid;
    `ct.to_world` and `ct.from_world` go through a node's transform.

`case_scene.CaseScene` shows one review session:
    `CaseScene.show(scene, ct_node, session, paused, on_refusal)` makes the nodes of the case, or takes over
    those that a saved scene brought, and follows the session from then on: every change of the session is one
    batch of changes to nodes, inside `paused()` (`slicer.util.RenderBlocker` in the application).
    `make_boxes(at_most)` makes the ROI nodes that the shown findings lack, and tells how many are left: after
    opening and when the slider rests, a few whenever idle; the slider itself makes none.
    `box_node(id)`, `world_center(id)` (where to jump), `begin_mask_edit(id)` -> segment id, and
    `end_mask_edit()` after it.
    `session.activate(id)` gives the box of that finding handles; a handle that is let go becomes an event.
    `close()` stops following and leaves the nodes, `remove()` takes them out, `is_following` tells.
`stored.stored_cases(scene)` lists the cases that a loaded scene holds (also after `.mrb`), and
    `StoredCase.write_to(folder)` gives their case files back, so that `ReviewSession.open` works on them.
`slice_views.SliceViews(slice_nodes)`: `enter(volume_node)` remembers window, field of view and position and
    sets the bone window, `jump(ras)` centres all views at 60 mm, `leave()` restores what it found.
`terminology` holds the SNOMED codes, `colors` the colour of each status.
"""
