"""Where bins are to be narrow and where they may be wide."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emix.arrays import Floats, Labels

if TYPE_CHECKING:
    from emix.mixture import Mixture

# Bins to a standard deviation, from the most exact down: what a bin costs the log-likelihood goes
# with the fourth power, 1e-11 nats per point at 64 and 4e-9 at 16.
FINENESS = (64, 32, 16)
# In how many standard deviations about a component its bins are used: beyond, its density is less
# than 1e-21 of what it is in the middle.
REACH = 10.0
# Between wide bins and narrow ones in their midst come some each 2^DEGREES narrower than the last.
DEGREES = 4
# The exponent of the narrowest bins: a few more, and no double would be their number.
NARROWEST = -1000
# Bins that a pass counts into directly. Points elsewhere, far out or in a gap, are few.
MOST_BINS = 1 << 15


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The line in s segments, each in bins of one width.

    edges (s − 1,)  between segments; each a whole number of bins of both neighbours, which may be
                    as wide as each other: a gap between components is a segment of its own
    exponent (s,)   bins of 2^exponent, in units of the data
    """

    edges: Floats
    exponent: Labels

    @classmethod
    def uniform(cls, exponent: int) -> Grid:
        """One width everywhere."""
        return cls(np.zeros(0), np.array([exponent]))

    @classmethod
    def of_components(cls, means: Floats, sds: Floats, fineness: int) -> Grid:
        """Bins no wider than sd / fineness about each component, in units of the data."""
        widest_first = sorted(zip(means.tolist(), sds.tolist(), strict=True),
                              key=lambda component: -component[1])
        exponents = [
            max(math.floor(math.log2(sd / fineness)) if sd / fineness > 0 else NARROWEST, NARROWEST)
            for _, sd in widest_first
        ]
        pieces = [Piece(-math.inf, math.inf, exponents[0], False)]
        for (mean, sd), exponent in zip(widest_first, exponents, strict=True):
            # By degrees, or one bin of the wide ones about it would be all in narrow ones.
            for level in (*range(exponents[0] - DEGREES, exponent, -DEGREES), exponent):
                pieces = _with(pieces, mean - REACH * sd, mean + REACH * sd, level)
        edges = np.array([piece.low for piece in pieces[1:]])
        return cls(edges, np.array([piece.exponent for piece in pieces]))

    def exponent_at(self, x: Floats) -> Labels:
        """The exponent of the bins where points (n,) are."""
        exponents: Labels = self.exponent[np.searchsorted(self.edges, x, side="right")]
        return exponents

    def table(self, low: float, high: float) -> Table:
        """Bins that are counted into directly, for most data between low and high."""
        return Table.of(self, low, high)


class Piece(NamedTuple):
    """Of the line, in bins of one width; reached by a component, or in a gap between them."""

    low: float
    high: float
    exponent: int
    reached: bool


def _with(pieces: Iterable[Piece], low: float, high: float, exponent: int) -> list[Piece]:
    """Pieces of the line with what is reached from low to high in bins no wider than 2^exponent,
    rounded outward to whole bins of what was there."""
    new: list[Piece] = []

    def add(piece: Piece) -> None:
        if new and new[-1][2:] == piece[2:]:
            new[-1] = new[-1]._replace(high=piece.high)
        elif piece.low < piece.high:
            new.append(piece)

    for piece in pieces:
        width = math.ldexp(1.0, max(piece.exponent, exponent))
        begin = min(max(math.floor(low / width) * width, piece.low), piece.high)
        end = max(min(math.ceil(high / width) * width, piece.high), piece.low)
        add(piece._replace(high=begin))
        add(Piece(begin, end, min(piece.exponent, exponent), True))
        add(piece._replace(low=max(begin, end)))
    return new


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """A grid as a pass uses it: in segment j the point x is in bin ⌊x · scale_j⌋ + base_j of
    `count`; segments without bins of the table have scale 0 and base `count`.

    exponent, index (count,) say which bins those are.
    """

    edges: Floats
    scale: Floats
    base: Floats
    exponent: Labels
    index: Floats

    @property
    def count(self) -> int:
        return len(self.index)

    @classmethod
    @np.errstate(over="ignore", invalid="ignore")
    def of(cls, grid: Grid, low: float, high: float) -> Table:
        """The segments that fit in, those with the narrowest bins first: there data is dense."""
        widths = np.ldexp(1.0, grid.exponent_at(np.array([low, high])))
        ends = np.floor(low / widths[0]) * widths[0], (np.floor(high / widths[1]) + 1) * widths[1]
        within = grid.edges[(grid.edges > ends[0]) & (grid.edges < ends[1])]
        edges = np.concatenate([[ends[0]], within, [ends[1]]])
        # What is below the first edge, between each two, and above the last.
        exponent = grid.exponent_at(np.concatenate([[-np.inf], edges]))
        scale = np.ldexp(1.0, -exponent)
        first = np.concatenate([[np.nan], edges]) * scale
        counts = np.concatenate([edges, [np.nan]]) * scale - first
        # Whole numbers have to be that: beyond 2^52 doubles are too far apart.
        counts[~(np.maximum(abs(first), abs(first + counts)) < 2.0**51)] = np.inf
        taken = np.zeros(len(counts), bool)
        for j in np.lexsort((counts, exponent)):
            taken[j] = counts[taken].sum() + counts[j] <= MOST_BINS
        return cls._of_segments(edges, exponent, first, np.where(taken, counts, 0))

    @classmethod
    def _of_segments(
        cls, edges: Floats, exponent: Labels, first: Floats, counts: Floats
    ) -> Table:
        """Segments of so many bins, from index `first`; those of 0 bins are left out."""
        taken, each = counts > 0, counts.astype(np.int64)
        offset, total = np.cumsum(each) - each, int(each.sum())
        start = np.where(taken, offset - np.where(taken, first, 0.0), 0.0)
        return cls(
            edges,
            np.where(taken, np.ldexp(1.0, -exponent), 0.0),
            np.where(taken, start, float(total)),
            np.repeat(exponent, each),
            np.arange(total) - np.repeat(start, each),
        )


def grid_for(mixtures: Iterable[Mixture], fineness: int) -> Grid:
    """A grid for all the components of some mixtures, which are in units of the data."""
    each = list(mixtures)
    return Grid.of_components(
        np.concatenate([m.means[:, 0] for m in each]), np.concatenate([m.sds for m in each]),
        fineness,
    )
