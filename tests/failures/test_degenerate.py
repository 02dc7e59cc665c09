"""Degenerate data: a fit, or one typed error that names what is wrong, and nothing silent."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix.covariance import STRUCTURES
from emix.soundness.coinciding import counted


def near_a_hundred() -> np.ndarray:
    return np.random.default_rng(8).uniform(100, 480, (20, 10)).round(1)


def rectified(n: int, d: int) -> np.ndarray:
    return np.maximum(np.random.default_rng(0).normal(-1, 1, (n, d)), 0)


x = np.random.default_rng(5).normal(size=(40, 3))
DATA = {
    "a constant column": np.column_stack([x, np.full(40, 7.0)]),
    "two equal columns": np.column_stack([x, x[:, 0]]),
    "a column that is the sum of two": np.column_stack([x, x[:, 0] + x[:, 1]]),
    "a column scaled": np.column_stack([x, -1e9 * x[:, 2]]),
    "more columns than rows": np.random.default_rng(1).normal(size=(6, 12)),
    "one row": x[:1],
    "two rows": x[:2],
    "all rows equal": np.repeat(x[:1], 30, axis=0),
    "two places": np.repeat(x[:2], 500, axis=0),
    "five places": np.repeat(x[:5], 30, axis=0),
    "one row apart": np.concatenate([np.repeat(x[:1], 40, axis=0), x[1:2]]),
    "ties in a column and an outlier": np.column_stack(
        [np.repeat([1.0, 1.1, 1.2, 40.0], [20, 10, 9, 1]), x[:, 0]]),
    "ones and zeros": (x > 0).astype(float),
    "one hot": np.eye(4)[np.arange(40) % 4],
    "half of it zero": rectified(60, 5),
    "20 rows of 10 columns": near_a_hundred(),
    "a line": np.outer(np.arange(30.0), [1.0, 2.0]),
    "a parabola": np.column_stack([np.arange(30.0), np.arange(30.0) ** 2]),
}


@pytest.mark.parametrize("covariance", STRUCTURES)
@pytest.mark.parametrize("data", DATA)
def test_a_fit_or_an_error_that_names_it(data, covariance, quietly):
    rows, refusals = DATA[data], []
    for k in (1, 2, 5):
        try:
            found = quietly(rows, k, covariance=covariance, n_starts=2, max_iter=60)
        except emix.DataError as reason:
            refusals.append(str(reason))
            continue
        m = found.mixture
        assert np.isfinite(found.loglik) and np.isfinite(m.means).all()
        assert np.isfinite(m.covariances).all()
        assert (np.diagonal(m.covariance.factors, axis1=1, axis2=2) > 0).all()
        assert abs(m.weights.sum() - 1) < 1e-12 and (m.weights >= 0).all()
        assert np.allclose(m.responsibilities(rows).sum(axis=1), 1, rtol=0, atol=1e-12)
        # A component without data, and one that repeats another, are spoken of.
        assert found.effective_k == k or any("mixture of" in w for w in found.warnings)
        if (m.weights * len(rows) < 1e-3).any():
            assert found.effective_k < k
        # A spike is named.
        thin = np.diagonal(m.covariance.factors, axis1=1, axis2=2).min(axis=1) < 1e-9
        if thin.any() and covariance[0] == "V" and covariance not in ("VEE", "VVE", "VEI"):
            assert found.degenerate
    words = ("constant", "can be computed from", "distinct row", "cannot tell")
    assert all(any(word in refusal for word in words) for refusal in refusals)


@pytest.mark.parametrize("k", range(5, 11))
@pytest.mark.parametrize("covariance", STRUCTURES)
def test_twenty_rows_of_ten_columns(k, covariance, quietly):
    """scikit-learn issue 8453, every structure."""
    found = quietly(near_a_hundred(), k, covariance=covariance, n_starts=1, max_iter=30)
    assert np.isfinite(found.loglik) and np.isfinite(found.mixture.covariances).all()


def test_two_points_five_hundred_times():
    """scikit-learn issue 7953."""
    twice = np.repeat([[0.0, 1.0], [1.0, 0.0]], 500, axis=0)
    for rows, what in ((twice, "row"), (twice[:, 0], "value")):
        with pytest.raises(emix.DataError, match=f"2 distinct {what}s in 1000 rows.*k=2"):
            emix.fit(rows, 5, covariance="spherical")


# --- components that are no more than others


def test_components_that_coincide_are_counted_once():
    """Two places and five components: three of them say nothing new."""
    rows = np.repeat([0.0, 1.0], 500)
    found = emix.fit(rows, 5, sds=0.25, n_starts=3)
    assert found.effective_k == 2
    assert "coincide" in found.warnings[-1] and "a mixture of 2 components" in found.warnings[-1]
    assert found.to_dict()["effective_k"] == 2 and found.warnings[-1] in found.report()
    assert emix.fit(rows, 2, sds=0.25).effective_k == 2
    assert emix.fit([3.25, 3.25], 3, sds=2.0).effective_k == 1


@pytest.mark.parametrize("covariance", ["VVV", "VII", "EEE", "VVI", "VEV"])
def test_components_that_coincide_in_several_columns(covariance, quietly):
    rows = np.random.default_rng(2).normal(size=(60, 2))
    same = emix.fit(rows, 1, covariance=covariance).mixture
    start = emix.Mixture.trusted(
        np.array([0.3, 0.3, 0.4]), np.repeat(same.means, 3, axis=0),
        emix.Mixture([1 / 3] * 3, np.repeat(same.means, 3, axis=0),
                     np.repeat(same.covariances, 3, axis=0)).covariance)
    found = quietly(rows, 3, start=start, covariance=covariance)
    assert found.effective_k == 1 and found.converged
    assert found.warnings[-1] == "components 1, 2 and 3 coincide: this is a mixture of 1 component"


def test_a_component_without_data_is_not_silent(quietly):
    """scikit-learn keeps a component of weight 2e-16."""
    rows = np.random.default_rng(2).normal(size=200)
    start = emix.Mixture.univariate([0.5, 0.5], [0.0, 1e6], [1.0, 1.0])
    found = quietly(rows, 2, start=start)
    assert found.mixture.weights.min() < 1e-12 and found.effective_k == 1
    assert "component 2 has no data: this is a mixture of 1 component" in found.warnings


@pytest.mark.parametrize(("mean", "sd", "effective"), [
    (0.0, 1.0, 1), (0.009, 1.0, 1), (0.0, 1.009, 1), (0.02, 1.0, 2), (0.0, 1.02, 2),
    (1e9, 1.0, 2), (0.0, 1e-150, 2), (0.0, 1e150, 2),
])
def test_what_differs_by_a_hundredth_is_two(mean, sd, effective):
    with np.errstate(all="raise"):
        m = emix.Mixture.univariate([0.5, 0.5], [0.0, mean], [1.0, sd])
        assert counted(m, 100.0).effective == effective
