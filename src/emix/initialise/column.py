"""One column, sorted: what every start looks at, and how a division becomes a mixture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from emix.arrays import Block, Floats, Order, Units
from emix.covariance import Isotropic
from emix.kernels import NATIVE
from emix.mixture import Mixture

if NATIVE is not None:
    from emix.kernels import _native

# A run of equal points, or of one, says nothing about a spread; it starts with this share of
# the data's, and EM decides.
LEAST_SPREAD = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class SortedColumn:
    """Distinct points in internal units, ascending (n,), the weight of each (n,), and their sd.

    Ties are one point of their total weight: the same likelihood from fewer rows, and data that
    was rounded when it was measured is mostly ties.
    """

    points: Floats
    weight: Floats
    sd: float

    @classmethod
    def of(cls, block: Block, units: Units) -> SortedColumn:
        """The rows of positive weight of a one-column block."""
        if NATIVE is not None:
            return cls(*_sorted_natively(block, units))
        points = units.inward(block.points)[:, 0]
        weight = np.ones(len(points)) if block.sample_weight is None else block.sample_weight
        order = np.argsort(points, kind="stable")
        order = order[weight[order] > 0]
        points, weight = points[order], weight[order]
        firsts = np.flatnonzero(np.concatenate([[True], points[1:] != points[:-1]]))
        points, weight = points[firsts], np.add.reduceat(weight, firsts)
        mean = np.average(points, weights=weight)
        sd = float(np.sqrt(np.average((points - mean) ** 2, weights=weight)))
        return cls(points, weight, sd)

    @property
    def block(self) -> Block:
        """The column as a weighted block, in internal units."""
        return Block(self.points[:, None], self.weight)

    def drawn(self, uniform: float) -> float:
        """The point at a share `uniform` of the total weight, counted from below."""
        cumulative = np.cumsum(self.weight)
        place = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
        return float(self.points[min(int(place), len(self.points) - 1)])

    def mixture_of_runs(self, breaks: Order) -> Mixture:
        """Weights, means and standard deviations of the runs between k + 1 breaks.

        A run that is empty, or narrower than it can be, starts as wide as `LEAST_SPREAD`.
        """
        k = len(breaks) - 1
        weights, means, sds = np.zeros(k), np.zeros(k), np.zeros(k)
        for j in range(k):
            run = slice(breaks[j], breaks[j + 1])
            w = self.weight[run]
            total = float(w.sum())
            if total == 0:
                nearest = min(int(breaks[j]), len(self.points) - 1)
                means[j] = self.points[nearest]
            else:
                means[j] = w @ self.points[run] / total
                sds[j] = np.sqrt(w @ (self.points[run] - means[j]) ** 2 / total)
            weights[j] = total
        floor = LEAST_SPREAD * self.sd if self.sd > 0 else 1.0
        # Half a point for each run keeps an empty one alive.
        weights = (weights + 0.5) / (weights.sum() + 0.5 * k)
        return Mixture.trusted(weights, means[:, None], Isotropic(np.maximum(sds, floor)))

    def breaks_between(self, centres: Floats) -> Order:
        """Breaks of the runs nearest to each of k ascending centres (k,): k + 1 indices."""
        middles = centres[:-1] + 0.5 * (centres[1:] - centres[:-1])
        inner = np.searchsorted(self.points, middles, side="left")
        return np.concatenate([[0], inner, [len(self.points)]])


def _sorted_natively(block: Block, units: Units) -> tuple[Floats, Floats, float]:
    column = np.ascontiguousarray(block.points[:, 0])
    return _native.sorted_column(column, block.sample_weight, units.shift[0], units.scale[0])
