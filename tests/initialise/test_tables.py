"""Starts in several columns: valid for any table, the same for a seed, not led astray by scale."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emix
from emix import Mixture, ParameterError
from emix.arrays import Units
from emix.initialise import (
    DETERMINISTIC_OF_ROWS,
    STARTS_OF_ROWS,
    Draws,
    Table,
    hierarchical,
    named_of_rows,
)
from emix.initialise.kmeans import divided
from emix.initialise.plus_plus import seeds
from emix.kernels import NATIVE
from emix.moments import moments_of
from emix.sources.array import ArraySource

every_start = pytest.mark.parametrize("kind", STARTS_OF_ROWS)
CHANCY = [kind for kind in STARTS_OF_ROWS if kind not in DETERMINISTIC_OF_ROWS]


def table_of(x, weight=None) -> Table:
    """A table as `fit` looks at it, in internal units."""
    source = ArraySource.of(x, weight)
    moments = moments_of(source)
    return Table.of(source.block, Units.of_spread(moments.mean, moments.sd))


def made(kind: str, x, k: int, seed: int = 0, stream: int = 0, weight=None) -> Mixture:
    return named_of_rows(kind)(table_of(x, weight), k, Draws(seed, stream))


RNG = np.random.default_rng(1)
PLAIN = RNG.normal(size=(50, 3))
TABLES = {
    "plain": PLAIN,
    "one row": [[3.0, 1.0]],
    "one value": np.full((9, 2), 4.0),
    "a constant column": np.column_stack([PLAIN[:, 0], np.full(50, 2.0)]),
    "two values": np.repeat([[0.0, 1.0], [1.0, 5.0]], 20, axis=0),
    "ties": RNG.integers(0, 3, (40, 2)).astype(float),
    "an outlier": np.vstack([PLAIN, np.full((1, 3), 1e6)]),
    "far": PLAIN * 1e-9 + 1.0,
    "offsets": PLAIN + np.array([1e8, -1e8, 0.0]),
    "skewed": np.exp(RNG.normal(0, 5, (40, 2))),
    "badly scaled": PLAIN * [1e-12, 1.0, 1e12],
    "more columns than rows": RNG.normal(size=(5, 12)),
    "two equal columns": np.column_stack([PLAIN[:, 0], PLAIN[:, 0]]),
    "a sum": np.column_stack([PLAIN, PLAIN.sum(axis=1)]),
    "one hot": np.eye(4)[RNG.integers(0, 4, 40)],
}


@every_start
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("k", [1, 2, 5, 9])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_start_is_a_mixture_of_k_components_within_the_data(kind, name, k, weighted):
    x = np.asarray(TABLES[name], dtype=float)
    weight = np.random.default_rng(k).exponential(size=len(x)) if weighted else None
    table = table_of(x, weight)
    d, low, high = x.shape[1], table.points.min(axis=0), table.points.max(axis=0)
    for stream in range(2):
        m = named_of_rows(kind)(table, k, Draws(0, stream))
        assert m.means.shape == (k, d) and m.weights.shape == (k,)
        assert (m.weights > 0).all() and m.weights.sum() == pytest.approx(1, abs=1e-12)
        slack = 1e-9 * np.maximum(high - low, 1e-200) + 1e-12 * np.abs(table.points).max()
        assert (m.means >= low - slack).all() and (m.means <= high + slack).all()
        pivots = np.diagonal(m.covariance.factors, axis1=1, axis2=2)
        assert np.isfinite(m.covariance.factors).all() and (pivots > 0).all()
        assert np.isfinite(m.logpdf(table.points)).all()


@every_start
def test_as_many_components_as_rows(kind):
    x = np.array([[0.0, 1.0], [1.0, 0.0], [3.0, 3.0], [7.0, -1.0]])
    m = made(kind, x, 4)
    assert np.isfinite(m.logpdf(table_of(x).points)).all()
    if kind == "hierarchical":
        np.testing.assert_allclose(np.sort(m.means, axis=0), np.sort(table_of(x).points, axis=0))


@every_start
def test_a_seed_and_a_stream_decide(kind):
    assert made(kind, PLAIN, 3, seed=5, stream=2) == made(kind, PLAIN, 3, seed=5, stream=2)


@pytest.mark.parametrize("kind", CHANCY)
def test_streams_and_seeds_differ(kind):
    several = [made(kind, PLAIN, 6, seed, stream) for seed in range(3) for stream in range(3)]
    assert sum(a == b for a in several for b in several) == len(several)


@pytest.mark.parametrize("kind", DETERMINISTIC_OF_ROWS)
def test_chance_has_no_part_in_these(kind):
    assert made(kind, PLAIN, 3, seed=1, stream=1) == made(kind, PLAIN, 3, seed=2, stream=7)


@pytest.mark.parametrize("kind", ["kmeans", "random", "kmeans++"])
@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_a_weight_is_repetition(kind, seed, k):
    rng = np.random.default_rng(seed)
    x, times = rng.normal(size=(25, 2)), rng.integers(0, 4, 25)
    times[0] = 1
    weighted = made(kind, x, k, seed=seed, weight=times)
    repeated = made(kind, x.repeat(times, axis=0), k, seed=seed)
    np.testing.assert_allclose(weighted.weights, repeated.weights, rtol=1e-12)
    np.testing.assert_allclose(weighted.means, repeated.means, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(weighted.covariances, repeated.covariances, rtol=1e-7, atol=1e-12)


@every_start
def test_rows_of_weight_zero_are_not_there(kind):
    rng = np.random.default_rng(3)
    at = rng.integers(0, len(PLAIN), 10)
    padded = np.insert(PLAIN, at, rng.normal(0, 1e6, (10, 3)), axis=0)
    weight = np.insert(np.ones(len(PLAIN)), at, 0.0)
    assert made(kind, padded, 3, weight=weight) == made(kind, PLAIN, 3)


@every_start
def test_a_common_factor_of_all_weights_changes_little(kind):
    """Divisions are the same; half a point for each group counts for less."""
    once, thrice = (made(kind, PLAIN, 3, weight=np.full(50, w)) for w in (1.0, 3.0))
    np.testing.assert_allclose(once.weights, thrice.weights, atol=0.05)
    np.testing.assert_allclose(once.means, thrice.means, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", STARTS_OF_ROWS)
def test_columns_may_be_scaled_and_mixed(kind):
    """scikit-learn issue 34842: k-means++ on raw columns sees only the largest. Divisions are made
    on decorrelated columns, so a linear map of the data maps the start."""
    if kind == "quantiles":
        return
    mixing = np.array([[1.0, 0.9, 0.0], [0.0, 0.1, 0.0], [0.3, 0.0, 1e-4]])
    table, moved = Table(PLAIN, np.ones(50)), Table(PLAIN @ mixing, np.ones(50))
    plain, mixed = (named_of_rows(kind)(t, 4, Draws(0, 0)) for t in (table, moved))
    np.testing.assert_allclose(mixed.weights, plain.weights, rtol=1e-12)
    np.testing.assert_allclose(mixed.means, plain.means @ mixing, rtol=1e-6, atol=1e-9)
    wanted = mixing.T @ plain.covariances @ mixing
    np.testing.assert_allclose(mixed.covariances, wanted, rtol=1e-5, atol=1e-8)


ANISOTROPIC = np.concatenate([
    np.random.default_rng(s).normal(size=(60, 2)) * [100.0, 0.1] + [0.0, 2.0 * s] for s in range(3)
])


@pytest.mark.parametrize("kind", ["hierarchical", "kmeans", "kmeans++"])
def test_groups_that_differ_in_a_small_column_are_told_apart(kind):
    """Three layers, a thousand times as wide as they are thick."""
    layer = np.repeat(np.arange(3), 60)
    best = 0.0
    for stream in range(10):
        m = made(kind, ANISOTROPIC, 3, stream=stream)
        labels = m.predict(table_of(ANISOTROPIC).points)
        best = max(best, sum(np.bincount(layer[labels == j]).max() for j in range(3)
                             if (labels == j).any()) / len(layer))
    # Agglomeration, which is one and not the best of ten, leaves EM a little to do.
    assert best > (0.75 if kind == "hierarchical" else 0.9)
    found = emix.fit(ANISOTROPIC, 3, start=kind, n_starts=10 if kind in CHANCY else 1)
    np.testing.assert_allclose(np.sort(found.mixture.means[:, 1]), [0, 2, 4], atol=0.1)


def test_the_kinds_by_what_they_are():
    rng = np.random.default_rng(8)
    groups = [rng.normal(size=(20, 2)) * 0.1 + m for m in ([0, 0], [5, 0], [0, 9])]
    table = Table(np.concatenate(groups), np.ones(60))
    means = np.stack([g.mean(axis=0) for g in groups])
    for kind in ("hierarchical", "kmeans"):
        near = [np.abs(named_of_rows(kind)(table, 3, Draws(0, s)).means[:, None] - means)
                .max(axis=2).min(axis=0).max() < 1e-9 for s in range(8)]
        assert any(near) and (kind == "kmeans" or all(near))
    # In order along the widest direction, a third each.
    line = Table(np.column_stack([np.arange(9.0), np.arange(9.0)]) + 0.01 * rng.normal(size=(9, 2)),
                 np.ones(9))
    thirds = named_of_rows("quantiles")(line, 3, Draws(0, 0))
    np.testing.assert_allclose(np.sort(thirds.means[:, 0]), [1, 4, 7], atol=0.05)
    np.testing.assert_allclose(thirds.weights, 1 / 3)
    shared = named_of_rows("responsibilities")(table, 3, Draws(0, 0))
    # Shared out at random, the whole keeps its mean but for the half point each group is given.
    np.testing.assert_allclose(shared.mean, table.mean, atol=0.02)


def test_a_group_is_its_rows_and_a_few_imagined_ones():
    """Σ_k = (scatter + (d + 1) broad) / (n_k + d + 1), broad a k-th of the data's volume."""
    labels = np.repeat([0, 1], [20, 30])
    table = Table(PLAIN, np.ones(50))
    m = table.mixture_of(labels, 3)
    np.testing.assert_allclose(m.weights, [20.5 / 51.5, 30.5 / 51.5, 0.5 / 51.5])
    np.testing.assert_allclose(m.means, [PLAIN[:20].mean(axis=0), PLAIN[20:].mean(axis=0),
                                         PLAIN.mean(axis=0)], rtol=1e-12, atol=1e-15)
    covariance = np.cov(PLAIN.T, bias=True)
    broad = covariance * 3 ** (-2 / 3)
    assert np.linalg.det(broad) == pytest.approx(np.linalg.det(covariance) / 9)
    for j, rows in enumerate((PLAIN[:20], PLAIN[20:], PLAIN[:0])):
        scatter = np.cov(rows.T, bias=True) * len(rows) if len(rows) else 0.0
        wanted = (scatter + 4 * broad) / (len(rows) + 4)
        np.testing.assert_allclose(m.covariances[j], wanted, rtol=1e-9)


