"""Spark's data frames as a source: the same reduce, run by Spark.

Blocks are of the rows of one partition, in their order; they merge in the order of partitions and
blocks, so that the same partitions give the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Block, Place
from emix.engines import spark as engine
from emix.errors import DataError, ParameterError
from emix.sources.choosing import position_of, positions_of
from emix.sources.protocol import M, block_rows, merge, sampled_rows
from emix.sources.several import with_threads

if TYPE_CHECKING:
    from emix.arrays import Floats, Order, Points

    # Partition and block.
    Where = tuple[int, int]


class SparkSource:
    """Some columns of a data frame of Spark's; see `Source`."""

    def __init__(self, blocks: engine.Blocks, dtype: np.dtype[np.floating],
                 names: tuple[str, ...]) -> None:
        self._blocks, self.dtype, self.column_names = blocks, dtype, names
        self._known: dict[Where, int] | None = None

    @property
    def n_features(self) -> int:
        return len(self.column_names)

    @property
    def n_rows(self) -> int:
        return sum(self._counts().values())

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        asked = _Reduce(with_threads(map_block, 1), self.column_names)
        found: list[M] = self._blocks.each(asked)
        return merge(found, zero)

    def sample(self, n: int, seed: int) -> Block:
        counts = self._counts()
        if sum(counts.values()) <= n:
            return self._rows(dict.fromkeys(counts))
        wanted: dict[Where, Order | None] = {}
        rows, first = sampled_rows(sum(counts.values()), n, seed), 0
        for where, count in counts.items():
            begin, end = np.searchsorted(rows, (first, first + count))
            if begin < end:
                wanted[where] = rows[begin:end] - first
            first += count
        return self._rows(wanted)

    def whole(self, most: int) -> Block | None:
        counts = self._counts()
        return self._rows(dict.fromkeys(counts)) if sum(counts.values()) <= most else None

    def _rows(self, wanted: dict[Where, Order | None]) -> Block:
        return Block.joined([Block(*rows) for rows in self._blocks.each(_Take(wanted))])

    def _counts(self) -> dict[Where, int]:
        if self._known is None:
            self._known = self._blocks.counts()
            if not sum(self._known.values()):
                raise DataError("x holds no rows; at least one is needed")
        return self._known


def open_frame(
    x: Any, sample_weight: object = None, columns: list[str | int] | None = None
) -> SparkSource:
    """A source over a data frame of Spark's, which keeps a copy of the columns while there is one.

    Raises `DataError` for columns that are not there or do not hold numbers, and `ParameterError`.
    """
    if sample_weight is not None and not isinstance(sample_weight, str):
        raise ParameterError("sample_weight of a data frame of Spark's is the name of a column")
    given = tuple(x.columns)
    at = None if sample_weight is None else position_of(sample_weight, given)
    names = tuple(given[j] for j in positions_of(columns, given, at))
    engine.refuse_text(x, names if sample_weight is None else (*names, sample_weight))
    blocks = engine.Blocks(x, names, sample_weight, block_rows(len(names)))
    return SparkSource(blocks, engine.dtype_of(x, names), names)


@dataclass(frozen=True, slots=True)
class _Reduce:
    """A map from block to monoid, asked of a block on a worker of Spark's."""

    map_block: Callable[[Block], Any]
    names: tuple[str, ...]

    def __call__(self, where: Where, first: int, points: Points, weight: Floats | None) -> Any:
        place = Place(((0, f"partition {where[0]}", first),), self.names)
        return self.map_block(Block(points, weight, place))


@dataclass(frozen=True, slots=True)
class _Take:
    """Some rows of some blocks, all of a block for None."""

    wanted: dict[Where, Order | None]

    def __call__(
        self, where: Where, first: int, points: Points, weight: Floats | None
    ) -> tuple[Points, Floats | None] | None:
        if where not in self.wanted:
            return None
        rows = self.wanted[where]
        if rows is None:
            return points, weight
        return points[rows], None if weight is None else weight[rows]
