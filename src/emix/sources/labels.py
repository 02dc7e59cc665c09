"""Columns of delimited text that say which group a row belongs to: read as text, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from os import PathLike
from typing import IO

from emix.sources.layout import layout_of
from emix.sources.sheet import Sheet

__all__ = ["read_labels"]


def read_labels(
    source: str | PathLike[str] | IO[str] | IO[bytes], by: Sequence[str]
) -> tuple[list[tuple[str, ...]], list[str], list[str]]:
    """The cells of some columns, row by row as tuples of text without blanks around it; the names
    of these columns; and those of all others, row names left out.

    Columns are found, and the delimiter is, as `read_delimited` does; which also refuses rows that
    are not as long as others. Raises `DataError` for a column that is not there.

    >>> import io
    >>> read_labels(io.StringIO("gene,x\\nBRCA1,0.5\\nTP53,2\\n"), ["gene"])
    ([('BRCA1',), ('TP53',)], ['gene'], ['x'])
    """
    sheet = Sheet.read(source)
    layout = layout_of(sheet, list(by), None)
    rows = (cells for _, cells in islice(sheet.records(), int(layout.header), None))
    labels = [tuple(cells[j].strip() if j < len(cells) else "" for j in layout.positions)
              for cells in rows]
    others = [each for j, each in enumerate(layout.names)
              if j not in layout.positions and not (j == 0 and layout.row_names)]
    return labels, [layout.names[j] for j in layout.positions], others
