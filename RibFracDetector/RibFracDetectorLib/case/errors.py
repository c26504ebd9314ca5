"""Errors that end a command, each a single line a user can act on."""

from __future__ import annotations


class RibFracError(Exception):
    """A failure: something that should have worked did not."""

    exit_status = 1


class InputError(RibFracError):
    """Wrong input: the message tells what was found, what is expected and what to do."""

    exit_status = 2
