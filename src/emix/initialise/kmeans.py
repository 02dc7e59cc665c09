"""The optimal K-Means division, found exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emix.kmeans import optimal_breaks

if TYPE_CHECKING:
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.mixture import Mixture


def kmeans(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """A component for each cluster of the best K-Means division."""
    return column.mixture_of_runs(optimal_breaks(column.points, k, column.weight))