def test_plus_plus_draws_by_weight_and_squared_distance():
    """The first in proportion to weight, the second to weight times squared distance."""
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    weight = np.array([4.0, 1.0, 2.0, 3.0])
    table = Table(x, weight)
    sphered = table.sphered
    pairs = np.zeros((4, 4))
    for stream in range(4000):
        first, second = (int(np.flatnonzero((sphered == c).all(axis=1))[0])
                         for c in seeds(table, 2, Draws(3, stream)))
        pairs[first, second] += 1 / 4000
    distance = ((sphered[:, None] - sphered) ** 2).sum(axis=2)
    chance = weight * distance
    wanted = (weight / weight.sum())[:, None] * chance / chance.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pairs, wanted, atol=0.025)


def test_random_rows_are_drawn_by_weight():
    x = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    table = Table(x, np.array([1.0, 7.0, 2.0]))
    drawn = np.bincount([table.drawn(Draws(0, s)) for s in range(3000)]) / 3000
    np.testing.assert_allclose(drawn, [0.1, 0.7, 0.2], atol=0.035)


def test_random_responsibilities_are_even_over_all_divisions():
    """Of two components each row gives one an even share between 0 and 1, variance 1/12."""
    table = Table(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2))
    weights = [named_of_rows("responsibilities")(table, 2, Draws(0, s)).weights[0]
               for s in range(2000)]
    # Two rows and half a point for each of two groups: a third of the spread is lost.
    squares = ((np.array(weights) - 0.5) * 1.5) ** 2
    assert squares.mean() == pytest.approx(1 / 24, abs=0.004)


