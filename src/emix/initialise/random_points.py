"""Means at random points, one spread for all: the article's random start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Isotropic
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws

# Shares of the data's standard deviation between which the common spread is drawn.
NARROWEST, WIDEST = 0.05, 0.7


def random_points(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """Equal weights, k points of the data as means, and a standard deviation drawn between
    `NARROWEST` and `WIDEST` shares of the data's, evenly on the log scale."""
    means = np.sort([column.drawn(draws.uniform()) for _ in range(k)])
    share = NARROWEST * (WIDEST / NARROWEST) ** draws.uniform()
    sd = share * column.sd if column.sd > 0 else 1.0
    return Mixture.trusted(np.full(k, 1 / k), means[:, None], Isotropic(np.full(k, sd)))
