"""The largest value of D(u) = Σ b φ(t − u) over all u, bounded from above in floating point.

φ is the standard normal density and b > 0. Everything is in units of σ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats, Order

PEAK = 1 / math.sqrt(2 * math.pi)
ROUNDING = 2.0**-52
# Cells are at most 1/4 wide, and D is a Taylor polynomial in each: what is left out is at most
# 9!! φ(0) / 10! · (1/8)¹⁰ < 1e-13 of the mass nearby, for |φ⁽ᵖ⁾| is largest at 0 when p is even.
ORDER, HALF_WIDTH = 10, 0.125
LEFT_OUT = 945 * PEAK / math.factorial(ORDER)
# Masses further than this from a cell are not summed: φ(9.5) < 1.1e-20 of them is added instead.
WINDOW, BEYOND = 10.0, 1.1e-20
# A maximum lies within 2 of some mass (see `cover`); in lumps, that much further from a node.
REACH = 2.5
# Cells whose masses are summed together.
TOGETHER = 24
FINE, FINEST = 64, 16384


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Intervals [centre − half, centre + half], each array (m,), centres ascending."""

    centres: Floats
    halves: Floats

    @classmethod
    def cover(cls, nodes: Floats, margin: float = 0.0) -> Cells:
        """Cells in which D has its maximum, for masses within `margin` of the sorted nodes (m,).

        Beyond the outermost masses D falls. In a gap between masses at p < q, all of those at p
        and below are at distance ≥ u − p, so D(u) ≤ D(p) exp(−(u−p)²/2) + D(q) exp(−(q−u)²/2):
        2 or more from both, that is less than 0.28 of the maximum.
        """
        breaks = np.flatnonzero(np.diff(nodes) > 2 * REACH)
        starts = np.concatenate([[nodes[0] - margin], nodes[breaks + 1] - REACH])
        ends = np.concatenate([nodes[breaks] + REACH, [nodes[-1] + margin]])
        counts = np.maximum(np.ceil((ends - starts) / (2 * HALF_WIDTH)), 1.0).astype(np.int64)
        halves = np.repeat((ends - starts) / (2 * counts), counts)
        place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        # A little wider than they are apart, so that no rounding leaves a slit between two.
        with np.errstate(under="ignore"):
            wider = halves * (1 + 2.0**-20)
        return cls(np.repeat(starts, counts) + (2 * place + 1) * halves, wider)

    def windows(self, nodes: Floats) -> Iterator[tuple[slice, slice]]:
        """Neighbouring cells together, and the sorted nodes that are summed for them."""
        centres = self.centres
        start = 0
        while start < len(centres):
            stop = min(start + TOGETHER, len(centres))
            near = centres[start] + 2 * HALF_WIDTH * TOGETHER
            stop = start + int(np.searchsorted(centres[start:stop], near, side="right"))
            first, last = np.searchsorted(
                nodes, [centres[start] - WINDOW, centres[stop - 1] + WINDOW])
            yield slice(start, stop), slice(int(first), int(last))
            start = stop


@dataclass(frozen=True, eq=False)
class Taylor:
    """D on cells: coefficients (m, ORDER) in powers of (u − centre) / half."""

    cells: Cells
    coefficients: Floats

    @classmethod
    def of(cls, nodes: Floats, masses: Floats, cells: Cells) -> Taylor:
        """φ(x − τ) = φ(x) Σ He_p(x) τᵖ / p! with Hermite's polynomials He_p."""
        coefficients = np.empty((len(cells.centres), ORDER))
        for chunk, inside in cells.windows(nodes):
            coefficients[chunk] = _hermite_sums(nodes[inside], masses[inside],
                                                cells.centres[chunk])
        coefficients *= cells.halves[:, None] ** np.arange(ORDER)
        return cls(cells, coefficients)

    def values(self, parts: int) -> Floats:
        """D at parts + 1 equally spaced places in each cell, ends included: (m, parts + 1)."""
        places = np.linspace(-1.0, 1.0, parts + 1)
        values: Floats = self.coefficients @ (places ** np.arange(ORDER)[:, None])
        return values

    @cached_property
    def curvature(self) -> Floats:
        """(m,) a bound on |d²/dτ²| of the polynomial over −1 ≤ τ ≤ 1, the cell."""
        p = np.arange(ORDER)
        bound: Floats = np.abs(self.coefficients) @ (p * (p - 1.0))
        return bound

    def peaks_near(self, cells: Order, places: Floats, step: float) -> tuple[Floats, Floats]:
        """Newton's way from places in −1 ≤ τ ≤ 1 of some cells to the local maxima at most a step
        away, and the values there; where there is none, the place itself."""
        p = np.arange(ORDER)
        coefficients, tau = self.coefficients[cells], places
        for _ in range(3):
            slope = _polynomial(coefficients[:, 1:] * p[1:], tau)
            bend = _polynomial(coefficients[:, 2:] * (p * (p - 1.0))[2:], tau)
            move = -slope / np.where(bend < 0, bend, -np.inf)
            tau = np.clip(tau + move, places - step, places + step)
        values = np.maximum(_polynomial(coefficients, tau), _polynomial(coefficients, places))
        return self.cells.centres[cells] + self.cells.halves[cells] * tau, values

    def chosen(self, cells: Order) -> Taylor:
        """The same of some of the cells only."""
        some = Cells(self.cells.centres[cells], self.cells.halves[cells])
        return Taylor(some, self.coefficients[cells])


