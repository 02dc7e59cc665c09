"""Every error and warning that emix raises on purpose.

A message says what was wrong, where (row, column, name), what was expected, and what to try.
All errors derive from `EmixError`; each also derives from the built-in a caller would expect.
"""

from __future__ import annotations


class EmixError(Exception):
    """Base of every error that emix raises on purpose."""


class DataError(EmixError, ValueError):
    """The data cannot be used: not numbers, not finite, no spread, too few distinct values."""


class ParameterError(EmixError, ValueError):
    """An argument, or a combination of arguments, that has no meaning."""


class ModelFileError(EmixError, ValueError):
    """A model file that is damaged, hostile, or of a version this emix does not know."""


class CheckpointError(ModelFileError):
    """A checkpoint that is damaged, or of another fit; the message says what differs."""


class WriteError(EmixError, OSError):
    """A file could not be written; what was there before is untouched."""

    def __str__(self) -> str:
        return (f"{self.filename}: cannot be written: {self.strerror}; nothing that was there has "
                f"changed")


class NumericalError(EmixError, ArithmeticError):
    """A computation left the range of finite numbers; the message names the quantity."""


class ClusterError(EmixError, ConnectionError):
    """The cluster that holds the data has no worker, no scheduler, or has failed. Where the fit has
    a checkpoint, the message names it."""


class MissingExtraError(EmixError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs {package}, which is not installed; "
            f"install it with: pip install 'emix[{extra}]'"
        )


class MissingProgramError(EmixError, OSError):
    """A program outside Python is not installed; the message says which, and what else to do."""

    def __init__(self, program: str, purpose: str, otherwise: str) -> None:
        super().__init__(f"{purpose} needs {program}; install it with your system's packages (apt "
                         f"install ffmpeg, brew install ffmpeg), {otherwise}")


class NotConvergedWarning(UserWarning):
    """EM stopped before the gradient of its objective was small."""


class DegenerateWarning(UserWarning):
    """The best optimum found rests on a degenerate component."""


class NotFittedError(EmixError, RuntimeError):
    """A group that was not reached before its fits were interrupted."""


class GroupsWarning(UserWarning):
    """Some of many fits failed, did not converge, or rest on a degenerate component."""
