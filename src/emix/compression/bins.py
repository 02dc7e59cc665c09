"""Bins: a column counted on the dyadic lines of all powers of two, as a monoid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Labels
from emix.errors import DataError

if TYPE_CHECKING:
    from emix.arrays import Points

# What has no more variance than this, in widths of its bin, is one value: rounding in the sums
# of a hundred thousand equal ones. To a component as wide as a bin it is 6e-11 nats per point.
ONE_VALUE = 2.0**-33
# Of a sum of so many squares, as a share of it.
ROUNDING = 2.0**-44
# What underflows is 0 beside 1, and what overflows is seen to be not finite.
IN_RANGE = np.errstate(over="ignore", under="ignore", invalid="ignore")


@dataclass(frozen=True, slots=True, eq=False)
class Bins:
    """What stands in each of m bins, none of them empty, from below.

    exponent, index (m,)  bin [index · 2^exponent, (index + 1) · 2^exponent), in units of the data;
                          index is a whole number in a double, so no range is too wide for it
    sums (m, 4)           Σ w v^p for p = 0 to 3, with v = x / 2^exponent − index

    Two bins on these lines are nested or apart. So where two compressions meet, of whatever widths,
    the wider bin takes the narrower ones in, and what it then holds is what it would have counted
    itself: bins merge as sets do, exactly, and sums to a rounding. v is exact, however far from 0
    the data lies: scaling by a power of two and taking off the whole part round nothing.
    """

    exponent: Labels
    index: Floats
    sums: Floats

    @classmethod
    @cache
    def zero(cls) -> Bins:
        """Nothing counted."""
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)))

    @classmethod
    @IN_RANGE
    def of(cls, x: Points, sample_weight: Floats | None, exponent: Labels | int) -> Bins:
        """Points (n,) with weights (n,), each counted in a bin of 2^exponent; exponent (n,) or one
        for all, and the bins it makes nested or apart.

        Raises `DataError` for what is not finite, here or in so narrow a bin.
        """
        x = np.asarray(x, np.float64)
        exponents = np.broadcast_to(np.asarray(exponent, np.int64), x.shape)
        if sample_weight is not None:
            counted = sample_weight > 0
            x, exponents, sample_weight = x[counted], exponents[counted], sample_weight[counted]
        place = np.ldexp(x, -exponents)
        if not np.isfinite(place).all():
            raise DataError("x holds a value that is not finite, or too large for bins so narrow")
        index = np.floor(place)
        v = place - index
        order = np.lexsort((index, np.ldexp(index, exponents)))
        index, exponents, v = index[order], exponents[order], v[order]
        w = np.ones(len(v)) if sample_weight is None else sample_weight[order]
        if len(v) == 0:
            return cls.zero()
        terms = w[:, None] * v[:, None] ** np.arange(4)
        first = np.ones(len(v), bool)
        first[1:] = (index[1:] != index[:-1]) | (exponents[1:] != exponents[:-1])
        starts = np.flatnonzero(first)
        return cls(exponents[starts], index[starts], np.add.reduceat(terms, starts))

    def __len__(self) -> int:
        return len(self.index)

    @property
    def lower(self) -> Floats:
        """(m,) lower edges, in units of the data."""
        return np.ldexp(self.index, self.exponent)

    @property
    def weight(self) -> float:
        """Σ w"""
        return float(self.sums[:, 0].sum())

    def __add__(self, other: Bins) -> Bins:
        """Both together, in the wider bins where bins are nested."""
        if len(self) == 0 or len(other) == 0:
            return other if len(self) == 0 else self
        if np.array_equal(self.index, other.index) and \
                np.array_equal(self.exponent, other.exponent):
            return Bins(self.exponent, self.index, self.sums + other.sums)
        return _merged(
            np.concatenate([self.exponent, other.exponent]),
            np.concatenate([self.index, other.index]),
            np.concatenate([self.sums, other.sums]),
        )

    @IN_RANGE
    def coarsened(self, exponent: int) -> Bins:
        """The same in bins no narrower than 2^exponent."""
        by = np.maximum(exponent - self.exponent, 0)
        if not by.any():
            return self
        index = np.floor(np.ldexp(self.index, -by))
        beyond = np.ldexp(self.index, -by) - index
        return _merged(self.exponent + by, index, _within(self.sums, np.ldexp(1.0, -by), beyond))

    def fitting(self, most: int) -> Bins:
        """The same in `most` bins or fewer (or 2: none holds both sides of 0), all as wide as the
        widest: the narrowest that do.

        Which bins those are depends on the points alone, not on how they were divided among what
        was merged: more points never need narrower bins.
        """
        if len(self) == 0:
            return self
        low, step, most = int(self.exponent.max()), 1, max(most, 2)
        alike = self.coarsened(low)
        if len(alike) <= most:
            return alike
        while alike._count_at(low + step) > most:
            low, step = low + step, 2 * step
        high = low + step
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if alike._count_at(middle) <= most else (middle, high)
        return alike.coarsened(high)

    def _count_at(self, exponent: int) -> int:
        """How many bins of 2^exponent, all of these being one narrower width, come to."""
        index = np.floor(np.ldexp(self.index, self.exponent - exponent))
        return 1 + int(np.count_nonzero(np.diff(index)))

    @IN_RANGE
    def widened(self) -> Bins:
        """The same in bins twice as wide."""
        if len(self) == 0:
            return self
        half = np.ldexp(self.index, -1)
        index = np.floor(half)
        return _merged(self.exponent + 1, index, _within(
            self.sums, np.full(len(self), 0.5), half - index))

    @IN_RANGE
    def moments(self) -> tuple[Floats, Floats, Floats]:
        """Mean, variance and third central moment of each bin (m,), in widths from its lower
        edge; the variance is 0 where the bin holds one value, as far as can be told."""
        first, second, third = (self.sums[:, 1:] / self.sums[:, :1]).T
        variance = second - first**2
        variance = np.where(variance <= ONE_VALUE, 0.0, variance)
        return first, variance, third - 3 * first * second + 2 * first**3

    @IN_RANGE
    def most_spread(self) -> Floats:
        """The largest standard deviation that each bin may have for all that its sums say, (m,),
        in widths: rounding can hide a small one, though not at the bin's lower edge."""
        _, first, second, _ = (self.sums / self.sums[:, :1]).T
        spread: Floats = np.sqrt(np.maximum(second - first**2, ROUNDING * second))
        return spread


