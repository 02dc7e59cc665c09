"""A start for many components, whose cost grows with rows times components and nothing beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Dense, Isotropic
from emix.covariance.factoring import floored_cholesky
from emix.initialise.plus_plus import places
from emix.kernels import kernel_for
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels
    from emix.initialise.draws import Draws
    from emix.initialise.table import Table

# Rounds of Lloyd's algorithm: enough to move seeds off outliers; EM goes on from there.
ROUNDS = 3


def crowd(table: Table, k: int, draws: Draws, threads: int = 1) -> Mixture:
    """A component for each cluster that a few rounds of Lloyd's algorithm (1982,
    doi:10.1109/TIT.1982.1056489) make of k-means++ seeds, on decorrelated columns."""
    rows, weight = table.sphered, table.weight
    seeds = places(table, k, draws, threads)
    centres = rows[seeds]
    for _ in range(ROUNDS):
        labels = _nearest(centres, rows, threads)
        counts = np.bincount(labels, weight, k)
        some = counts > 0
        for j in range(rows.shape[1]):
            sums = np.bincount(labels, weight * rows[:, j], k)
            centres[some, j] = sums[some] / counts[some]
    return _mixture_of(table, _nearest(centres, rows, threads), k, table.points[seeds])


def _spheres(centres: Floats) -> Mixture:
    """Equal spheres, of which the likeliest is the nearest."""
    k = len(centres)
    return Mixture.trusted(np.full(k, 1 / k), centres.copy(),
                           Isotropic(np.ones(k), centres.shape[1]))


def _nearest(centres: Floats, rows: Floats, threads: int) -> Labels:
    spheres = _spheres(centres)
    return kernel_for(spheres).labels(spheres, rows, threads)


def _mixture_of(table: Table, labels: Labels, k: int, spare: Floats) -> Mixture:
    """As `Table.mixture_of`, of which the cost does not grow with k; an empty group stands at the
    row that `spare` (k, d) has for it."""
    x, w = table.points, table.weight
    d = x.shape[1]
    counts = np.bincount(labels, w, k)
    some = np.where(counts > 0, counts, 1.0)[:, None]
    sums = np.stack([np.bincount(labels, w * column, k) for column in x.T], axis=1)
    means = np.where(counts[:, None] > 0, sums / some, spare)
    away = x - means[labels]
    scatter = np.empty((k, d, d))
    for i in range(d):
        weighted = w * away[:, i]
        for j in range(i + 1):
            scatter[:, i, j] = scatter[:, j, i] = np.bincount(labels, weighted * away[:, j], k)
    broad = table.factor @ table.factor.T * k ** (-2.0 / d)
    factors = floored_cholesky((scatter + (d + 1) * broad) / (counts + d + 1)[:, None, None])
    weights = (counts + 0.5) / (counts.sum() + 0.5 * k)
    return Mixture.trusted(weights, means, Dense(factors))
