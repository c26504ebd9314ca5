"""Chests without fractures: a procedural phantom, and densities painted over the shapes of an atlas.

Everything is drawn locally with soft edges: a surface covers a voxel by its signed distance in voxels, which
is partial volume without supersampling. Points are in millimetres, LPS, in the frame of the canvas.
"""
