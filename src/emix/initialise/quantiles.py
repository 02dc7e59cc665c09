"""Runs of equal weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.initialise.table import Table
    from emix.mixture import Mixture


def quantiles(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """A component for each k-th of the data in ascending order."""
    reached = np.cumsum(column.weight)
    inner = np.searchsorted(reached, reached[-1] * np.arange(1, k) / k, side="left") + 1
    n = len(column.points)
    return column.mixture_of_runs(np.concatenate([[0], np.minimum(inner, n), [n]]))


def quantiles_of_rows(table: Table, k: int, draws: Draws) -> Mixture:
    """A component for each k-th of the rows in order along the direction in which the data, each
    column in its own standard deviations, is widest."""
    sds = np.sqrt(np.diag(table.covariance))
    away = (table.points - table.mean) / np.where(sds > 0, sds, 1.0)
    _, vectors = np.linalg.eigh((away * table.weight[:, None]).T @ away)
    widest = vectors[:, -1] * np.sign(vectors[np.abs(vectors[:, -1]).argmax(), -1])
    order = np.argsort(away @ widest, kind="stable")
    reached = np.cumsum(table.weight[order]) - 0.5 * table.weight[order]
    labels = np.empty(len(order), dtype=np.int64)
    labels[order] = np.minimum((reached * k / table.total).astype(np.int64), k - 1)
    return table.mixture_of(labels, k)