# Agglomeration


def test_agglomeration_is_by_wards_criterion():
    """Of all ways to merge two of the groups into one fewer, the one that costs least."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(9, 2))
    table = Table(x, np.ones(9))

    def cost(labels: np.ndarray) -> float:
        return sum(((table.sphered[labels == j] - table.sphered[labels == j].mean(axis=0)) ** 2)
                   .sum() for j in np.unique(labels))

    labels = np.arange(9)
    for k in range(8, 1, -1):
        pairs = [(a, b) for a in np.unique(labels) for b in np.unique(labels) if a < b]
        labels = min((np.where(labels == b, a, labels) for a, b in pairs), key=cost)
        wanted = table.mixture_of(np.unique(labels, return_inverse=True)[1], k)
        found = named_of_rows("hierarchical")(table, k, Draws(0, 0))
        np.testing.assert_allclose(np.sort(found.means[:, 0]), np.sort(wanted.means[:, 0]))


def test_more_rows_than_are_merged_join_the_nearest_group(monkeypatch):
    """Beyond so many rows the tree is that of a sample; the seed draws it."""
    module = __import__("importlib").import_module(hierarchical.__module__)
    monkeypatch.setattr(module, "ROWS", 40)
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.normal(size=(100, 2)) + m for m in ([0, 0], [30, 0], [0, 40])])
    order = rng.permutation(300)
    m = made("hierarchical", x[order], 3)
    groups = np.sort(table_of(x).points.reshape(3, 100, 2).mean(axis=1), axis=0)
    np.testing.assert_allclose(np.sort(m.means, axis=0), groups, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(m.weights, 1 / 3, rtol=1e-12)
    spread = rng.normal(size=(300, 2))
    several = [made("hierarchical", spread, 3, seed=seed) for seed in (1, 1, 2)]
    assert several[0] == several[1] != several[2]


def test_one_tree_serves_every_k():
    table = Table(PLAIN, np.ones(50))
    alone = [named_of_rows("hierarchical")(Table(PLAIN, np.ones(50)), k, Draws(0, 0))
             for k in (2, 5, 3)]
    together = [named_of_rows("hierarchical")(table, k, Draws(0, 0)) for k in (2, 5, 3)]
    assert alone == together


# The names


@pytest.mark.parametrize("kind", ["", "k-means", None, 3, ["kmeans"]])
def test_other_kinds_are_refused_with_those_there_are(kind):
    with pytest.raises(ParameterError, match=r"kmeans, quantiles, .*, hierarchical"):
        named_of_rows(kind)


# Labels to start from


def grouped() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], [20, 30, 40])
    x = rng.normal(size=(90, 2)) + np.array([[0, 0], [4, 0], [0, 5]])[labels]
    order = rng.permutation(90)
    return x[order], labels[order]


@pytest.mark.parametrize("as_labels", [
    lambda y: y, lambda y: y.tolist(), lambda y: y.astype(float), lambda y: y.astype(np.uint8),
    lambda y: 10 * y - 3,
])
def test_labels_are_a_start(as_labels):
    x, labels = grouped()
    found = emix.fit(x, 3, start=as_labels(labels))
    best = emix.fit(x, 3, n_starts=8)
    assert found.loglik == pytest.approx(best.loglik, abs=1e-6)
    assert sum(o.starts for o in found.optima) == 1
    start = table_of(x).mixture_of(labels, 3)
    with pytest.warns(emix.NotConvergedWarning):
        nothing = emix.fit(x, 3, start=as_labels(labels), max_iter=0)
    np.testing.assert_allclose(np.sort(nothing.mixture.weights), np.sort(start.weights), rtol=1e-9)


def test_labels_of_series_and_in_one_column():
    pandas = pytest.importorskip("pandas")
    x, labels = grouped()
    plain = emix.fit(x, 3, start=labels)
    assert emix.fit(x, 3, start=pandas.Series(labels)).mixture == plain.mixture
    column = emix.fit(x[:, 0], 2, start=(x[:, 0] > 2).astype(int))
    assert column.loglik == pytest.approx(emix.fit(x[:, 0], 2).loglik, abs=1e-6)
    flags = emix.fit(x[:, 0], 2, start=x[:, 0] > 2)
    assert flags.mixture == column.mixture


def test_fewer_groups_than_components_leave_some_empty():
    x, labels = grouped()
    found = emix.fit(x, 3, start=np.minimum(labels, 1), covariance="tied")
    assert np.isfinite(found.loglik) and found.k == 3


def test_rows_of_weight_zero_have_labels_too():
    x, labels = grouped()
    weight = np.ones(90)
    weight[:5] = 0.0
    found = emix.fit(x, 3, start=labels, sample_weight=weight)
    alone = emix.fit(x[5:], 3, start=labels[5:])
    assert found.loglik == pytest.approx(alone.loglik, rel=1e-10)


@pytest.mark.parametrize(("start", "words"), [
    (["a"] * 90, "start="), (np.zeros((90, 2)), "start="), (np.zeros(89, int), r"shape \(89,\)"),
    (np.linspace(0, 1, 90), "a label 0 to 2 for each of 90 rows"),
    (np.arange(90), "start labels 90 groups, k is 3"), (np.full(90, np.nan), "label"),
    (np.repeat([0.0, 1.0, np.inf], 30), "label"), ({"a": 1}, "start="), (3, "start="),
    ("nearest", "start='nearest'"), ([[0, 1]], "start="),
])
def test_what_are_no_labels(start, words):
    x, _ = grouped()
    with pytest.raises(ParameterError, match=words):
        emix.fit(x, 3, start=start)


# The numbers themselves


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 200), st.integers(0, 5))
def test_many_draws_are_as_many_single_ones(seed, stream, n, before):
    together, apart = Draws(seed, stream), Draws(seed, stream)
    for draws in (together, apart):
        for _ in range(before):
            draws.uniform()
    assert together.uniforms(n).tolist() == [apart.uniform() for _ in range(n)]
    # And go on from there.
    assert together.uniform() == apart.uniform()


# The native kernel


@pytest.mark.skipif(NATIVE is None, reason="compares the native kernel with the portable one")
@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 5))
def test_divisions_and_their_moments_are_those_of_numpy(seed, k, d):
    rng = np.random.default_rng(seed)
    table = Table(rng.normal(size=(40, d)), rng.exponential(size=40))
    centres = table.sphered[rng.integers(0, 40, k)] + 0.01 * rng.normal(size=(k, d))
    labels, grouped = divided(table, centres), table.mixture_of(np.arange(40) % k, k + 1)
    with pytest.MonkeyPatch.context() as patch:
        for module in (divided, Table):
            patch.setattr(sys.modules[module.__module__], "NATIVE", None)
        np.testing.assert_array_equal(labels, divided(table, centres))
        wanted = table.mixture_of(np.arange(40) % k, k + 1)
    np.testing.assert_allclose(grouped.weights, wanted.weights, rtol=1e-13)
    np.testing.assert_allclose(grouped.means, wanted.means, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(grouped.covariances, wanted.covariances, rtol=1e-9, atol=1e-13)


def test_a_centre_without_rows_stays_where_it_is():
    table = Table(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.ones(3))
    labels = divided(table, np.array([[0.0, 0.0], [1e3, 1e3]]))
    assert labels.tolist() == [0, 0, 0]
