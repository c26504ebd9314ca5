"""What a user of the application sees: widgets, shortcuts, and the process that runs the engine.

Only this room knows `qt`, `ctk` and the application. It holds no logic of its own: what a review is lives in
`review`, what a scene shows in `scene`, what is computed in the engine's process. `panel.Panel` joins all.

- processes: `child_process` (any), `engine_process` (the engine and its protocol), `process_tree` (its end),
  `engine_command` (program, arguments, environment), `detection` (from a volume to case files),
  `installation`, `packages` and `pip_faults` (what is missing), `device_query` (what the engine could use)
- inputs and Detect: `detect_section`, `model_choice`, `preflight`, `pace`, `advanced`, `model_settings`,
  `log_view`, `diagnostics` (`redaction` and `known_names` keep names out of them)
- review: `review_section` (the open case), `case_on_screen` (session, nodes and views), `review_actions`
  (keys and buttons), `review_display` (state to widgets), `findings_table`, `finding_editor`,
  `mask_editor`, `shortcuts`, `cheat_sheet`, `open_case`
- the application: `dialogs`, `preferences` (settings), `parameters` (in the scene), `volumes`, `sample_data`
"""
