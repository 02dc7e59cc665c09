"""What a source of data owes the rest of the house.

A source owns *where* work runs: the EM loop hands it a map from block to monoid and gets the
merged value back. Block boundaries and the order of merging are fixed by the data, never by the
number of threads or workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Block, Order


class Monoid(Protocol):
    """A value that merges: associative, and commutative up to rounding."""

    def __add__(self, other: Self, /) -> Self: ...


M = TypeVar("M", bound=Monoid)


class Source(Protocol):
    """Rows of data, wherever they are. A block that `map_block` is given is good for that call."""

    @property
    def n_features(self) -> int: ...

    @property
    def dtype(self) -> np.dtype[np.floating]: ...

    @property
    def column_names(self) -> tuple[str, ...]:
        """(d,)"""
        ...

    @property
    def n_rows(self) -> int:
        """How many rows there are, known from the first pass where nothing says so before."""
        ...

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        """map_block over all blocks, merged in a fixed tree; `zero` when there are none.

        What is mapped can be pickled: it may go to another process, or another machine."""
        ...

    def sample(self, n: int, seed: int) -> Block:
        """At most n rows without replacement, those of `sampled_rows`; all if n is enough."""
        ...

    def whole(self, most: int) -> Block | None:
        """All rows, where they are no more than `most`; else None, soon."""
        ...


# Numbers in a block at most, where rows have few columns: 32 MiB of doubles. The native kernel
# divides a block among threads itself, so blocks are large; and no block is of fewer rows than
# a search looks at.
BLOCK_NUMBERS = 1 << 22
LEAST_ROWS = 1 << 14
# A block is of whole panels and granules of the kernel's.
GRANULE = 1 << 12


def block_rows(n_features: int) -> int:
    """Rows in a block: wherever rows lie in an order, they are divided into blocks of so many."""
    return max(BLOCK_NUMBERS // n_features // GRANULE * GRANULE, LEAST_ROWS)


def sampled_rows(n_rows: int, n: int, seed: int) -> Order:
    """Which n of n_rows rows a sample holds, ascending: it does not matter where they lie."""
    rows = np.random.default_rng(seed).choice(n_rows, n, replace=False, shuffle=False)
    rows.sort()
    return rows


def merge(parts: Iterable[M], zero: M) -> M:
    """Pairwise merging, neighbours first: the tree depends on the number of parts alone.

    Of parts that come one by one no more are held than the logarithm of their number.
    """
    # Trees of 2^level parts, their levels descending.
    trees: list[tuple[int, M]] = []
    for part in parts:
        level = 0
        while trees and trees[-1][0] == level:
            part = trees.pop()[1] + part
            level += 1
        trees.append((level, part))
    if not trees:
        return zero
    merged = trees.pop()[1]
    while trees:
        merged = trees.pop()[1] + merged
    return merged
