"""Strict reading of delimited text: CSV, TSV, semicolons, or cells separated by blanks.

Reading has two gears. The bulk goes through the csv module and `float` in blocks, without looking
at single cells; only when a block does not come out clean is the text walked again, cell by cell,
to name the first place that is wrong. Nothing is guessed about a value: a cell is a number as
Python reads it, or the table is refused.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from os import PathLike
from typing import IO, Any, NoReturn

import numpy as np
import numpy.typing as npt

from emix.errors import DataError, ParameterError
from emix.sources.cells import ADVICE, kind, numbers, shown
from emix.sources.text import (
    blanks_to_tabs,
    column_of_bad_quote,
    guess_delimiter,
    lines_of,
    read_text,
    tighten_quotes,
)

__all__ = ["Table", "read_delimited"]

FloatArray = npt.NDArray[np.float64]

# Cells that become Python strings at one time: more of them leave the cache and take twice as long.
BLOCK_CELLS = 1 << 14
SHOWN_NAMES = 20
# Looking for near misses costs a few microseconds a name: no use among a million columns.
MOST_NAMES_COMPARED = 1000


@dataclass(frozen=True, eq=False)
class Table:
    """A table of finite numbers with a name for every column.

    `columns` holds d names, `data` is a read-only (n, d) float64 array in C order, and `name` says
    where the table came from, as error messages print it.
    """

    columns: tuple[str, ...]
    data: FloatArray
    name: str


def read_delimited(
    source: str | PathLike[str] | IO[str] | IO[bytes],
    *,
    columns: str | Sequence[str] | None = None,
    delimiter: str | None = None,
) -> Table:
    """Read the numeric columns of a delimited text file as float64, exactly, or say where it fails.

    `source` is a path, or an open stream of text or bytes (UTF-8). The delimiter is `delimiter`;
    else a tab when the file ends in `.tsv`; else the first of tab, semicolon and comma that the
    first line has outside quotes; else runs of blanks, where the first two lines agree on that;
    else the file is one column. `delimiter=" "` means runs of blanks.

    The first row is a header when one of its cells is text; otherwise the columns are named x1 to
    xd (x when there is only one). Runs of blanks in a name count as one. `columns` takes names or,
    for a string of digits that is no name, a position counted from 1 in the cells of a row; other
    columns may then hold anything. Without it every column is read, and must be numeric.

    Row names: where the header leaves the first column unnamed (an empty first cell, or one cell
    fewer than the rows, as R and pandas write) that column is left out, provided that some of its
    cells are text or that they count 0, 1, 2, ... or 1, 2, 3, ...; anything else there is refused,
    because a decimal comma in a comma-separated file looks the same.

    Raises `DataError` with `file:line:column: message`, where line counts from 1 as an editor does
    and column is the cell's position from 1, for whatever is not a finite number in its place; and
    `ParameterError` for a delimiter that cannot be one.

    >>> import io
    >>> table = read_delimited(io.StringIO("eruptions,waiting\\n3.6,79\\n1.8,54\\n"))
    >>> table.columns, table.data.tolist()
    (('eruptions', 'waiting'), [[3.6, 79.0], [1.8, 54.0]])
    """
    if delimiter is not None and not _can_delimit(delimiter):
        raise ParameterError(
            f"delimiter is {delimiter!r}; expected one character that is not a letter, digit, "
            "quote, line end, '+', '-', '.' or '_', such as ',', ';', tab, or ' ' for blanks"
        )
    name, text = read_text(source)
    if not text:
        raise DataError(f"{name}:1:1: the file is empty; expected rows of numbers")
    if delimiter is None:
        delimiter = guess_delimiter(name, text, all_numbers=lambda c: numbers(c) is not None)
    if delimiter == " ":
        text, delimiter = blanks_to_tabs(text), "\t"
    sheet = _Sheet(name, tighten_quotes(text, delimiter), delimiter)
    layout = _layout(sheet, columns)
    data = _bulk(sheet, layout)
    if data is None:
        _locate(sheet, layout)
    data.setflags(write=False)
    return Table(tuple(layout.names[j] for j in layout.positions), data, name)


def _can_delimit(delimiter: str) -> bool:
    return len(delimiter) == 1 and not delimiter.isalnum() and delimiter not in '"\r\n\0+-._'


@dataclass(frozen=True)
class _Sheet:
    """Text that is known to be clean UTF-8 without a blank end, and its delimiter."""

    name: str
    text: str
    delimiter: str

    def reader(self) -> Any:  # the type of csv.reader has no public name before Python 3.13
        # Strict: otherwise '"3"5' would be read as 35 and an open quote would swallow the file.
        return csv.reader(
            lines_of(self.text), delimiter=self.delimiter, skipinitialspace=True, strict=True
        )

    def refusal(self, line: int, column: int, message: str) -> DataError:
        return DataError(f"{self.name}:{line}:{column}: {message}")

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Rows with the line on which each starts, refusing what is no row at all."""
        reader, line = self.reader(), 1
        while True:
            try:
                cells = next(reader, None)
            except csv.Error as error:
                column = column_of_bad_quote(self.text, line, self.delimiter)
                raise self.refusal(line, column, _quoting_message(str(error))) from None
            if cells is None:
                return
            if len(cells) < 2 and not "".join(cells).strip():
                raise self.refusal(
                    line,
                    1,
                    "the line is blank, and missing values are not supported yet; remove it",
                )
            yield line, cells
            line = reader.line_num + 1


