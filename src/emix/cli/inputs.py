"""SOURCE: from a word on the command line to rows of numbers with names."""

from __future__ import annotations

import csv
import io
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from emix.cli.output import printable, say
from emix.errors import DataError, ParameterError
from emix.names import listed, near

if TYPE_CHECKING:
    from emix.arrays import Floats, Points
    from emix.datasets import Dataset
    from emix.sources.array import ArraySource
    from emix.sources.protocol import Source

# Rows of a picture, where not all are in memory.
SHOWN = 1 << 16


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to model, in memory or not: a source that carries names and weights, and the unit of
    each column ("" where unknown)."""

    source: Source
    units: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """(d,)"""
        return self.source.column_names

    @property
    def n_features(self) -> int:
        return self.source.n_features

    @property
    def titles(self) -> tuple[str, ...]:
        """The names as reports show them, with the units."""
        return tuple(f"{printable(name)} ({unit})" if unit else printable(name)
                     for name, unit in zip(self.names, self.units, strict=True))

    @property
    def held(self) -> Data:
        """The same rows in memory. Raises `DataError` where they are too many for that."""
        from emix.sources.opening import open_source

        return Data(open_source(self.source)[0], self.units)

    @property
    def shown(self) -> Points:
        """Rows for a picture: all, or a sample where they are not in memory."""
        from emix.sources.array import ArraySource

        if isinstance(self.source, ArraySource):
            return self.source.points
        say(f"note: the picture shows a sample of {SHOWN} of {self.source.n_rows} rows")
        return self.source.sample(SHOWN, 0).points


@dataclass(frozen=True, eq=False)
class Data(Rows):
    """Rows in memory."""

    source: ArraySource

    @property
    def points(self) -> Points:
        """(n, d)"""
        return self.source.points

    @property
    def weights(self) -> Floats | None:
        """(n,)"""
        return self.source.sample_weight


def parse_columns(text: str | None) -> list[str] | None:
    """Names from "a,b"; a name with a comma inside goes in double quotes.

    >>> parse_columns('a,"b,c"')
    ['a', 'b,c']
    """
    if text is None:
        return None
    names = next(csv.reader([text], skipinitialspace=True), [])
    if not names or not all(names):
        raise ParameterError(f"--columns {text!r}; expected names separated by commas")
    return names


def read_data(
    source: str, wanted: list[str] | None = None, weight_column: str | None = None
) -> Data:
    """`read_rows`, in memory."""
    return read_rows(source, wanted, weight_column).held


def read_rows(
    source: str, wanted: list[str] | None = None, weight_column: str | None = None
) -> Rows:
    """The columns asked for, in that order, or all of them but the weights for None.

    Raises `DataError` for what cannot be read, and `ParameterError` for a choice that leaves
    nothing to model.
    """
    from glob import has_magic

    from emix import datasets

    if datasets.is_name(source):
        if os.path.exists(source):
            say(f"note: {source} is the bundled data set; for the file write ./{source}")
        return _bundled(datasets.load(source), wanted, weight_column)
    if source != "-" and not os.path.exists(source) and not has_magic(source):
        raise DataError(missing_file(source))
    found = _opened(standard_input() if source == "-" else source, wanted, weight_column)
    return Rows(found, ("",) * found.n_features)


def _opened(x: object, wanted: list[str] | None, weight_column: str | None) -> Source:
    from emix.kernels import available_threads
    from emix.sources.opening import open_rows

    try:
        return open_rows(x, weight_column, wanted, available_threads())[0]
    except ParameterError as reason:
        if weight_column is None:
            raise
        raise ParameterError(f"--weight-column {weight_column}: {reason}") from None


def _bundled(data: Dataset, wanted: list[str] | None, weight_column: str | None) -> Rows:
    def name(column: str) -> str:
        if column not in data.columns and column.isdecimal() and 0 < int(column) <= data.d:
            return data.columns[int(column) - 1]
        # For its message, when there is no such column.
        data[column]
        return column

    columns = None if wanted is None else list(map(name, wanted))
    found = _opened(data, columns, None if weight_column is None else name(weight_column))
    return Rows(found, tuple(map(data.unit, found.column_names)))


def read_as_fitted(
    source: str, fitted: list[str], n_features: int, weight_column: str | None = None
) -> Rows:
    """The columns a model was fitted to, if the source has them; else its only ones, unless some
    of them are called as the model's are.

    Raises `DataError` naming the columns there are.
    """
    if not fitted:
        return read_rows(source, None, weight_column)
    try:
        return read_rows(source, fitted, weight_column)
    except DataError as missing:
        try:
            data = read_rows(source, None, weight_column)
        except DataError:
            raise missing from None
        if data.n_features != n_features or set(fitted) & set(data.names):
            raise DataError(f"{missing} (the model was fitted to {listed(fitted, printable)}; "
                            f"choose with --columns)") from None
    say(f"note: {printable(source)} has no column {listed(fitted, printable)}; reading "
        f"{listed(data.names, printable)}")
    return data


def missing_file(source: str) -> str:
    """What to say of a SOURCE that is not there."""
    from emix import datasets

    message = f"{printable(source)}: no such file"
    if os.path.basename(source) == source and "." not in source:
        hint = near(source, datasets.names(), str)
        message += f", and no such data set{hint}; the data sets are {', '.join(datasets.names())}"
    else:
        message += "; check the name and the folder it is looked for in"
    return message


class _StandardInput(io.BytesIO):
    """All of standard input, which can be read again; `name` is for messages."""

    name = "<stdin>"


_CONTENT = "emix.cli.standard_input"


def standard_input() -> _StandardInput:
    """All of standard input."""
    # Kept for the command's life: a pipe can be read only once, and columns may be read twice.
    kept = click.get_current_context().meta
    if _CONTENT not in kept:
        if sys.stdin is None:
            raise DataError("standard input: it is closed; expected rows of numbers")
        try:
            kept[_CONTENT] = sys.stdin.buffer.read()
        except OSError as error:
            raise DataError(f"standard input: cannot be read: {error.strerror or error}") from None
    return _StandardInput(kept[_CONTENT])
