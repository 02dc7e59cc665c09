"""Columns of a data frame whose rows fall into groups: a value that is missing is one group's loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.errors import DataError
from emix.frames import refuse_text, values_of
from emix.names import listed, near

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emix.arrays import Floats
    from emix.frames import Frame


def places_of(frame: Frame, wanted: Sequence[object], name: str) -> list[int]:
    """Positions of columns by their names. Raises `DataError` for one that is not there."""
    for each in wanted:
        if each not in frame.names:
            hint = near(each, frame.names) if isinstance(each, str) else ""
            raise DataError(f"{name}: there is no column {each!r}{hint}; the columns are "
                            f"{listed(frame.names)}")
    return [frame.names.index(str(each)) for each in wanted]


def points_or_nan(frame: Frame, positions: Sequence[int]) -> Floats:
    """Rows (n, d) of the chosen columns as float64, with NaN where a value is missing.

    Raises `DataError` naming every column that does not hold numbers.
    """
    columns = [frame.table[:, j] for j in positions]
    refuse_text(frame, columns, [frame.names[j] for j in positions], "x", chosen=True)
    whole = np.full((len(frame.table), len(columns)), np.nan)
    for j, column in enumerate(columns):
        if column.null_count() == 0:
            whole[:, j] = values_of(column)
            continue
        missing = np.asarray(column.is_null().to_numpy(), dtype=np.bool_)
        if not missing.all():
            whole[~missing, j] = values_of(column.filter(~column.is_null()))
    return whole


def labels_of(column: Any) -> NDArray[Any]:
    """The cells of a column as labels: as they are, or as objects, None where one is missing."""
    if column.null_count() == 0:
        values: NDArray[Any] = np.asarray(column.to_numpy())
        return values
    cells = np.empty(len(column), dtype=object)
    cells[:] = column.to_list()
    cells[np.asarray(column.is_null().to_numpy(), dtype=np.bool_)] = None
    return cells