def _quoting_message(error: str) -> str:
    if "field larger" in error:
        return (
            f"a cell has more than {csv.field_size_limit()} characters; "
            "look for a quote that is never closed"
        )
    if "unexpected end" in error:
        return "a quote is opened here and never closed; close it or remove it"
    return (
        "text follows the closing quote of a cell; "
        "expected the delimiter, or the quote written twice inside the cell"
    )


@dataclass(frozen=True)
class _Layout:
    """Which cells of a row are wanted and what they are called."""

    names: Sequence[str]
    positions: Sequence[int]
    header: bool
    row_names: bool


def _layout(sheet: _Sheet, columns: str | Sequence[str] | None) -> _Layout:
    records = sheet.records()
    line, first = next(records)
    header = numbers(first) is None and any(kind(cell) == "text" for cell in first)
    if not header:
        names = [f"x{j}" for j in range(1, len(first) + 1)] if len(first) > 1 else ["x"]
        return _Layout(names, _positions(sheet, names, columns, 0), header=False, row_names=False)
    row = next(records, None)
    if row is None:
        raise sheet.refusal(line, 1, "the file has a header and no rows; expected rows of numbers")
    given = [" ".join(cell.split()) for cell in first]
    # One cell more than the header is R's row name only if it can be one; else the row is ragged.
    short = len(row[1]) == len(given) + 1 and _are_row_names([row[1][0].strip()])
    if short:
        given.insert(0, "")
    unnamed = given[0] == ""
    names = [name or f"column {j}" for j, name in enumerate(given, start=1)]
    positions = _positions(sheet, names, columns, int(unnamed))
    return _Layout(names, positions, header=True, row_names=short or (unnamed and columns is None))


def _positions(
    sheet: _Sheet, names: Sequence[str], columns: str | Sequence[str] | None, skipped: int
) -> Sequence[int]:
    """Positions from 0 of the columns asked for, in that order; all but the row names for None."""
    if columns is None:
        positions: Sequence[int] = range(skipped, len(names))
    else:
        wanted = [columns] if isinstance(columns, str) else [str(column) for column in columns]
        positions = [_position(sheet, names, column) for column in wanted]
    if not positions:
        raise DataError(f"{sheet.name}: no column is selected; {_available(names)}")
    if len({names[j] for j in positions}) < len(positions):
        taken: dict[str, int] = {}
        for j in positions:
            if names[j] in taken:
                raise sheet.refusal(
                    1,
                    j + 1,
                    f"column {shown(names[j])} is selected twice, as cells "
                    f"{taken[names[j]] + 1} and {j + 1} of a row; "
                    "select each column once, and give each its own name",
                )
            taken[names[j]] = j
    return positions


