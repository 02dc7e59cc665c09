"""Rows of numbers out of a frame: by position, or by the names of its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import DataError
from emix.frames.cells import values_of
from emix.frames.refusing import refuse_infinite, refuse_missing, refuse_text
from emix.frames.seeing import Frame, opened
from emix.names import default_names, listed, near

if TYPE_CHECKING:
    from emix.arrays import Points

# Rows that are copied from all columns before the next ones: their cells stay in cache meanwhile.
ROWS_AT_A_TIME = 1 << 12


def points(
    frame: Frame, positions: Sequence[int] | None = None, name: str = "x", *, chosen: bool = False
) -> Points:
    """Rows (n, d) of the chosen columns, all of them for None, in C order.

    float32 where all columns are, else float64; integers, booleans and decimals become the
    nearest double. One column of floats is used where it lies, and so is a pandas frame that
    holds one array in C order.

    Raises `DataError` naming every column that does not hold numbers (and, unless the columns were
    `chosen`, those to choose), or row and column of the first missing or infinite value.
    """
    wanted = range(len(frame.names)) if positions is None else positions
    names = [frame.names[j] for j in wanted]
    n_rows = len(frame.table)
    if n_rows == 0 or not names:
        raise DataError(f"{name} is empty (shape {(n_rows, len(names))}); at least one row is "
                        f"needed")
    columns = [frame.table[:, j] for j in wanted]
    refuse_text(frame, columns, names, name, chosen=chosen)
    refuse_missing(columns, names, name)
    whole = _whole(frame, columns, names)
    refuse_infinite(whole, columns, names, name)
    return whole


def _whole(frame: Frame, columns: Sequence[Any], names: Sequence[str]) -> Points:
    import narwhals.stable.v2 as nw

    kinds = {type(column.dtype) for column in columns}
    kind: type[np.floating[Any]] = np.float32 if kinds == {nw.Float32} else np.float64
    if frame.table.implementation.is_pandas_like() and kinds in ({nw.Float32}, {nw.Float64}) and \
            tuple(names) == frame.names:
        return np.ascontiguousarray(frame.table.to_numpy(), dtype=kind)
    values = [values_of(column) for column in columns]
    if len(values) == 1:
        return np.ascontiguousarray(values[0], dtype=kind)[:, None]
    whole: Points = np.empty((len(values[0]), len(values)), kind)
    for first in range(0, len(whole), ROWS_AT_A_TIME):
        rows = slice(first, first + ROWS_AT_A_TIME)
        for j, column in enumerate(values):
            whole[rows, j] = column[rows]
    return whole


def rows_like(x: object, names: Sequence[str], name: str = "x") -> Any:
    """Rows of a frame x as (n, d), its columns chosen by `names` and in their order; other columns
    are left out. What is no frame has no names to choose by and comes back as it is.

    Columns go by position where either side is without names: for a frame made of a bare table,
    and where `names` are `default_names` of which x has none.

    Raises `DataError` when a name is missing, with those that come near, or as `points` does.
    """
    frame = opened(x, name)
    if frame is None:
        return x
    known, d = set(frame.names), len(names)
    missing = [each for each in names if each not in known]
    by_position = not frame.is_named or (
        tuple(names) == default_names(d) and len(missing) == d
    )
    if not by_position and missing:
        raise DataError(
            f"{name} has no column {listed(missing)}{near(missing[0], frame.names)}; expected "
            f"{listed(names)}, and {name} has {listed(frame.names)}: rename, or give a NumPy array "
            f"to go by position"
        )
    if by_position:
        if len(frame.names) != d:
            raise DataError(f"{name} has {len(frame.names)} columns; expected {d}: {listed(names)}")
        return points(frame, None, name)
    return points(frame, [frame.names.index(each) for each in names], name, chosen=True)
