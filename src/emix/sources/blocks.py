"""Blocks that a function of the user's makes anew for every pass over the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from emix.arrays import Block, Place
from emix.errors import DataError, ParameterError
from emix.sources.array import ArraySource
from emix.sources.opening import open_source
from emix.sources.streamed import Pieces, Streamed


class BlocksSource(Streamed):
    """What each call of `make` yields: arrays (m, d) or (m,), frames, Arrow tables, of any number
    of rows each, the same on every call.

    `columns` and the name of a column of weights are chosen in each of them as in `fit`. `make` is
    called once to look at the first block. Raises `DataError` where there is none.

    >>> import numpy as np
    >>> days = lambda: (np.random.default_rng(day).normal(size=1000) for day in range(30))
    >>> source = BlocksSource(days)
    >>> source.n_features, source.n_rows
    (1, 30000)
    """

    def __init__(
        self, make: Callable[[], Iterable[object]], sample_weight: object = None,
        columns: object = None,
    ) -> None:
        if sample_weight is not None and not isinstance(sample_weight, str):
            raise ParameterError("sample_weight of rows that come in blocks is the name of a "
                                 "column; one weight for each row would have to come with them")
        self._make, self._weight, self._columns = make, sample_weight, columns
        first = next(iter(islice(self._blocks(), 1)), None)
        if first is None:
            raise DataError("x yields no blocks; expected a function that on every call returns an "
                            "iterator of arrays, frames or Arrow tables")
        super().__init__("x", first.column_names, first.dtype, first.sample_weight is not None)

    def _blocks(self) -> Iterable[ArraySource]:
        for number, given in enumerate(self._make()):
            try:
                yield open_source(given, self._weight, self._columns)[0]
            except DataError as reason:
                raise DataError(f"block {number}: {reason}") from None

    def pieces(self) -> Pieces:
        for number, block in enumerate(self._blocks()):
            if block.column_names != self.column_names:
                raise DataError(f"block {number} has the columns {', '.join(block.column_names)}; "
                                f"expected those of the first, {', '.join(self.column_names)}")
            if block.dtype.itemsize > self.dtype.itemsize:
                raise DataError(f"block {number} is {block.dtype}, the first {self.dtype}: give "
                                f"all in the wider one")
            yield Block(block.points, block.sample_weight,
                        Place(((0, f"block {number}", 0),), block.names))


