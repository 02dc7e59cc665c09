"""Runs of equal weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.mixture import Mixture


def quantiles(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """A component for each k-th of the data in ascending order."""
    reached = np.cumsum(column.weight)
    inner = np.searchsorted(reached, reached[-1] * np.arange(1, k) / k, side="left") + 1
    n = len(column.points)
    return column.mixture_of_runs(np.concatenate([[0], np.minimum(inner, n), [n]]))
