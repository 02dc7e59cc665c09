"""k-means++ seeds (Arthur & Vassilvitskii 2007, doi:10.5555/1283383.1283494)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.kernels import NATIVE, PORTABLE

if TYPE_CHECKING:
    from emix.arrays import Floats, Order
    from emix.initialise.column import SortedColumn
    from emix.initialise.draws import Draws
    from emix.initialise.table import Table
    from emix.mixture import Mixture


def plus_plus(column: SortedColumn, k: int, draws: Draws) -> Mixture:
    """Each seed is drawn in proportion to its squared distance from those before it; a component
    for each seed's nearest points."""
    x, weight = column.points, column.weight
    distance = np.full(len(x), np.inf)
    seeds = []
    for j in range(k):
        chance = np.cumsum(weight if j == 0 else weight * distance)
        seeds.append(x[_pick(chance, draws.uniform())])
        distance = np.minimum(distance, (x - seeds[-1]) ** 2)
    return column.mixture_of_runs(column.breaks_between(np.sort(np.array(seeds))))


def plus_plus_of_rows(table: Table, k: int, draws: Draws) -> Mixture:
    """The same on decorrelated columns."""
    return table.mixture_of(table.nearest(seeds(table, k, draws)), k)


def seeds(table: Table, k: int, draws: Draws) -> Floats:
    """k sphered rows (k, d), those of `places`."""
    chosen: Floats = table.sphered[places(table, k, draws)]
    return chosen


def places(table: Table, k: int, draws: Draws, threads: int = 1) -> Order:
    """Which k rows, each drawn in proportion to its squared distance from those before it: in
    decorrelated columns, so that badly scaled or mixed ones do not mislead."""
    kernel = NATIVE or PORTABLE
    return kernel.seeds(table.sphered, table.weight, draws.uniforms(k), threads)


def _pick(cumulative: np.ndarray, uniform: float) -> int:
    place = np.searchsorted(cumulative, uniform * cumulative[-1], side="right")
    return min(int(place), len(cumulative) - 1)