def _within(nodes: Floats, masses: Floats, cells: Cells) -> Floats:
    """(m,) the mass that is summed for each cell."""
    within = np.zeros(len(cells.centres))
    for chunk, inside in cells.windows(nodes):
        within[chunk] = masses[inside].sum()
    return within


def _parts(fourth: float) -> int:
    """Parts p for which (2/p)² times `fourth` is at most 1, within limits."""
    return int(min(max(2 * math.sqrt(fourth), FINE), FINEST))


def _polynomial(coefficients: Floats, places: Floats) -> Floats:
    """One polynomial (m, p) at each place (m,), by Horner's rule."""
    value = np.zeros(len(places))
    for column in coefficients.T[::-1]:
        value = value * places + column
    return value


def _hermite_sums(nodes: Floats, masses: Floats, centres: Floats) -> Floats:
    """Σ b φ(x) He_p(x) / p! about each centre, x = node − centre: (cells, ORDER)."""
    x = nodes - centres[:, None]
    before = np.exp(-0.5 * x * x) * (PEAK * masses)
    now = x * before
    sums = np.empty((len(centres), ORDER))
    sums[:, 0], sums[:, 1] = before.sum(axis=1), now.sum(axis=1)
    for p in range(2, ORDER):
        before, now = now, x * now - (p - 1) * before
        sums[:, p] = now.sum(axis=1) / math.factorial(p)
    return sums


# What a far node adds to D, or a high power of a narrow cell, may be less than any double, and less
# than the rounding that is added.
@np.errstate(under="ignore")
def supremum(
    nodes: Floats, masses: Floats, remainders: Floats, margin: float, error: float,
    tolerance: float,
) -> float:
    """A number that D(u) exceeds nowhere.

    nodes, masses : (m,) sorted places and masses that stand for the true ones
    remainders : (m,) how far, at most, the true masses near a node differ from it in D anywhere
    margin : how far, at most, a true mass is from its node
    error : relative errors of D through masses and places, other than the sums' rounding
    tolerance : how much may be given away, relative to D, where a finer grid can avoid it

    In each cell the polynomial is at most its largest value on a grid of step δ plus δ²/8 times
    its largest second derivative. Rounding: with m the number of terms, Σ|terms| of the polynomial
    in a cell is at most e^{r²} (D(c − r) + D(c + r)), so errors are below 2.1 (m + 400) 2⁻⁵² of
    the supremum itself, and solving for that puts them into the denominator.
    """
    taylor = Taylor.of(nodes, masses, Cells.cover(nodes, margin))
    near = _within(nodes, masses, taylor.cells)
    rest = near * LEFT_OUT * HALF_WIDTH**ORDER * (1 + 2.0**-16)
    rest += _within(nodes, remainders, taylor.cells)
    values = taylor.values(FINE).max(axis=1)
    bounds = values + taylor.curvature * (2 / FINE) ** 2 / 8 + rest
    open_cells = np.flatnonzero(bounds > values.max() * (1 + tolerance))
    for some in np.array_split(open_cells, max(1, -(-len(open_cells) // TOGETHER))):
        part = taylor.chosen(some)
        parts = _parts(part.curvature.max(initial=0.0) / (8 * tolerance * float(values.max())))
        finer = part.values(parts).max(axis=1, initial=0.0)
        bounds[some] = finer + part.curvature * (2 / parts) ** 2 / 8 + rest[some]
    highest = float(bounds.max()) + BEYOND * float(masses.sum())
    rounding = 2.1 * (len(nodes) + 400) * ROUNDING
    return highest * (1 + error) * (1 + 2 * rounding + 8 * ROUNDING)
