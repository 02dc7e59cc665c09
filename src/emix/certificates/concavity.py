"""Where the log-likelihood of k weighted normals of σ = 1 is proven concave about a maximum.

About a stationary mixture, intervals of means and weights are found over which every matrix of
second derivatives, by interval arithmetic, is negative definite, and such that for means in them
the best weights are in them too. No mixture with means there then exceeds the one in the middle,
whatever its weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np

from emix.certificates.supremum import ROUNDING

if TYPE_CHECKING:
    from emix.arrays import Floats

# Sums of products of intervals round; this share of their size is far more than they lose.
SLACK = 2.0**-30
# How far weights may be from the best, tried as shares of how far means may be.
SHARES = (0.6, 0.4, 0.9, 0.25, 1.3, 0.1)
MOST_HALVINGS = 24


@dataclass(frozen=True, slots=True, eq=False)
class Interval:
    """Numbers between low and high, arrays of one shape."""

    low: Floats
    high: Floats

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Interval) -> Interval:
        return Interval(self.low - other.high, self.high - other.low)

    # What underflows is off by less than the least double, which SLACK is far above.
    @np.errstate(under="ignore")
    def __mul__(self, other: Interval) -> Interval:
        ends = (self.low * other.low, self.low * other.high,
                self.high * other.low, self.high * other.high)
        return Interval(np.minimum.reduce(ends), np.maximum.reduce(ends))

    @np.errstate(under="ignore")
    def squared(self) -> Interval:
        ends = self.low**2, self.high**2
        least = np.where((self.low <= 0) & (self.high >= 0), 0.0, np.minimum(*ends))
        return Interval(least, np.maximum(*ends))

    def times(self, matrix: Floats) -> Interval:
        """Matrices in the interval times a matrix."""
        middle, radius = self.middle @ matrix, (self.high - self.low) / 2 @ np.abs(matrix)
        return Interval(middle - radius, middle + radius)

    @property
    def middle(self) -> Floats:
        middle: Floats = (self.low + self.high) / 2
        return middle

    @property
    def size(self) -> Floats:
        """The largest magnitude."""
        size: Floats = np.maximum(-self.low, self.high)
        return size

    def of(self, component: int) -> Interval:
        return Interval(self.low[component], self.high[component])


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """A stationary mixture (means ascending and weights (k,)), for points z (m,) with shares (m,)
    that sum to 1. Log-likelihoods are per row here."""

    z: Floats
    shares: Floats
    means: Floats
    weights: Floats

    def reach(self, widest: float) -> tuple[Floats, float]:
        """Half-widths (k,) of the intervals about the peak's means in which nothing exceeds the
        peak by more than the second number returned; (0, ∞) where none could be proven.

        Intervals are as wide, relative to each other, as the likelihood is flat.
        """
        k = len(self.means)
        nothing = np.zeros(k)
        at_peak = -self._hessian(*self._responsibilities(nothing, nothing)).middle
        if not np.isfinite(at_peak).all() or not np.linalg.eigvalsh(at_peak).min() > 0:
            return nothing, np.inf
        scale = 1 / np.sqrt(np.diagonal(at_peak)[k - 1 :])
        half = widest / float(scale.min())
        for _ in range(MOST_HALVINGS):
            for share in SHARES if k > 1 else SHARES[:1]:
                above = self._excess(at_peak, half * scale, half * share)
                if above < np.inf:
                    return half * scale, above
            half /= 2 if half > 1 else 1.4
        return nothing, np.inf

    def _excess(self, at_peak: Floats, halves: Floats, radius: float) -> float:
        """By how much the peak can be exceeded for means within `halves` (k,), ∞ where that is
        unknown: |gradient|² / 2λ, for curvature of at least λ in every direction.

        The weights are those within `radius`, in the metric of their curvature, of the best ones
        to first order, which move with the means.
        """
        k = len(self.means)
        of_weights = at_peak[: k - 1, : k - 1]
        root = np.linalg.inv(np.linalg.cholesky(of_weights))
        moves = -np.asarray(np.linalg.solve(of_weights, at_peak[: k - 1, k - 1 :]), np.float64)
        spread = np.abs(moves) @ halves + radius * np.linalg.norm(root, axis=0)
        last = np.abs(moves.sum(axis=0)) @ halves + radius * np.linalg.norm(root.sum(axis=1))
        spread = np.append(spread, last) * (1 + SLACK)
        if k > 1 and (self.weights - spread).min() <= 0:
            return np.inf
        hessian = self._hessian(*self._responsibilities(halves, spread))
        gradient = self._gradient(*self._responsibilities(np.zeros(k), np.zeros(k))).size
        whole = np.linalg.inv(np.linalg.cholesky(at_peak))
        curvature = _least_curvature(hessian, whole)
        if not curvature > 0:
            return np.inf
        if k > 1:
            # A concave function whose slope at the middle is below λρ/2 is lower at distance ρ
            # than there: so the best weights are within. The slope by the mean value theorem.
            block = Interval(hessian.low[: k - 1, : k - 1], hessian.high[: k - 1, : k - 1])
            turn = Interval(hessian.low[: k - 1, k - 1 :], hessian.high[: k - 1, k - 1 :])
            slope = (turn + block.times(moves)).size @ halves + gradient[: k - 1]
            steepest = float(np.linalg.norm(np.abs(root) @ slope)) * (1 + SLACK)
            if not 2 * steepest < _least_curvature(block, root) * radius:
                return np.inf
        return float(np.sum((np.abs(whole) @ gradient) ** 2)) / (2 * curvature)

    def _responsibilities(
        self, halves: Floats, spread: Floats
    ) -> tuple[Interval, Interval, Interval]:
        """Over all means within `halves` and weights within `spread`, (k,) each: responsibilities
        (k, m), distances z − μ (k, m), weights (k, 1)."""
        apart = self.z - self.means[:, None]
        distance = Interval(apart - halves[:, None], apart + halves[:, None])
        square = distance.squared()
        weight = Interval((self.weights - spread)[:, None], (self.weights + spread)[:, None])
        low, high = np.log(weight.low) - square.high / 2, np.log(weight.high) - square.low / 2
        responsibilities = Interval(_share(low, high), _share(high, low))
        return responsibilities, distance, weight

    def _gradient(self, r: Interval, distance: Interval, weight: Interval) -> Interval:
        """By k − 1 weights, the last being what they leave, then by k means."""
        of_weights, of_means = _scores(r, weight), r * distance
        parts = [of_weights.of(a) - of_weights.of(-1) for a in range(len(r.low) - 1)]
        parts += [of_means.of(j) for j in range(len(r.low))]
        sums = [self._sum(part) for part in parts]
        return Interval(np.array([s[0] for s in sums]), np.array([s[1] for s in sums]))

    def _hessian(self, r: Interval, distance: Interval, weight: Interval) -> Interval:
        k = len(r.low)
        score, pull = _scores(r, weight), r * distance
        size = 2 * k - 1
        low, high = np.zeros((size, size)), np.zeros((size, size))

        def entry(a: int, b: int) -> Interval:
            if b < k - 1:
                change = (score.of(a) - score.of(-1)), (score.of(b) - score.of(-1))
                product = change[0].squared() if a == b else change[0] * change[1]
                return Interval(-product.high, -product.low)
            j = b - (k - 1)
            if a < k - 1:
                own = score.of(j) * distance.of(j) if j in (a, k - 1) else None
                less = pull.of(j) * (score.of(a) - score.of(-1))
                if own is None:
                    return Interval(-less.high, -less.low)
                return own - less if j == a else Interval(-own.high, -own.low) - less
            i = a - (k - 1)
            if i == j:
                return _spread(r.of(i)) * distance.of(i).squared() - r.of(i)
            product = pull.of(i) * pull.of(j)
            return Interval(-product.high, -product.low)

        for a, b in combinations_with_replacement(range(size), 2):
            low[a, b], high[a, b] = low[b, a], high[b, a] = self._sum(entry(a, b))
        return Interval(low, high)

    def _sum(self, part: Interval) -> tuple[float, float]:
        """Σ share · part over the points, rounded outwards."""
        low, high = float(self.shares @ part.low), float(self.shares @ part.high)
        size = float(self.shares @ np.maximum(np.abs(part.low), np.abs(part.high)))
        return low - 64 * ROUNDING * size, high + 64 * ROUNDING * size


def _scores(r: Interval, weight: Interval) -> Interval:
    """φ_j / f = r_j / Φ_j."""
    return Interval(r.low / weight.high, r.high / weight.low)


def _share(own: Floats, others: Floats) -> Floats:
    """exp(own_j) / (exp(own_j) + Σ_{l≠j} exp(others_l)) for logarithms (k, m)."""
    share = np.empty_like(own)
    for j in range(len(own)):
        rest = np.delete(others, j, axis=0)
        with np.errstate(over="ignore", under="ignore"):
            share[j] = 1 / (1 + np.exp(rest - own[j]).sum(axis=0))
    return share


def _spread(r: Interval) -> Interval:
    """r (1 − r)."""
    ends = r.low * (1 - r.low), r.high * (1 - r.high)
    top = np.where((r.low <= 0.5) & (r.high >= 0.5), 0.25, np.maximum(*ends))
    return Interval(np.minimum(*ends), top)


def _least_curvature(hessian: Interval, root: Floats) -> float:
    """A λ with −yᵀHy ≥ λ|y|² for every matrix in the interval, H in the coordinates y = root⁻ᵀx;
    not above 0 where none is known.

    The middle matrix's largest eigenvalue, and the largest row sum of how far entries are from it.
    """
    middle, radius = hessian.middle, (hessian.high - hessian.low) / 2
    if not np.isfinite(radius).all():
        return -np.inf
    turned = root @ middle @ root.T
    off = float((np.abs(root) @ radius @ np.abs(root).T).sum(axis=1).max())
    largest = float(np.linalg.eigvalsh((turned + turned.T) / 2).max())
    return -(largest + off) - SLACK * (1 + off)
