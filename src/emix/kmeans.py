"""K-Means in one column, solved exactly.

In one column the optimal clusters are intervals, so the best division of n sorted points into k
runs is a shortest path, found by dynamic programming. The best last break moves to the right as
the end of the data does, and that lets each layer be solved by divide and conquer in n log n
steps (Grønlund et al. 2017, arXiv:1701.07204; after Wang & Song 2011,
doi:10.32614/RJ-2011-015). There is no start and no local optimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.kernels import NATIVE

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.arrays import Floats, Order


class _Costs:
    """Weighted sum of squares of any run of sorted points, from prefix sums."""

    def __init__(self, x: Floats, weight: Floats | None) -> None:
        w = np.ones(len(x)) if weight is None else weight
        centred = x - np.average(x, weights=w)
        # Extended precision: the cost of a short run is the difference of two long sums.
        sums = [np.cumsum(term, dtype=np.longdouble) for term in
                (w, w * centred, w * centred * centred)]
        self.weight, self.first, self.second = (np.concatenate([[0], s]) for s in sums)

    def of_runs(self, start: Order, stop: Order) -> Floats:
        """Σ w (x − mean)² over start ≤ i < stop, elementwise for arrays of runs."""
        weight = self.weight[stop] - self.weight[start]
        first = self.first[stop] - self.first[start]
        second = self.second[stop] - self.second[start]
        cost: Floats = second - first * first / np.where(weight > 0, weight, 1)
        return np.maximum(cost, 0).astype(np.float64)


def optimal_breaks(x: Floats, k: int, weight: Floats | None = None) -> Order:
    """Where to cut sorted x (n,) into k runs of least total within-run sum of squares.

    Returns k + 1 indices from 0 to n; run j is x[breaks[j]:breaks[j + 1]]. Runs are not empty as
    long as k ≤ n; equal points share a run unless there are fewer distinct values than runs.

    >>> optimal_breaks(np.array([1.0, 1.1, 5.0, 5.2, 9.0]), 3).tolist()
    [0, 2, 4, 5]
    """
    if NATIVE is None:
        return optimal_breaks_portably(x, k, weight)
    return _native.optimal_breaks(np.ascontiguousarray(x, np.float64), k, weight)


def optimal_breaks_portably(x: Floats, k: int, weight: Floats | None = None) -> Order:
    """What `optimal_breaks` does, in NumPy: the path without a compiler, and the oracle."""
    n = len(x)
    costs = _Costs(x, weight)
    # best[i]: least cost of the first i points in the runs laid so far.
    best = costs.of_runs(np.zeros(n + 1, np.intp), np.arange(n + 1))
    choices = []
    for layer in range(1, k):
        if layer >= n:
            # Fewer points than runs: the last ones are empty.
            choices.append(np.arange(n + 1))
            continue
        ends = np.array([n]) if layer == k - 1 else np.arange(layer + 1, n + 1)
        best, choice = _layer(costs, best, ends, layer)
        choices.append(choice)
    breaks = np.empty(k + 1, dtype=np.intp)
    breaks[0], breaks[k] = 0, n
    for j in range(k - 1, 0, -1):
        breaks[j] = choices[j - 1][breaks[j + 1]]
    return breaks


def _layer(costs: _Costs, best: Floats, ends: Order, layer: int) -> tuple[Floats, Order]:
    """One more run: for each end i the start m of the last run that costs least.

    All the intervals of one depth of the divide and conquer are solved together, as arrays.
    """
    total, choice = np.full(len(best), np.inf), np.zeros(len(best), dtype=np.intp)
    low, high = np.array([0]), np.array([len(ends) - 1])
    least, most = np.array([layer]), np.array([len(best) - 2])
    while len(low):
        middle = (low + high) // 2
        end = ends[middle]
        length = np.minimum(most, end - 1) - least + 1
        offsets = np.concatenate([[0], np.cumsum(length)[:-1]])
        owner = np.repeat(np.arange(len(low)), length)
        start = np.arange(int(length.sum())) - offsets[owner] + least[owner]
        cost = best[start] + costs.of_runs(start, end[owner])
        smallest = np.minimum.reduceat(cost, offsets)
        hits = np.flatnonzero(cost == smallest[owner])
        first = hits[np.unique(owner[hits], return_index=True)[1]]
        total[end], choice[end] = smallest, start[first]
        left, right = low < middle, middle < high
        low, high, least, most = (
            np.concatenate([low[left], middle[right] + 1]),
            np.concatenate([middle[left] - 1, high[right]]),
            np.concatenate([least[left], start[first][right]]),
            np.concatenate([start[first][left], most[right]]),
        )
    return total, choice
