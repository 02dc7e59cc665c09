"""How `emix` ends: exit codes, and what each error comes to."""

from __future__ import annotations

import enum

from emix.errors import DataError, ModelFileError, NumericalError, WriteError


class Exit(enum.IntEnum):
    """Exit codes of the command line."""

    FINE = 0
    OUTPUT = 1  # something could not be written, or memory ran out
    USAGE = 2  # also click's own, and a missing extra
    DATA = 3
    NOT_CONVERGED = 4
    MODEL_FILE = 5
    INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Refusal(Exception):
    """A message for standard error and the exit code that goes with it."""

    def __init__(self, message: str, code: Exit) -> None:
        super().__init__(message)
        self.code = code


def exit_of(error: Exception) -> Exit:
    """The exit code that an error comes to."""
    if isinstance(error, Refusal):
        return error.code
    if isinstance(error, WriteError):
        return Exit.OUTPUT
    if isinstance(error, DataError | NumericalError):
        return Exit.DATA
    return Exit.MODEL_FILE if isinstance(error, ModelFileError) else Exit.USAGE
