"""Detection in many scans: which, in which process, in what order, and what is told about them.

inputs.py ─► shards.py ─► plan.py ─► pipeline.py ─► outcomes.py (exit status, summary)
run.py puts them together for `ribfrac detect` and `ribfrac test`; making.py makes the detector
"""
