"""K-Means in one column, beside every possible division."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emix import kmeans

WAYS = [pytest.param(kmeans.optimal_breaks, id="default")]
if hasattr(kmeans, "optimal_breaks_portably"):
    WAYS.append(pytest.param(kmeans.optimal_breaks_portably, id="portable"))
each_way = pytest.mark.parametrize("optimal_breaks", WAYS)


def cost(x: np.ndarray, breaks, weight=None) -> float:
    """Σ w (x − mean of its run)²."""
    w = np.ones(len(x)) if weight is None else weight
    total = 0.0
    for start, stop in itertools.pairwise(breaks):
        run, mine = x[start:stop], w[start:stop]
        if mine.sum() > 0:
            total += mine @ (run - np.average(run, weights=mine)) ** 2
    return float(total)


def best_of_all(x: np.ndarray, k: int, weight=None) -> float:
    cuts = itertools.combinations(range(1, len(x)), k - 1)
    return min(cost(x, (0, *inner, len(x)), weight) for inner in cuts)


@st.composite
def columns(draw: st.DrawFn):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 11))
    x = {
        "spread": rng.normal(size=n), "ties": rng.integers(0, 5, n).astype(float),
        "skew": np.exp(rng.normal(0, 3, n)), "even": np.arange(n, dtype=float),
        "far": rng.normal(size=n) + 1e8,
    }[draw(st.sampled_from(["spread", "ties", "skew", "even", "far"]))]
    weight = draw(st.sampled_from(["none", "whole", "any"]))
    w = {"none": None, "whole": rng.integers(1, 9, n).astype(float),
         "any": rng.exponential(size=n)}[weight]
    return np.sort(x), draw(st.integers(1, n)), w


@each_way
@settings(max_examples=300)
@given(columns())
def test_no_division_is_better(optimal_breaks, column):
    x, k, weight = column
    breaks = optimal_breaks(x, k, weight)
    assert breaks[0] == 0 and breaks[-1] == len(x) and len(breaks) == k + 1
    assert (np.diff(breaks) > 0).all()
    total = cost(x, [0, len(x)], weight)
    assert cost(x, breaks, weight) <= best_of_all(x, k, weight) + 1e-13 * total
    # Equal points part only where there are too few others.
    if len(np.unique(x)) >= k:
        assert (x[breaks[1:-1] - 1] < x[breaks[1:-1]]).all()


@each_way
@pytest.mark.parametrize("k", [2, 3, 7, 20])
def test_many_points_against_the_plain_recursion(optimal_breaks, k):
    """The quadratic dynamic programme, without the shortcut of a monotone break."""
    rng = np.random.default_rng(k)
    x = np.sort(np.concatenate([rng.normal(size=150), rng.standard_cauchy(100)]))
    n = len(x)
    ones = np.concatenate([[0.0], np.cumsum(x)])
    squares = np.concatenate([[0.0], np.cumsum(x * x)])
    best = np.array([squares[i] - ones[i] ** 2 / max(i, 1) for i in range(n + 1)])
    for layer in range(1, k):
        best = np.array([
            np.inf if i <= layer else min(
                best[m] + squares[i] - squares[m] - (ones[i] - ones[m]) ** 2 / (i - m)
                for m in range(layer, i))
            for i in range(n + 1)
        ])
    assert cost(x, optimal_breaks(x, k)) == pytest.approx(best[n], rel=1e-8)


@each_way
def test_a_weight_is_repetition(optimal_breaks):
    rng = np.random.default_rng(0)
    x, times = np.sort(rng.normal(size=60)), rng.integers(1, 6, 60)
    weighted = optimal_breaks(x, 4, times.astype(float))
    repeated = optimal_breaks(x.repeat(times), 4)
    np.testing.assert_array_equal(np.concatenate([[0], np.cumsum(times)])[weighted], repeated)


@each_way
@pytest.mark.parametrize("scale", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_units_do_not_matter(optimal_breaks, scale, offset):
    x = np.sort(np.random.default_rng(2).integers(-50, 50, 80).astype(float))
    np.testing.assert_array_equal(optimal_breaks((x + offset) * scale, 5), optimal_breaks(x, 5))


@each_way
def test_groups_far_apart_are_found(optimal_breaks):
    x = np.repeat([0.0, 1e3, 1e6, 1e9], [5, 1, 7, 3]) + np.tile([0.0, 0.25], 8)
    assert optimal_breaks(np.sort(x), 4).tolist() == [0, 5, 6, 13, 16]


@each_way
@pytest.mark.parametrize("k", [3, 4, 9])
def test_more_runs_than_points_leave_runs_empty(optimal_breaks, k):
    breaks = optimal_breaks(np.array([1.0, 2.0]), k)
    assert len(breaks) == k + 1 and breaks[0] == 0 and breaks[-1] == 2
    assert sorted(np.diff(breaks)) == [0] * (k - 2) + [1, 1]
