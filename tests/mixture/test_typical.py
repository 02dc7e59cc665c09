"""Distances to components, and the rows that show best what each is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis

from emix import DataError, Mixture, ParameterError
from emix.covariance import Dense, Oriented

TWO = Mixture([0.4, 0.6], [[0.0, 1.0], [3.0, -1.0]],
              [[[4.0, 1.0], [1.0, 2.0]], [[0.5, -0.2], [-0.2, 0.3]]])


def test_distances_are_those_of_scipy():
    x = TWO.sample(40, 2)[0]
    wanted = [[mahalanobis(row, m, np.linalg.inv(s)) for m, s in
               zip(TWO.means, TWO.covariances, strict=True)] for row in x]
    np.testing.assert_allclose(TWO.mahalanobis(x), wanted, rtol=1e-12)
    column = Mixture.univariate([0.5, 0.5], [0.0, 4.0], [1.0, 0.5])
    assert column.mahalanobis([1.0, 3]).tolist() == [[1.0, 6.0], [3.0, 2.0]]
    np.testing.assert_array_equal(TWO.mahalanobis(x.astype(np.float32)),
                                  TWO.mahalanobis(x.astype(np.float32).astype(float)))


@given(st.integers(0, 2**32), st.floats(0.1, 100))
def test_distances_have_no_units(seed, spread):
    rng = np.random.default_rng(seed)
    factors = np.exp(rng.normal(0, spread, 2))
    scaled = Mixture.trusted(TWO.weights, TWO.means * factors, TWO.covariance.rescaled(factors))
    x = TWO.sample(5, seed)[0]
    np.testing.assert_allclose(scaled.mahalanobis(x * factors), TWO.mahalanobis(x), rtol=1e-9)


def test_no_distance_overflows_before_it_must():
    x = np.array([[1e200, 0.0], [0.0, 1.0], [1e-200, 1.0]])
    with np.errstate(all="raise"):
        found = TWO.mahalanobis(x)
    slope = 1e200 * np.sqrt(np.linalg.inv(TWO.covariances)[:, 0, 0])
    np.testing.assert_allclose(found[0], slope, rtol=1e-12)
    assert found[1, 0] == 0.0 and found[2, 0] == pytest.approx(1e-200 * np.sqrt(2 / 7), rel=1e-12)


def test_the_root_does_not_matter():
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    oriented = Oriented(np.array([[3.0, 0.5]]), turn[None].copy())
    a = Mixture.trusted(np.ones(1), np.zeros((1, 2)), oriented)
    b = Mixture.trusted(np.ones(1), np.zeros((1, 2)), Dense(oriented.factors.copy()))
    x = np.random.default_rng(0).normal(size=(20, 2))
    np.testing.assert_allclose(a.mahalanobis(x), b.mahalanobis(x), rtol=1e-12)


def test_the_most_typical_rows_are_the_nearest_of_those_assigned():
    x = TWO.sample(300, 4)[0]
    labels, distances = TWO.predict(x), TWO.mahalanobis(x)
    for j, rows in enumerate(TWO.most_typical(x, 5)):
        assert (labels[rows] == j).all() and len(rows) == 5 and rows.dtype == np.int64
        assert (np.diff(distances[rows, j]) >= 0).all()
        others = np.setdiff1d(np.flatnonzero(labels == j), rows)
        assert distances[rows, j].max() <= distances[others, j].min()


def test_a_row_that_another_component_claims_is_typical_of_that():
    """The wide one's mean is in the narrow one: its nearest row is not its own."""
    nested = Mixture.univariate([0.2, 0.8], [0.0, 0.0], [10.0, 0.1])
    wide, narrow = nested.most_typical([0.0, 3.0, -2.0, 0.05], 3)
    assert wide.tolist() == [2, 1] and narrow.tolist() == [0, 3]


def test_fewer_or_none_where_fewer_are_assigned_and_ties_by_row():
    m = Mixture.univariate([0.5, 0.5], [0.0, 100.0], [1.0, 1.0])
    near, none = m.most_typical([0.5, -0.5, 2.0], 10)
    assert near.tolist() == [0, 1, 2] and none.tolist() == []
    assert [rows.tolist() for rows in m.most_typical([0.5, -0.5, 99.0])] == [[0], [2]]
    ties, _ = m.most_typical(np.tile([0.5, -0.5, 0.25], 100), 300)
    assert (np.diff(ties[:100]) == 3).all() and (np.diff(ties[100:]) > 0).all()


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "1", None])
def test_what_is_no_number_of_rows(n):
    with pytest.raises(ParameterError, match="number of rows"):
        TWO.most_typical([[0.0, 0.0]], n)


def test_what_is_no_data():
    for ask in (TWO.mahalanobis, TWO.most_typical):
        with pytest.raises(DataError, match=r"expected shape \(n, 2\)"):
            ask([1.0, 2.0])
        with pytest.raises(DataError, match="nan at row 0"):
            ask([[1.0, np.nan]])
