"""The subcommands of `ribfrac`; each module imports what it needs inside its functions."""
