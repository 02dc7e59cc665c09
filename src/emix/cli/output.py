"""What goes out: words to standard error, data to standard output or whole into a file."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from emix.cli.exits import Exit, Refusal
from emix.errors import DegenerateWarning, NotConvergedWarning
from emix.labelled import as_csv
from emix.names import printable as printable
from emix.wholefile import finite


def say(message: str) -> None:
    """A line of words on standard error."""
    click.echo(message, err=True)


def as_json(plain: object, indent: int | None = None) -> str:
    """Plain data as JSON; what is not finite, and so no JSON number, becomes null.

    >>> as_json({"loglik": float("-inf"), "n": 2})
    '{"loglik": null, "n": 2}'
    """
    return json.dumps(finite(plain), allow_nan=False, indent=indent)


def require_folders(*paths: str | None) -> None:
    """Refuse outputs that could not be written, before the work whose results they are for."""
    for path in paths:
        if path is None:
            continue
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise Refusal(f"{path}: cannot be written: there is no folder {folder}; make it first",
                          Exit.OUTPUT)
        if os.path.isdir(path):
            raise Refusal(f"{path}: cannot be written: it is a folder; expected a file name",
                          Exit.OUTPUT)


@contextmanager
def writing(path: str) -> Iterator[None]:
    """Say that a file was written, or raise a `Refusal` saying why it was not."""
    try:
        yield
    except OSError as error:
        raise Refusal(f"{path}: cannot be written: {error.strerror or error}; nothing that was "
                      f"there has changed", Exit.OUTPUT) from None
    say(f"wrote {path}")


def write_table(path: str | None, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A CSV table to a file, whole or not at all, or to standard output for None or "-"."""
    from emix.wholefile import write_whole

    if path is None or path == "-":
        for piece in as_csv(header, rows):
            click.echo(piece, nl=False)
        return
    with writing(path):
        write_whole(path, as_csv(header, rows))


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """The report carries emix's own warnings; their raw lines would say everything twice."""
    with warnings.catch_warnings():
        for category in (NotConvergedWarning, DegenerateWarning):
            warnings.simplefilter("ignore", category)
        yield


def _passed(reading: Any) -> str:
    """How far a pass over the data has come."""
    done = f"{reading.rows:,} rows"
    if reading.n_rows is not None:
        done = f"{reading.rows:,} of {reading.n_rows:,} rows"
    speed = reading.bytes / max(reading.seconds, 1e-9) / 2**20
    left = "" if reading.seconds_left is None else f", {reading.seconds_left:.0f} s left"
    return f"{done} ({speed:.0f} MiB/s{left})"


class ProgressLine:
    """One line on standard error about a fit that lasts, rewritten in place, erased at the end.

    Nothing is written within the first second, nor where standard error is not a terminal.
    """

    QUIET_SECONDS, BETWEEN_SECONDS = 1.0, 0.1

    def __init__(self) -> None:
        self._next = time.monotonic() + self.QUIET_SECONDS
        self._width = 0
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, progress: Any) -> None:
        now = time.monotonic()
        if not self._is_terminal or now < self._next:
            return
        self._next = now + self.BETWEEN_SECONDS
        self._rewrite(self.words(progress))

    def words(self, progress: Any) -> str:
        """What the line says."""
        words = f"climb {progress.run} of {progress.n_runs}, step {progress.iteration}, " \
                f"gradient {progress.gradient:.1e}"
        reading = getattr(progress, "reading", None)
        if reading is None:
            return words
        return (f"{words}, " if progress.n_runs else "") + _passed(reading)

    def erase(self) -> None:
        if self._width:
            self._rewrite("")
            click.echo("\r", err=True, nl=False)

    def _rewrite(self, line: str) -> None:
        click.echo("\r" + line.ljust(self._width), err=True, nl=False)
        self._width = len(line)