def _within(sums: Floats, scale: Floats, beyond: Floats) -> Floats:
    """Σ w (a v + b)^p from Σ w v^p, with a and b (m,)."""
    zeroth, first, second, third = sums.T
    a, b = scale, beyond
    return np.stack([
        zeroth,
        a * first + b * zeroth,
        a**2 * second + 2 * a * b * first + b**2 * zeroth,
        a**3 * third + 3 * a**2 * b * second + 3 * a * b**2 * first + b**3 * zeroth,
    ], axis=1)


@IN_RANGE
def _merged(exponent: Labels, index: Floats, sums: Floats) -> Bins:
    """Bins in any order, those inside others taken in."""
    lower = np.ldexp(index, exponent)
    order = np.lexsort((-exponent, lower))
    exponent, index, sums, lower = exponent[order], index[order], sums[order], lower[order]
    upper = np.ldexp(index + 1, exponent)
    reached = np.maximum.accumulate(upper)[:-1]
    # Far out a bin can be narrower than the step from its edge to the next double.
    leads = np.concatenate([[True], (lower[1:] >= reached) & (lower[1:] > lower[:-1])])
    starts = np.flatnonzero(leads)
    leader = starts[np.cumsum(leads) - 1]
    by = exponent[leader] - exponent
    inside = by > 0
    if inside.any():
        at = leader[inside]
        beyond = np.ldexp(lower[inside] - lower[at], -exponent[at])
        sums = sums.copy()
        sums[inside] = _within(sums[inside], np.ldexp(1.0, -by[inside]), beyond)
    return Bins(exponent[starts], index[starts], np.add.reduceat(sums, starts))
