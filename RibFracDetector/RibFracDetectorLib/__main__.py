"""`python -m RibFracDetectorLib` is the command `ribfrac`."""

from .cli import main

raise SystemExit(main())
