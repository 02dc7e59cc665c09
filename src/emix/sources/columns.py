"""Rows that lie column by column, until a block wants them row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Block, Place

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emix.arrays import Floats, Order, Points

# Rows that are turned from columns at once: their numbers stay in cache meanwhile.
ROWS_AT_A_TIME = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Columns (m,) of any kind of number, d of them, the dtype that they are to have as rows, their
    weights (m,) if any, and where they lie."""

    columns: tuple[NDArray[Any], ...]
    dtype: np.dtype[np.floating[Any]]
    sample_weight: Floats | None = None
    place: Place | None = None

    @property
    def n_rows(self) -> int:
        return len(self.columns[0])

    @property
    def points(self) -> Points:
        """(m, d), one column where it lies if it can be."""
        if len(self.columns) == 1:
            return self.columns[0].astype(self.dtype, copy=False)[:, None]
        points = np.empty((self.n_rows, len(self.columns)), self.dtype)
        self.write(points)
        return points

    @property
    def block(self) -> Block:
        """As rows."""
        return Block(self.points, self.sample_weight, self.place)

    def write(self, points: Points) -> None:
        """Into (m, d) rows."""
        for start in range(0, len(points), ROWS_AT_A_TIME):
            rows = slice(start, start + ROWS_AT_A_TIME)
            for j, column in enumerate(self.columns):
                points[rows, j] = column[rows]

    def rows(self, start: int, stop: int) -> Columns:
        """The rows from `start` up to `stop`, without copying."""
        weight, place = self.sample_weight, self.place
        return Columns(tuple(column[start:stop] for column in self.columns), self.dtype,
                       None if weight is None else weight[start:stop],
                       None if place is None else place.after(start))

    def chosen(self, rows: Order | slice) -> Block:
        """Copies of some rows."""
        weight = self.sample_weight
        some = Columns(tuple(np.array(column[rows]) for column in self.columns), self.dtype)
        return Block(some.points, None if weight is None else np.array(weight[rows]))
