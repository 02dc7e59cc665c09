"""Passes over the data that count it into bins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Block
from emix.compression.bins import Bins
from emix.compression.grid import MOST_BINS, NARROWEST, Grid, Table
from emix.kernels import NATIVE

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.arrays import Floats, Points
    from emix.sources.protocol import Source

# Rows that NumPy works on at once: bounds what it makes of them, and fixes the bits.
ROWS = 1 << 15
# Bins that a stream may fill: enough for the middle of the heaviest tails to stay narrow.
STREAM_BINS = 1 << 16


def gather(source: Source, grid: Grid, low: float, high: float, threads: int = 1) -> Bins:
    """The column of a source counted into the bins of a grid, in one pass; most of it lies
    between low and high.

    The native kernel works where it lies; nothing here is as long as the data. Raises `DataError`
    for values that are not finite, or too large for bins so narrow.
    """
    return source.reduce(Count(grid, grid.table(low, high), threads), Bins.zero())


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """From block to the `Bins` of a grid, most of them in a table of it."""

    grid: Grid
    table: Table
    threads: int = 1

    def __call__(self, block: Block) -> Bins:
        return _counted(block, self.grid, self.table, self.threads)


def gather_stream(blocks: Iterable[Block], most: int = STREAM_BINS, threads: int = 1) -> Bins:
    """A stream of one-column blocks, in one pass: at most `most` bins of one width, the narrowest
    that are enough, whatever the range will have been.

    How the stream is divided into blocks does not change the bins, nor by more than rounding the
    sums: streams of which each was gathered apart add up, and `fitting(most)` makes of the sum what
    one stream of all would have been.

    >>> import numpy as np
    >>> from emix.arrays import Block
    >>> from emix.compression import gather_stream
    >>> days = (Block(np.random.default_rng(day).normal(size=(1000, 1))) for day in range(30))
    >>> month = gather_stream(days, most=100)
    >>> len(month) <= 100, month.weight
    (True, 30000.0)
    """
    total = Bins.zero()
    for block in blocks:
        if block.n_rows == 0:
            continue
        few = block.rows(0, ROWS)
        if len(total) == 0:
            total = Bins.of(few.points[:, 0], few.sample_weight, _narrowest(few)).fitting(most)
            block = block.rows(ROWS, block.n_rows)
        for rows in (block.rows(at, at + 64 * ROWS) for at in range(0, block.n_rows, 64 * ROWS)):
            total = (total + _like(total, rows, threads)).fitting(most)
    return total


def _narrowest(block: Block) -> int:
    """The exponent of bins so narrow that the largest number can still be counted in them."""
    return int(np.frexp(np.abs(block.points).max(initial=0.0))[1]) + NARROWEST


def _like(total: Bins, block: Block, threads: int) -> Bins:
    """A block in bins as wide as the widest so far."""
    exponent = max(int(total.exponent.max(initial=NARROWEST)), _narrowest(block))
    grid = Grid.uniform(exponent)
    cumulative = np.cumsum(total.sums[:, 0])
    middle = float(total.lower[np.searchsorted(cumulative, cumulative[-1] / 2)])
    reach = np.ldexp(MOST_BINS / 2 - 2, exponent)
    table = grid.table(max(middle - reach, float(total.lower[0])),
                       min(middle + reach, float(total.lower[-1])))
    return _counted(block, grid, table, threads)


def _counted(block: Block, grid: Grid, table: Table, threads: int) -> Bins:
    if NATIVE is None:
        return _portably(block, grid)
    x = np.ascontiguousarray(block.points[:, 0])
    sums, outside = _native.bins(
        x, block.sample_weight, table.edges, table.scale, table.base, table.count, threads
    )
    filled = sums[:, 0] > 0
    counted = Bins(table.exponent[filled], table.index[filled], sums[filled])
    return counted + _outside(block, grid, table) if outside else counted


def _portably(block: Block, grid: Grid) -> Bins:
    total = Bins.zero()
    for start in range(0, block.n_rows, ROWS):
        rows = block.rows(start, start + ROWS)
        total += _of_points(rows.points[:, 0], rows.sample_weight, grid)
    return total


def _outside(block: Block, grid: Grid, table: Table) -> Bins:
    """What is in none of a table's bins."""
    total = Bins.zero()
    for start in range(0, block.n_rows, ROWS):
        rows = block.rows(start, start + ROWS)
        x, w = rows.points[:, 0], rows.sample_weight
        missed = table.scale[np.searchsorted(table.edges, x, side="right")] == 0
        if missed.any():
            total += _of_points(x[missed], None if w is None else w[missed], grid)
    return total


def _of_points(x: Points, w: Floats | None, grid: Grid) -> Bins:
    z = np.asarray(x, np.float64)
    return Bins.of(z, w, grid.exponent_at(z))
