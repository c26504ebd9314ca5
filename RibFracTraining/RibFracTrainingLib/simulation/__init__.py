"""Simulated chests and simulated rib fractures, from arrays to arrays, all drawn from a seed.

A `Body` is a CT with its ribs marked: a phantom, an atlas dressed with densities, or a real scan. Fractures
are inserted into its ribs. Everything here is a simulation: no result made with it says anything about
patients.
"""
