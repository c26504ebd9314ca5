"""Simulated data sets: which cases, how each is made from its seed, and how a folder is filled."""
