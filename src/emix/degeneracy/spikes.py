"""Where a narrow component would gain the most: starts from which a spike is found, if there is
one.

To give a little weight to a component as narrow as the floor s at u gains the log-likelihood
Σ_i w_i φ_s(x_i − u) / f(x_i) for each unit of it at first: the gradient function of a mixing
distribution (Lindsay 1983, doi:10.1214/aos/1176346059). Points that the mixture does not foretell
are where it is large. Ties and close pairs are where Σ_i w_i exp(−|x_i − u|² / 2s²) is, the points
that a spike at u would have: each of them gains it log 2 (in d columns d log 2) nats whenever s is
halved, so that most of them win in the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Dense, Isotropic
from emix.kernels import kernel_for
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats

# Pairs of a row and a place for a spike that are looked at, and components that may move there.
MOST_PAIRS, MOST_ROWS = 1 << 19, 8192
MOST_MOVED = 6


class Spikes:
    """Places for a spike among rows (n, d) of weight (n,), in the units of the climbs."""

    def __init__(self, points: Floats, weight: Floats, fitted: Mixture) -> None:
        n = len(points)
        self._mixture = fitted
        log_density = kernel_for(fitted).log_density(fitted, points)
        rows = np.unique(np.linspace(0, n - 1, min(n, MOST_ROWS)).astype(np.intp))
        # The unforeseen ones, and all kinds.
        half = max(MOST_PAIRS // len(rows), 16) // 2
        order = np.argsort(log_density, kind="stable")
        even = np.unique(np.linspace(0, n - 1, min(n, half)).astype(np.intp))
        self._places = points[np.unique(np.concatenate([order[:half], order[even]]))]
        squares = np.zeros((len(self._places), len(rows)))
        for column, own in zip(points[rows].T, self._places.T, strict=True):
            squares += (own[:, None] - column) ** 2
        self._squares, self._inverse = squares, -log_density[rows]
        self._row_weight = weight[rows]

    def starts(self, floor: float) -> list[Mixture]:
        """The mixture with one of its lightest components, each in turn, put where one as narrow
        as the floor gains the most at first, and where it has the most points."""
        mixture = self._mixture
        d = mixture.n_features
        with np.errstate(under="ignore"):
            near = self._row_weight * np.exp(-0.5 * self._squares / floor**2)
            logs = np.log(np.maximum(near, np.finfo(float).tiny)) + self._inverse
            gains = np.logaddexp.reduce(logs, axis=1)
        counts, moved = near.sum(axis=1), []
        for place in sorted({int(np.argmax(gains)), int(np.argmax(counts))}):
            share = min(float(counts[place]) / float(self._row_weight.sum()), 0.5)
            for j in np.argsort(mixture.weights, kind="stable")[:MOST_MOVED].tolist():
                weights = mixture.weights.copy()
                weights[j] = 0.0
                weights *= (1 - share) / weights.sum()
                weights[j] = share
                means, factors = mixture.means.copy(), mixture.covariance.factors.copy()
                means[j], factors[j] = self._places[place], floor * np.eye(d)
                covariance = Isotropic(factors[:, 0, 0].copy()) if d == 1 else Dense(factors)
                moved.append(Mixture.trusted(weights, means, covariance))
        return moved
