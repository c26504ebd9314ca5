"""Metrics from saved results alone: no GPU, no network, no torch (but for `map`, lazily).

    predictions.py, ground_truth.py ─► grids.py, pairing.py ─► matching.py
    matching.py ─► froc.py, breakdown.py, reliability.py, threshold_table.py, bootstrap.py
    ribfrac_files.py, instance_masks.py ─► official_ribfrac.py
    matching.py, boxes.py ─► average_precision.py
    {center,ribfrac,map}_metric.py gather the values of one `--metric`; curves.py, case_pictures.py and
    html_report.py show them; submission.py writes the files of the RibFrac Challenge.

A matching rule turns each scan into a `matching.CaseMatch`; `matching.pool` joins the scans, and everything
downstream (curves, tables, bootstrap) reads the pool alone, so that a rule is written once.
Imports numpy, scipy, matplotlib and the room `case`.
"""
