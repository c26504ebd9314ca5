"""`ribfrac prepare`: from image files to the prepared layout.

    run.py ─► find_cases.py (which files make a case), class_sources.py (classes of lesions), disk.py
           ─► one_case.py (read, check and write one), scan_writing.py
           ─► plan.py (splits), nndetection.py (the same split as a task of nnDetection)

Problems are collected, not raised: a data set of hundreds of scans is corrected in one go. Reads images with
SimpleITK, which training itself never does.
"""
