"""An array in memory, with or without row weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Block, Place, as_points, as_sample_weight
from emix.names import default_names
from emix.sources.protocol import M, block_rows, merge, sampled_rows

if TYPE_CHECKING:
    from emix.arrays import Floats, Points


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """Points (n, d), if weighted their weights (n,), the names (d,) of the columns if any, and
    where the rows were read, if anywhere.

    Rows are in C order, as the kernels read them: `of` sees to it, once, so that no pass over the
    data has to. What is in C order already is used where it lies.

    >>> import numpy as np
    >>> source = ArraySource.of([3.0, 4.5], sample_weight=[2.0, 1.0])
    >>> source.n_rows, source.n_features
    (2, 1)
    """

    points: Points
    sample_weight: Floats | None = None
    names: tuple[str, ...] = ()
    place: Place | None = None

    @classmethod
    def of(
        cls, x: object, sample_weight: object = None, names: tuple[str, ...] = ()
    ) -> ArraySource:
        """From whatever NumPy can read as (n,) or (n, d) numbers.

        Raises `DataError` when x or the weights are not such.
        """
        points = np.ascontiguousarray(as_points(x))
        if sample_weight is None:
            return cls(points, None, names)
        return cls(points, as_sample_weight(sample_weight, len(points)), names)

    @classmethod
    def of_block(cls, block: Block, names: tuple[str, ...] = ()) -> ArraySource:
        """Rows that have been read, as they are."""
        return cls(np.ascontiguousarray(block.points), block.sample_weight, names, block.place)

    @property
    def column_names(self) -> tuple[str, ...]:
        """(d,) the names, or x, or x1 to xd, where there are none."""
        return self.names or default_names(self.n_features)

    @property
    def n_rows(self) -> int:
        return len(self.points)

    @property
    def n_features(self) -> int:
        return int(self.points.shape[1])

    @property
    def dtype(self) -> np.dtype[np.floating]:
        return self.points.dtype

    @property
    def block(self) -> Block:
        """All rows as one block: an array in memory can afford it."""
        return Block(self.points, self.sample_weight, self.place)

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        """In blocks as of a file read in pieces, so that the bits are the same."""
        block, n_rows = self.block, block_rows(self.n_features)
        if block.n_rows <= n_rows:
            return map_block(block)
        placed = replace(block, place=self.place or Place.whole(self.names))
        return merge((map_block(placed.rows(start, start + n_rows))
                      for start in range(0, block.n_rows, n_rows)), zero)

    def sample(self, n: int, seed: int) -> Block:
        if self.n_rows <= n:
            return self.block
        rows = sampled_rows(self.n_rows, n, seed)
        weight = self.sample_weight
        return Block(self.points[rows], None if weight is None else weight[rows])

    def whole(self, most: int) -> Block | None:
        return self.block if self.n_rows <= most else None
