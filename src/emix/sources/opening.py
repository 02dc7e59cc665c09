"""From what a user has to a source."""

from __future__ import annotations

import os

from emix.errors import DataError
from emix.sources.array import ArraySource


def open_source(x: object, sample_weight: object = None) -> tuple[ArraySource, str]:
    """A source over x, and the name of its column if it has one ("x" otherwise).

    x is an array, a Series, a data frame, an `ArraySource`, or a path to a CSV or TSV file.
    Raises `DataError` when it cannot be read as numbers.
    """
    if isinstance(x, ArraySource):
        if sample_weight is not None:
            raise DataError("the source carries its own weights; leave sample_weight out")
        return x, "x"
    if isinstance(x, str | os.PathLike):
        from emix.sources.delimited import read_delimited

        table = read_delimited(os.fspath(x))
        return ArraySource.of(table.data, sample_weight), table.columns[0]
    return ArraySource.of(x, sample_weight), _name_of(x)


def _name_of(x: object) -> str:
    name = getattr(x, "name", None)
    columns = getattr(x, "columns", None)
    if name is None and columns is not None and len(columns) == 1:
        name = columns[0]
    return name if isinstance(name, str) else "x"
