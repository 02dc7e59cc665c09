"""The optimal K-Means division, found exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.kmeans import optimal_breaks

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.mixture import Mixture


def kmeans(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """A component for each cluster of the best K-Means division."""
    n = len(column.points)
    breaks = optimal_breaks(column.points, min(k, n), column.weight)
    # More components than values: the rest start empty, at the end.
    return column.mixture_of_runs(np.concatenate([breaks, np.full(k - min(k, n), n)]))
