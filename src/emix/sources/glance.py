"""A first look at a file: what its columns are called, and which of them hold numbers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from os import PathLike

from emix.sources.cells import kind
from emix.sources.files import PARQUET
from emix.sources.layout import layout_of
from emix.sources.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Glance:
    """A column as a first look shows it: its name, and whether most of its cells are numbers."""

    name: str
    holds_numbers: bool


def columns_in(path: str | PathLike[str]) -> tuple[Glance, ...]:
    """The columns of a Parquet or delimited text file, in their order; row names are none of them.

    Of text only the first rows are judged, and by their majority: one wrong cell makes no column
    of text, and is named by the reader when that column is chosen. Raises `DataError` for what is
    no table.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "iris.csv")
    ...     _ = file.write_text("width,species\\n3.5,setosa\\n3.0,setosa\\n")
    ...     [(each.name, each.holds_numbers) for each in columns_in(file)]
    [('width', True), ('species', False)]
    """
    if os.fspath(path).lower().endswith(PARQUET):
        from emix.sources.arrow import is_number
        from emix.sources.parquet import schema_of

        return tuple(Glance(each.name, is_number(each.type)) for each in
                     schema_of(os.fspath(path)))
    sheet = Sheet.read(path)
    layout = layout_of(sheet, None, None)
    rows = layout.judged_rows
    seen, good = 0, [0] * len(layout.names)
    for _, cells in islice(sheet.records(), int(layout.header), int(layout.header) + rows):
        seen += 1
        for j in layout.positions:
            good[j] += j < len(cells) and kind(cells[j]) == "number"
    return tuple(Glance(layout.names[j], 2 * good[j] > seen) for j in layout.positions)
