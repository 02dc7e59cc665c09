"""The optimal K-Means division: exact in one column, Lloyd's algorithm in more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.initialise.plus_plus import seeds
from emix.kernels import NATIVE
from emix.kmeans import optimal_breaks

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.arrays import Floats, Labels
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.initialise.table import Table
    from emix.mixture import Mixture

# Lloyd's algorithm seldom needs more, and EM goes on from where it stands.
ROUNDS = 20


def kmeans(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """A component for each cluster of the best K-Means division."""
    n = len(column.points)
    breaks = optimal_breaks(column.points, min(k, n), column.weight)
    # More components than values: the rest start empty, at the end.
    return column.mixture_of_runs(np.concatenate([breaks, np.full(k - min(k, n), n)]))


def kmeans_of_rows(table: Table, k: int, draws: Draws) -> Mixture:
    """A component for each cluster that Lloyd's algorithm (1982, doi:10.1109/TIT.1982.1056489)
    comes to from k-means++ seeds, on decorrelated columns."""
    return table.mixture_of(divided(table, seeds(table, k, draws)), k)


def divided(table: Table, centres: Floats) -> Labels:
    """The nearest of k centres for each row (n,), once these have come to rest; `centres` (k, d),
    which are sphered, are where they set out."""
    if NATIVE is not None:
        found: Labels = _native.divide_by_lloyd(table.sphered, table.weight, centres, ROUNDS)
        return found
    k, weighted = len(centres), table.sphered * table.weight[:, None]
    centres, labels = centres.copy(), table.nearest(centres)
    for _ in range(ROUNDS):
        counts = np.bincount(labels, weights=table.weight, minlength=k)
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, weighted)
        some = counts > 0
        centres[some] = sums[some] / counts[some, None]
        before, labels = labels, table.nearest(centres)
        if np.array_equal(before, labels):
            break
    return labels
