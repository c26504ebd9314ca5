"""Training of RibFrac's detectors: `training` (configuration, data, losses, loop, publishing).

It stands on RibFracDetectorLib, whose network, boxes and inference it trains and validates with.
"""
