"""Random responsibilities: every point shared at random among the components."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Isotropic
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.initialise.table import Table


def random_responsibilities(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """The M-step from responsibilities drawn evenly over all divisions of each point."""
    x, weight = column.points, column.weight
    # Exponential variates in proportion are uniform on the simplex.
    shares = -np.log1p(-draws.uniforms(len(x) * k).reshape(len(x), k))
    shares *= (weight / np.maximum(shares.sum(axis=1), 1e-300))[:, None]
    totals = shares.sum(axis=0)
    means = (shares * x[:, None]).sum(axis=0) / totals
    variances = (shares * (x[:, None] - means) ** 2).sum(axis=0) / totals
    sds = np.sqrt(np.maximum(variances, 0))
    order = np.argsort(means, kind="stable")
    return Mixture.trusted(
        totals[order] / totals.sum(), means[order][:, None],
        Isotropic(np.where(sds[order] > 0, sds[order], 1.0)),
    )


def random_responsibilities_of_rows(table: Table, k: int, draws: Draws) -> Mixture:
    """The same in more columns."""
    n = len(table.points)
    shares = -np.log1p(-draws.uniforms(n * k).reshape(n, k))
    shares *= (table.weight / np.maximum(shares.sum(axis=1), 1e-300))[:, None]
    return table.mixture_of_shares(shares)
