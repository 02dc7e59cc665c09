"""Several questions to the data, answered in one pass over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic

from emix.sources.protocol import M

if TYPE_CHECKING:
    from emix.arrays import Block
    from emix.sources.protocol import Source


@dataclass(frozen=True, slots=True, eq=False)
class Several(Generic[M]):
    """Values side by side, a monoid where each of them is."""

    values: tuple[M, ...]

    def __add__(self, other: Several[M]) -> Several[M]:
        return Several(tuple(a + b for a, b in zip(self.values, other.values, strict=True)))


@dataclass(frozen=True, slots=True, eq=False)
class Each:
    """Maps side by side, from block to `Several`."""

    maps: tuple[Callable[[Block], Any], ...]

    def __call__(self, block: Block) -> Several[Any]:
        return Several(tuple(one(block) for one in self.maps))


def reduce_each(
    source: Source, maps: Sequence[Callable[[Block], M]], zeros: Sequence[M]
) -> tuple[M, ...]:
    """What `source.reduce` makes of each map and its zero, to the bit, all in one pass."""
    if len(maps) == 1:
        return (source.reduce(maps[0], zeros[0]),)
    return source.reduce(Each(tuple(maps)), Several(tuple(zeros))).values


def with_threads(map_block: Any, threads: int) -> Any:
    """The same map, to use so many threads: where tasks share a machine's processors already."""
    if isinstance(map_block, Each):
        return Each(tuple(with_threads(one, threads) for one in map_block.maps))
    return replace(map_block, threads=threads) if hasattr(map_block, "threads") else map_block
