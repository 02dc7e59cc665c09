"""SOURCE: from a word on the command line to columns of numbers."""

from __future__ import annotations

import csv
import difflib
import io
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from emix.cli.output import printable, say
from emix.errors import DataError, ParameterError

if TYPE_CHECKING:
    from emix.arrays import Floats


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns of a source: d names, the unit of each ("" where unknown), numbers (n, d)."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    data: Floats

    def taking(self, *positions: int) -> Columns:
        names, units = ([each[j] for j in positions] for each in (self.names, self.units))
        return Columns(tuple(names), tuple(units), self.data[:, positions])


@dataclass(frozen=True, eq=False)
class Column:
    """One column to fit: its name, its unit ("" where unknown), values and weights (n,)."""

    name: str
    unit: str
    values: Floats
    weights: Floats | None = None

    def to_numpy(self) -> Floats:
        """The values; with `name`, all that `emix.fit` asks of a Series."""
        return self.values

    @property
    def title(self) -> str:
        """The name as reports show it, with the unit."""
        return f"{printable(self.name)} ({self.unit})" if self.unit else printable(self.name)


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


def read_column(source: str, columns: str | None, weight_column: str | None = None) -> Column:
    """The column to fit, and its weights.

    Raises `DataError` for what cannot be read, and `ParameterError` when it is not said which of
    several columns is meant.
    """
    wanted = parse_columns(columns)
    if wanted is not None and len(wanted) > 1:
        raise ParameterError(f"--columns {columns!r} names {len(wanted)} columns, and emix fits "
                             f"one at a time so far; name one of them")
    if weight_column is None:
        return _only(source, read_columns(source, wanted))
    weight = read_columns(source, [weight_column]) if wanted is None else None
    table = read_columns(source, None if wanted is None else [*wanted, weight_column])
    if weight is None:
        weight, table = table.taking(1), table.taking(0)
    else:
        others = [j for j, name in enumerate(table.names) if name != weight.names[0]]
        if not others:
            raise ParameterError(f"{source}: the only column, {printable(weight.names[0])}, is "
                                 f"--weight-column; no values are left to fit")
        table = table.taking(*others)
    column = _only(source, table)
    return Column(column.name, column.unit, column.values, _contiguous(weight, 0))


def _only(source: str, table: Columns) -> Column:
    if len(table.names) > 1:
        raise ParameterError(
            f"{source} has {len(table.names)} columns: {_listed(table.names)}; choose one with "
            f"--columns, for example --columns {_quoted(table.names[-1])}"
        )
    return Column(table.names[0], table.units[0], _contiguous(table, 0))


def _contiguous(table: Columns, j: int) -> Floats:
    import numpy as np

    return np.ascontiguousarray(table.data[:, j])


def _listed(names: tuple[str, ...], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(printable(name) for name in names[:most]) + more


def _quoted(name: str) -> str:
    import shlex

    return shlex.quote(f'"{name}"' if "," in name else name)


def read_columns(source: str, wanted: list[str] | None) -> Columns:
    """The columns asked for, in that order; all of them for None. Raises `DataError`."""
    from emix import datasets

    if datasets.is_name(source):
        if os.path.exists(source):
            say(f"note: {source} is the bundled data set; for the file write ./{source}")
        return _bundled(source, wanted)
    from emix.sources.delimited import read_delimited

    if source != "-" and not os.path.exists(source):
        raise DataError(_missing(source))
    table = read_delimited(_standard_input() if source == "-" else source, columns=wanted)
    return Columns(table.columns, ("",) * len(table.columns), table.data)


def read_as_fitted(source: str, fitted: list[str], n_features: int) -> Columns:
    """The columns a model was fitted to, if the source has them; else its only ones.

    Raises `DataError` naming the columns there are.
    """
    if not fitted:
        return read_columns(source, None)
    try:
        return read_columns(source, fitted)
    except DataError as missing:
        try:
            table = read_columns(source, None)
        except DataError:
            raise missing from None
        if len(table.names) != n_features:
            raise DataError(f"{missing} (the model was fitted to {_listed(tuple(fitted))}; "
                            f"choose with --columns)") from None
    say(f"note: {source} has no column {_listed(tuple(fitted))}; reading {_listed(table.names)}")
    return table


def _bundled(name: str, wanted: list[str] | None) -> Columns:
    from emix import datasets

    data = datasets.load(name)
    positions = list(range(data.d))
    if wanted is not None:
        positions = []
        for column in wanted:
            if column not in data.columns and column.isdecimal() and 0 < int(column) <= data.d:
                column = data.columns[int(column) - 1]
            # For its message, when there is no such column.
            data[column]
            positions.append(data.columns.index(column))
    units = tuple("" if (unit := data.units[column]) == "none" else unit for column in data.columns)
    return Columns(data.columns, units, data.data).taking(*positions)


def _missing(source: str) -> str:
    from emix import datasets

    message = f"{printable(source)}: no such file"
    if os.path.basename(source) == source and "." not in source:
        close = difflib.get_close_matches(source, datasets.names(), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        message += f", and no such data set; {hint}the data sets are {', '.join(datasets.names())}"
    else:
        message += "; check the name and the folder it is looked for in"
    return message


class _StandardInput(io.BytesIO):
    """All of standard input, which can be read again; `name` is for messages."""

    name = "<stdin>"


_CONTENT = "emix.cli.standard_input"


def _standard_input() -> _StandardInput:
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
