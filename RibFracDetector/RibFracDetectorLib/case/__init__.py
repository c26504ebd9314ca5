"""CT geometry and input checks, the findings schema, case files, the review log and provenance.

Imports nothing but the standard library and numpy; SimpleITK is imported inside the functions that read
or write images, so that a stored case can be opened without it.
"""
