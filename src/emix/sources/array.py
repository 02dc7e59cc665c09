"""An array in memory, with or without row weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Block, as_points, as_sample_weight
from emix.names import default_names
from emix.sources.protocol import M, merge

if TYPE_CHECKING:
    from emix.arrays import Floats, Points

# Rows per block. The native kernel divides a block among threads itself, so blocks are large;
# that there are blocks at all keeps the merge tree the same as that of a file read in pieces.
BLOCK_ROWS = 1 << 22


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """Points (n, d), if weighted their weights (n,), and the names (d,) of the columns if any.

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
        return Block(self.points, self.sample_weight)

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        block = self.block
        if block.n_rows <= BLOCK_ROWS:
            return map_block(block)
        parts = [
            map_block(block.rows(start, start + BLOCK_ROWS))
            for start in range(0, block.n_rows, BLOCK_ROWS)
        ]
        return merge(parts, zero)

    def sample(self, n: int, seed: int) -> Block:
        if self.n_rows <= n:
            return self.block
        rows = np.random.default_rng(seed).choice(self.n_rows, n, replace=False, shuffle=False)
        rows.sort()
        weight = self.sample_weight
        return Block(self.points[rows], None if weight is None else weight[rows])
