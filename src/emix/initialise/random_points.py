"""Means at random points, one spread for all: the article's random start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Isotropic
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.initialise.table import Table

# Shares of the data's standard deviation between which the common spread is drawn.
NARROWEST, WIDEST = 0.05, 0.7


def random_points(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """Equal weights, k points of the data as means, and a standard deviation drawn between
    `NARROWEST` and `WIDEST` shares of the data's, evenly on the log scale."""
    means = np.sort([column.drawn(draws.uniform()) for _ in range(k)])
    share = NARROWEST * (WIDEST / NARROWEST) ** draws.uniform()
    sd = share * column.sd if column.sd > 0 else 1.0
    return Mixture.trusted(np.full(k, 1 / k), means[:, None], Isotropic(np.full(k, sd)))


def random_rows(table: Table, k: int, draws: Draws) -> Mixture:
    """Every row goes to the nearest of k rows drawn at random, in decorrelated columns; a
    component for each."""
    chosen = np.array([table.drawn(draws) for _ in range(k)])
    return table.mixture_of(table.nearest(table.sphered[chosen]), k)