def _position(sheet: _Sheet, names: Sequence[str], wanted: str) -> int:
    wanted = " ".join(wanted.split())
    found = [j for j, name in enumerate(names) if name == wanted]
    if len(found) > 1:
        cells = ", ".join(str(j + 1) for j in found[:SHOWN_NAMES])
        raise sheet.refusal(
            1,
            found[1] + 1,
            f"{len(found)} columns are named {shown(wanted)}, cells {cells} of a row; "
            "select by position instead, or give each its own name",
        )
    if found:
        return found[0]
    if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:19]) <= len(names):
        j = int(wanted[:19]) - 1
        if kind(names[j]) == "number":
            raise sheet.refusal(
                1,
                j + 1,
                f"the first row counts as a header, because some of its cells are text, and names "
                f"this column {shown(names[j])}; select the column by that name, or put a header "
                "above if this is a row of data",
            )
        return j
    close = difflib.get_close_matches(wanted, names) if len(names) <= MOST_NAMES_COMPARED else []
    hint = f"; did you mean {' or '.join(map(shown, close))}?" if close else ""
    raise DataError(f"{sheet.name}: no column {shown(wanted)}{hint}; {_available(names)}")


def _available(names: Sequence[str]) -> str:
    listed = ", ".join(map(shown, names[:SHOWN_NAMES]))
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"the columns are {listed}{more}"


def _bulk(sheet: _Sheet, layout: _Layout) -> FloatArray | None:
    """The table (n, d), or None when something in the text is not as it should be."""
    reader = islice(sheet.reader(), int(layout.header), None)
    width, positions = len(layout.names), layout.positions
    whole = len(positions) == width and list(positions) == list(range(width))
    blocks: list[FloatArray] = []
    row_names: list[str] = []
    try:
        while rows := list(islice(reader, max(1, BLOCK_CELLS // width))):
            if set(map(len, rows)) != {width}:
                return None
            if layout.row_names:
                row_names.extend(row[0].strip() for row in rows)
            values = numbers(
                list(chain.from_iterable(rows))
                if whole
                else [row[j] for row in rows for j in positions]
            )
            if values is None:
                return None
            blocks.append(values.reshape(len(rows), len(positions)))
    except csv.Error:
        return None
    if layout.row_names and not _are_row_names(row_names):
        raise sheet.refusal(
            1,
            1,
            "the header leaves the first column unnamed, yet its cells are neither text nor a "
            "count of the rows; name every column, or write the file without row names (a decimal "
            "comma in a comma-separated file looks like this too)",
        )
    return np.concatenate(blocks)


def _are_row_names(cells: Sequence[str]) -> bool:
    if any(kind(cell) == "text" for cell in cells):
        return True
    return any(all(cell == str(i) for i, cell in enumerate(cells, start)) for start in (0, 1))


def _locate(sheet: _Sheet, layout: _Layout) -> NoReturn:
    """Raise for the first cell or row that kept the bulk from being read."""
    width = len(layout.names)
    for line, cells in islice(sheet.records(), int(layout.header), None):
        if len(cells) != width:
            raise sheet.refusal(
                line,
                min(len(cells), width) + 1,
                f"expected {width} cells, found {len(cells)}; every row needs as many: add or "
                "remove cells, or put quotes around a cell that has the delimiter inside",
            )
        for j in layout.positions:
            what, cell = kind(cells[j]), cells[j].strip()
            if what != "number":
                found = shown(cell) if cell else "an empty cell"
                raise sheet.refusal(
                    line, j + 1, f"column {shown(layout.names[j])}: {found} {ADVICE[what]}"
                )
    raise DataError(f"{sheet.name}: the text could not be read as a table of numbers")
