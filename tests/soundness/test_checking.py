"""Data that no start could fit: said before anything is tried, with the columns by name."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix import DataError
from emix.covariance import STRUCTURES
from emix.soundness.checking import dependent_columns

NAN = np.nan
SPHERES = ("EII", "VII")
ALONG_AXES = ("EEI", "VEI", "EVI", "VVI")
TURNED = [name for name in STRUCTURES if name not in SPHERES + ALONG_AXES]
RNG = np.random.default_rng(5)
PLAIN = np.concatenate([RNG.normal(size=(30, 3)), RNG.normal(4, 1, (30, 3))])


def named(x: np.ndarray, *names: str):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(x, columns=list(names))


def fitted(x, k: int = 2, **arguments) -> emix.Fit:
    return emix.fit(x, k, **{"start": "quantiles", "tol": 1e-6, **arguments})


# Constant columns


@pytest.mark.parametrize("covariance", [*ALONG_AXES, *TURNED])
@pytest.mark.parametrize("k", [1, 2])
def test_a_constant_column_is_named(covariance, k):
    x = np.column_stack([PLAIN[:, 0], np.full(60, 3.5), PLAIN[:, 1]])
    with pytest.raises(DataError, match=r"column x2 \(3\.5\) is constant in all 60 rows: no spread "
                                        r"to learn; leave it out, or fit covariance='spherical'"):
        fitted(x, k, covariance=covariance)
    with pytest.raises(DataError, match=r"column width \(3\.5\) is constant"):
        fitted(named(x, "length", "width", "depth"), k, covariance=covariance)


@pytest.mark.parametrize("covariance", SPHERES)
def test_spheres_have_a_spread_all_the_same(covariance):
    x = np.column_stack([PLAIN[:, 0], np.full(60, 3.5), PLAIN[:, 1]])
    found = fitted(x, covariance=covariance)
    assert found.converged
    np.testing.assert_allclose(found.mixture.means[:, 1], 3.5, rtol=1e-12)
    with pytest.raises(DataError, match=r"x1 \(1\), x2 \(2\) are constant in all 9 rows"):
        fitted(np.tile([1.0, 2.0], (9, 1)), covariance=covariance)


def test_several_constant_columns_are_named_and_many_are_counted():
    x = np.column_stack([PLAIN, np.zeros(60), np.full(60, -1e9)])
    with pytest.raises(DataError, match=r"columns x4 \(0\), x5 \(-1e\+09\) are constant in all 60 "
                                        r"rows: no spread to learn; leave them out"):
        fitted(x)
    with pytest.raises(DataError, match=r"x20 \(7\) and 30 more are constant .* hold covariances"):
        fitted(np.full((9, 50), 7.0))


def test_held_covariances_need_no_spread():
    x = np.column_stack([PLAIN[:, 0], np.full(60, 3.5)])
    found = fitted(x, covariances=np.diag([0.5, 2.0]))
    np.testing.assert_allclose(found.mixture.means[:, 1], 3.5, rtol=1e-12)
    all_constant = fitted(np.tile([1.0, 2.0], (9, 1)), covariances=np.eye(2))
    np.testing.assert_allclose(all_constant.mixture.means, [[1, 2], [1, 2]], rtol=1e-12)
    with pytest.raises(DataError, match="constant"):
        fitted(x, covariances=[np.eye(2), np.full((2, 2), NAN)])


def test_rows_of_weight_zero_do_not_count():
    x = np.column_stack([PLAIN[:, 0], np.full(60, 3.5)])
    x[7, 1] = 9.0
    weight = np.ones(60)
    weight[7] = 0.0
    with pytest.raises(DataError, match=r"column x2 \(3\.5\) is constant in all 59 rows"):
        fitted(x, sample_weight=weight)


@pytest.mark.parametrize("covariance", STRUCTURES)
def test_one_row_has_no_spread(covariance):
    with pytest.raises(DataError, match=r"columns x1 \(1\), x2 \(2\) are constant in the only row"):
        fitted([[1.0, 2.0]], 1, covariance=covariance)


# Combinations of columns


COMBINED = {
    "two equal": np.column_stack([PLAIN, PLAIN[:, 1]]),
    "one twice another": np.column_stack([PLAIN, 2 * PLAIN[:, 1] + 5]),
    "a sum": np.column_stack([PLAIN, PLAIN.sum(axis=1)]),
    "a sum in other units": np.column_stack([PLAIN, PLAIN.sum(axis=1)]) * [1e-9, 1.0, 1e12, 1e-3],
    "a sum with an offset": np.column_stack([PLAIN, PLAIN.sum(axis=1)])
    + np.array([0.0, 1e3, 0.0, -1e3]),
    "one hot": np.eye(4)[np.arange(60) % 4],
}


@pytest.mark.parametrize("covariance", TURNED)
@pytest.mark.parametrize("name", COMBINED)
def test_columns_that_are_combinations_are_named(covariance, name):
    with pytest.raises(DataError, match=r"x\d can be computed from the other columns .* leave out "
                                        r"1 of the columns involved, or use covariance='diag'"):
        fitted(COMBINED[name], covariance=covariance)


@pytest.mark.parametrize("covariance", [*SPHERES, *ALONG_AXES])
def test_where_no_covariance_between_columns_is_learned_they_are_as_good(covariance):
    found = fitted(COMBINED["two equal"], covariance=covariance)
    np.testing.assert_allclose(found.mixture.means[:, 3], found.mixture.means[:, 1], rtol=1e-10)


def test_two_equal_columns_are_both_in_the_message_or_one_of_them():
    x = named(COMBINED["two equal"], "a", "b", "c", "b again")
    with pytest.raises(DataError, match=r"^b again can be computed|^b can be computed"):
        fitted(x)


def test_held_matrices_need_no_rank():
    found = fitted(COMBINED["a sum"], covariances=np.eye(4))
    assert found.converged and found.df == 1 + 8


@pytest.mark.parametrize("covariance", TURNED)
@pytest.mark.parametrize(("n", "d"), [(2, 2), (4, 4), (5, 9), (3, 40)])
def test_more_columns_than_rows_are_said_to_be(covariance, n, d):
    x = np.random.default_rng(0).normal(size=(n, d))
    with pytest.raises(DataError, match=rf"{n} rows cannot tell {d} columns apart: covariances "
                                        rf"between columns need more than {d} rows; use "
                                        rf"covariance='diag' or 'spherical', or fewer columns"):
        fitted(x, 1, covariance=covariance)


@pytest.mark.parametrize("covariance", ["EEI", "VVI", "EII", "VII"])
def test_more_columns_than_rows_are_fitted_along_the_axes(covariance):
    x = np.random.default_rng(0).normal(size=(5, 9))
    found = fitted(x, 1, covariance=covariance)
    np.testing.assert_allclose(found.mixture.means[0], x.mean(axis=0), rtol=1e-10)


@pytest.mark.parametrize("covariance", STRUCTURES)
def test_more_components_than_distinct_rows_are_refused(covariance):
    x = np.repeat(PLAIN[[0, 1, 2, 30, 31]], 12, axis=0)
    with pytest.raises(DataError, match=r"x1, x2, x3 has 5 distinct rows in 60 rows, .* 6 "
                                        r"components apart: at most k=5"):
        emix.fit(x, 6, covariance=covariance)


# What is dependent


def test_dependent_columns_are_found_by_rank():
    rng = np.random.default_rng(1)
    full = rng.normal(size=(400, 6))
    assert dependent_columns(np.cov(full.T)) == []
    for extra in (1, 2, 3):
        x = np.column_stack([full, full @ rng.normal(size=(6, extra))])
        x *= 10.0 ** rng.uniform(-8, 8, 6 + extra)
        found = dependent_columns(np.cov(x.T))
        assert len(found) == extra and found == sorted(found)
        kept = [j for j in range(x.shape[1]) if j not in found]
        assert dependent_columns(np.cov(x[:, kept].T)) == []


def test_nearly_dependent_is_not_dependent():
    """A column of which a millionth of the sd is its own is data."""
    x = np.column_stack([PLAIN[:, 0], PLAIN[:, 0] + 1e-5 * PLAIN[:, 1]])
    assert dependent_columns(np.cov(x.T)) == []
    x = np.column_stack([PLAIN[:, 0], PLAIN[:, 0] + 1e-8 * PLAIN[:, 1]])
    assert len(dependent_columns(np.cov(x.T))) == 1


def test_many_columns_are_checked_in_no_time():
    x = np.random.default_rng(0).normal(size=(700, 600))
    x[:, 17] = x[:, :5].sum(axis=1)
    [found] = dependent_columns(np.cov(x.T))
    assert found in (0, 1, 2, 3, 4, 17)
