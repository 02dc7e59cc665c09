"""Strict reading of delimited text: CSV, TSV, semicolons, or cells separated by blanks.

Reading has two gears. The bulk goes through the csv module and `float` in blocks, without looking
at single cells; only when a block does not come out clean is the text walked again, cell by cell,
to name the first place that is wrong. Nothing is guessed about a value: a cell is a number as
Python reads it, or the table is refused.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from os import PathLike
from typing import IO, NoReturn

import numpy as np
import numpy.typing as npt

from emix.errors import DataError, ParameterError
from emix.names import listed
from emix.sources.cells import ADVICE, kind, numbers, shown
from emix.sources.layout import Layout, are_row_names, layout_of
from emix.sources.sheet import Sheet

__all__ = ["Table", "read_delimited"]

FloatArray = npt.NDArray[np.float64]

# Cells that become Python strings at one time: more of them leave the cache and take twice as long.
BLOCK_CELLS = 1 << 14


@dataclass(frozen=True, eq=False)
class Table:
    """A table of finite numbers with a name for every column.

    `columns` holds d names, `data` is a read-only (n, d) float64 array in C order, and `name` says
    where the table came from, as error messages print it. `weight` (n,) is the column that was
    asked for as such, else None.
    """

    columns: tuple[str, ...]
    data: FloatArray
    name: str
    weight: FloatArray | None = None


def read_delimited(
    source: str | PathLike[str] | IO[str] | IO[bytes],
    *,
    columns: str | Sequence[str] | None = None,
    weight: str | None = None,
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
    columns may then hold anything. Without it every column is read, and must be numeric. `weight`
    is one more column, found in the same way, that is not among the data.

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
    sheet = Sheet.read(source, delimiter)
    layout = layout_of(sheet, columns, weight)
    data = _bulk(sheet, layout)
    if data is None:
        _locate(sheet, layout, chosen=columns is not None)
    names = tuple(layout.names[j] for j in layout.positions)
    weights = None
    if weight is not None:
        names, weights = names[:-1], np.ascontiguousarray(data[:, -1])
        data = np.ascontiguousarray(data[:, :-1])
        weights.setflags(write=False)
    data.setflags(write=False)
    return Table(names, data, sheet.name, weights)


def _can_delimit(delimiter: str) -> bool:
    return len(delimiter) == 1 and not delimiter.isalnum() and delimiter not in '"\r\n\0+-._'


def _bulk(sheet: Sheet, layout: Layout) -> FloatArray | None:
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
    if layout.row_names and not are_row_names(row_names):
        raise sheet.refusal(
            1,
            1,
            "the header leaves the first column unnamed, yet its cells are neither text nor a "
            "count of the rows; name every column, or write the file without row names (a decimal "
            "comma in a comma-separated file looks like this too)",
        )
    return np.concatenate(blocks)


def _locate(sheet: Sheet, layout: Layout, *, chosen: bool) -> NoReturn:
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
                hint = "" if chosen else _other_columns(sheet, layout, j)
                raise sheet.refusal(
                    line, j + 1, f"column {shown(layout.names[j])}: {found} {ADVICE[what]}{hint}"
                )
    raise DataError(f"{sheet.name}: the text could not be read as a table of numbers")


def _other_columns(sheet: Sheet, layout: Layout, refused: int) -> str:
    """Where a whole column is no numbers, as its first rows show, the names of those that are."""
    rows = layout.judged_rows
    counts = dict.fromkeys(layout.positions, 0)
    seen = 0
    try:
        for _, cells in islice(sheet.records(), int(layout.header), int(layout.header) + rows):
            seen += 1
            for j in counts:
                counts[j] += kind(cells[j]) == "number"
    except (DataError, IndexError):
        return ""  # what is wrong further down is not what the message is about
    good = [layout.names[j] for j, count in counts.items() if count == seen]
    if 2 * counts[refused] > seen or not good:
        return ""
    return f" (choose among the columns that hold numbers: {listed(good, shown)})"
