"""The nonparametric maximum likelihood of a mixing distribution, for weighted points and σ = 1.

Kiefer & Wolfowitz (1956, doi:10.1214/aoms/1177728066); that it is convex, with a dual: Lindsay
(1983, doi:10.1214/aos/1176346059), Koenker & Mizera (2014, doi:10.1080/01621459.2013.869224); that
the solution is well behaved and can be certified: Polyanskiy & Sellke (2025, arXiv:2503.20193).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.certificates.quadratic import nonnegative_minimum, solved_positive
from emix.certificates.supremum import PEAK, Cells, Taylor

if TYPE_CHECKING:
    from emix.arrays import Floats

# Nats to the optimum that are small enough.
CLOSE = 1e-3
MOST_STEPS = 100
# So near, Newton's method for all atoms at once is tried now and then; and when as many steps in
# a row have each left more than this share of what is lacking, it is left to that.
NEAR, PATIENCE, SLOW = 1.0, 4, 0.8
# Groups further apart than this do not feel each other: φ(9)/φ(0) = 3e-18.
APART = 9.0
GROUP = 256
# Places in each cell at which a new atom is looked for.
PARTS = 16
EM_STEPS = 10
# An atom of less weight than this is none.
NO_WEIGHT = 1e-14
# Atoms that Newton's method is tried for, all places and weights at once, and its steps.
MOST_POLISHED, POLISHES = 200, 8
# Atoms nearer to each other, in σ, are one.
ONE = 0.01
NOTHING = 1e-100


@dataclass(frozen=True, slots=True, eq=False)
class Atoms:
    """A mixing distribution: places ascending and weights, (j,) each."""

    places: Floats
    weights: Floats

    def between(self, low: float, high: float) -> Atoms | None:
        """Those in an interval or less than 1 beyond, as a distribution; None where there are
        none."""
        inside = (self.places >= low - 1) & (self.places <= high + 1)
        if not inside.any():
            return None
        weights = self.weights[inside]
        return Atoms(np.clip(self.places[inside], low, high), weights / weights.sum())


def maximise_mixing(
    z: Floats, shares: Floats, weight: float, start: Atoms | None = None
) -> Atoms:
    """Atoms whose log-likelihood is within about 1e-3 nats of the largest there is.

    z (m,) ascending, shares (m,) of the total `weight`, summing to 1; `start`, atoms near the best
    if some are known. Groups of points far from each other are solved apart, which costs less and
    changes nothing that can be seen.
    """
    ends = [*_group_ends(z), len(z)]
    places, weights = [], []
    for first, end in zip([0, *ends[:-1]], ends, strict=True):
        share = float(shares[first:end].sum())
        climb = _Climb(z[first:end], shares[first:end] / share, weight)
        solved = climb.run(None if start is None else start.between(z[first], z[end - 1]))
        places.append(solved.places)
        weights.append(solved.weights * share)
    total = np.concatenate(weights)
    return Atoms(np.concatenate(places), total / total.sum())


def _group_ends(z: Floats) -> list[int]:
    ends: list[int] = []
    for gap in np.flatnonzero(np.diff(z) > APART) + 1:
        if gap - (ends[-1] if ends else 0) >= GROUP:
            ends.append(int(gap))
    return ends


class _Climb:
    """Wang's constrained Newton method (2007, doi:10.1111/j.1467-9868.2007.00583.x): all local
    maxima of the gradient function become atoms, the weights maximise the quadratic model of the
    log-likelihood, with a search along the line; atoms of no weight go.

    The quadratic problem is mixSQP's (Kim, Carbonetto, Stephens & Anitescu 2020,
    doi:10.1080/10618600.2019.1689985): −log f with Σ π added to it, which needs no constraint on
    the sum.
    """

    def __init__(self, z: Floats, shares: Floats, weight: float) -> None:
        self.z, self.shares, self.weight = z, shares, weight
        # A little beyond the data, where D falls, so that its outermost maxima lie inside.
        self.cells = Cells.cover(z, margin=0.25)

    def run(self, start: Atoms | None = None) -> Atoms:
        if start is None:
            places = _start(self.z)
            start = Atoms(places, np.full(len(places), 1 / len(places)))
        places = start.places
        weights = self._em(self._densities(places), start.weights, EM_STEPS)
        best, least, stalled = Atoms(places, weights), np.inf, 0
        for step in range(MOST_STEPS):
            weights = weights / weights.sum()
            found, highest = self._maxima(places, weights)
            lacking = self.weight * float(np.log(highest))
            stalled = stalled + 1 if lacking > SLOW * least else 0
            if lacking < least:
                best, least = Atoms(places, weights), lacking
            if lacking < CLOSE or stalled == PATIENCE:
                break
            if lacking < NEAR and step % PATIENCE == 0:
                fewer = self._tidied(best)
                if fewer is not None:
                    return fewer
            places, weights = _joined(places, weights, found)
            weights = self._newton(self._densities(places), weights)
            kept = weights > min(NO_WEIGHT, 1e-3 * float(self.shares.min()))
            places, weights = places[kept], weights[kept]
        return self._tidied(best) or best

    def _densities(self, places: Floats) -> Floats:
        """φ(z − u), (m, j)."""
        x = self.z[:, None] - places
        with np.errstate(under="ignore"):
            densities: Floats = PEAK * np.exp(-0.5 * x * x)
        # Products of these would be denormal, and arithmetic a hundred times slower.
        densities[densities < NOTHING] = 0.0
        return densities

    def _maxima(self, places: Floats, weights: Floats) -> tuple[Floats, float]:
        """Where D(u) = Σ w φ(z − u) / f(z) has local maxima above 1, and the largest value seen."""
        masses = self.shares / (self._densities(places) @ weights)
        taylor = Taylor.of(self.z, masses, self.cells)
        values = taylor.values(PARTS)[:, :-1].ravel()
        padded = np.concatenate([[0.0], values, [0.0]])
        peaks = np.flatnonzero((values >= padded[:-2]) & (values > padded[2:]))
        at, tops = taylor.peaks_near(peaks // PARTS, 2 * (peaks % PARTS) / PARTS - 1, 2 / PARTS)
        return at[tops > 1], float(tops.max())

    def _em(self, densities: Floats, weights: Floats, steps: int) -> Floats:
        for _ in range(steps):
            weights = weights * ((self.shares / (densities @ weights)) @ densities)
        return weights

    def _newton(self, densities: Floats, weights: Floats) -> Floats:
        """The maximum of the quadratic model on the line to it, then an EM step."""
        now = densities @ weights
        scaled = densities / now[:, None]
        scaled[scaled < NOTHING] = 0.0
        hessian = (scaled * self.shares[:, None]).T @ scaled
        aim = nonnegative_minimum(hessian, 2 * (self.shares @ scaled) - 1, weights > 0)
        step = aim - weights
        along = self._step_length(now, densities @ step, float(step.sum()))
        moved = np.maximum(weights + along * step, 0.0)
        return self._em(densities, moved, 1)

    def _step_length(self, now: Floats, change: Floats, total: float) -> float:
        """The minimum of −Σ w log(now + t change) + t total over 0 ≤ t ≤ 1, by halving."""
        def slope(t: float) -> float:
            there = now + t * change
            return np.inf if there.min() <= 0 else total - float(self.shares @ (change / there))

        if slope(1.0) <= 0:
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if slope(middle) > 0 else (middle, high)
            if high - low < 0.02 * low:
                break
        return low if low > 0 else high

    def _tidied(self, atoms: Atoms) -> Atoms | None:
        """Atoms that stand for one, beside each other, made one, and all at their best; None where
        that is not close to the best of all."""
        for apart in (0.5, 0.2, 0.05, ONE):
            label = np.concatenate([[0], np.cumsum(np.diff(atoms.places) > apart)])
            if label[-1] >= MOST_POLISHED:
                continue
            weights = np.bincount(label, atoms.weights).astype(np.float64)
            fewer = self._polished(np.bincount(label, atoms.weights * atoms.places) / weights,
                                   weights)
            if fewer is not None:
                return fewer
            if label[-1] == len(label) - 1:
                break
        return None

    def _polished(self, places: Floats, weights: Floats) -> Atoms | None:
        """Newton's way to the best weights and places of so many atoms; None where it leads to
        none that are close to the best of all."""
        k = len(places)
        for _ in range(POLISHES):
            slope, hessian = self._derivatives(places, weights)
            try:
                step = solved_positive(-hessian, slope, len(slope))
            except np.linalg.LinAlgError:
                return None
            moved = weights + np.append(step[: k - 1], -step[: k - 1].sum())
            if moved.min() <= 0 or np.abs(step[k - 1 :]).max() > 0.5:
                return None
            places, weights = places + step[k - 1 :], moved
            if np.abs(step).max() < 1e-9:
                break
        if (np.diff(places) < ONE).any():
            return None
        _, highest = self._maxima(places, weights)
        return Atoms(places, weights) if self.weight * np.log(highest) < CLOSE else None


    def _derivatives(self, places: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Of the log-likelihood per row: gradient (2k − 1,) and second derivatives, by the first
        k − 1 weights, the last being what they leave, then by k places."""
        apart, densities = self.z[:, None] - places, self._densities(places)
        score = densities / (densities @ weights)[:, None]
        r = score * weights
        change, pull = score[:, :-1] - score[:, -1:], r * apart
        for small in (change, pull):
            small[np.abs(small) < NOTHING] = 0.0
        own = self.shares @ (score * apart)
        crossed = np.diag(own)[:-1]
        crossed[:, -1] = -own[-1]
        crossed = crossed - change.T @ (self.shares[:, None] * pull)
        of_weights = -change.T @ (self.shares[:, None] * change)
        of_places = np.diag(self.shares @ (r * (apart**2 - 1)))
        of_places = of_places - pull.T @ (self.shares[:, None] * pull)
        hessian = np.block([[of_weights, crossed], [crossed.T, of_places]])
        return np.concatenate([self.shares @ change, self.shares @ pull]), hessian


def _start(z: Floats) -> Floats:
    """One place in every unit that holds points: their middle."""
    unit = np.floor(z)
    starts = np.flatnonzero(np.concatenate([[True], np.diff(unit) > 0]))
    ends = np.concatenate([starts[1:], [len(z)]]) - 1
    middle: Floats = 0.5 * (z[starts] + z[ends])
    return middle


def _joined(places: Floats, weights: Floats, found: Floats) -> tuple[Floats, Floats]:
    """The atoms and, with weight 0, new ones that are not on them, in order."""
    near = np.clip(np.searchsorted(places, found), 1, len(places) - 1) if len(places) > 1 else \
        np.zeros(len(found), dtype=np.int64)
    distance = np.minimum(np.abs(found - places[near]), np.abs(found - places[near - 1]))
    found = found[distance > 1e-7]
    together = np.concatenate([places, found])
    order = np.argsort(together, kind="stable")
    return together[order], np.concatenate([weights, np.zeros(len(found))])[order]
