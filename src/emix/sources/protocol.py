"""What a source of data owes the rest of the house.

A source owns *where* work runs: the EM loop hands it a map from block to monoid and gets the
merged value back. Block boundaries and the order of merging are fixed by the data, never by the
number of threads or workers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    import numpy as np

    from emix.arrays import Block


class Monoid(Protocol):
    """A value that merges: associative, and commutative up to rounding."""

    def __add__(self, other: Self, /) -> Self: ...


M = TypeVar("M", bound=Monoid)


class Source(Protocol):
    """Rows of data, wherever they are."""

    @property
    def n_features(self) -> int: ...

    @property
    def dtype(self) -> np.dtype[np.floating]: ...

    def reduce(self, map_block: Callable[[Block], M], zero: M) -> M:
        """map_block over all blocks, merged in a fixed tree; `zero` when there are none."""
        ...

    def sample(self, n: int, seed: int) -> Block:
        """At most n rows without replacement, the same for the same seed; all if n is enough."""
        ...


def merge(parts: list[M], zero: M) -> M:
    """Pairwise merging, neighbours first: the tree depends on the number of parts alone."""
    if not parts:
        return zero
    while len(parts) > 1:
        parts = [
            parts[i] + parts[i + 1] if i + 1 < len(parts) else parts[i]
            for i in range(0, len(parts), 2)
        ]
    return parts[0]
