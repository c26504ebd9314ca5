"""Network, weights, sliding window, boxes, post-processing, and the `Detector` that joins them.

Imports torch and scipy beside the room `case`. Arrays and tensors are indexed
[x, y, z] of an LPS-oriented volume throughout; results are converted to RAS millimetres once, at the edge.
"""
