"""RibFrac: rib-fracture detection in CT. For research use; not a medical device.

The package is divided in rooms with one-way doors (`Testing/packaging/test_rooms.py` holds the table):
`case` (geometry, input checks, files), `engine` (network, sliding window, `Detector`), `review` (a reader's
decisions), `scene` (findings in a MRML scene), `gui` (the panel), `evaluation` (metrics, pictures), and
`commands` (the subcommands of `ribfrac`, each importing only what it needs).
"""

__version__ = "0.1.0"
