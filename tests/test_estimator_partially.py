"""GaussianMixture.partial_fit: scikit-learn's way to learn a stream."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import emix
from emix import DataError, GaussianMixture, Mixture
from emix.online import Constant, Decay, Memory, OnlineFit

TRUTH = Mixture([0.3, 0.3, 0.4], [[0.0, 0.0], [4.0, 1.0], [1.0, 6.0]],
                [np.eye(2), [[2.0, 0.5], [0.5, 1.0]], [[1.0, -0.6], [-0.6, 2.0]]])
X = TRUTH.sample(3000, 1)[0]


def test_batches_are_learned_as_by_online_fit():
    estimator, online = GaussianMixture(3, schedule=Decay(0.6)), OnlineFit(3, schedule=Decay(0.6))
    for count, batch in enumerate(X.reshape(10, 300, 2), start=1):
        assert estimator.partial_fit(batch) is estimator
        online.update(batch)
        assert estimator.n_iter_ == count
    assert estimator.mixture_ == online.mixture
    np.testing.assert_array_equal(estimator.means_, online.mixture.means)
    assert estimator.lower_bound_ == online.recent_loglik and not estimator.converged_
    assert not hasattr(estimator, "fit_")
    assert estimator.score(X) == pytest.approx(emix.fit(X, 3).loglik / 3000, abs=5e-3)


def test_the_first_batches_are_a_fit_of_their_rows():
    estimator = GaussianMixture(3).partial_fit(X[:200])
    np.testing.assert_allclose(estimator.means_, emix.fit(X[:200], 3).mixture.means, atol=1e-6)
    assert not estimator.online_.is_begun and estimator.predict(X[:5]).shape == (5,)


def test_rows_may_come_one_by_one():
    """No mixture as long as there are fewer rows than it takes."""
    estimator = GaussianMixture(2, covariance_type="spherical")
    estimator.partial_fit(X[:1])
    with pytest.raises(NotFittedError):
        estimator.predict(X[:1])
    for row in X[1:40]:
        estimator.partial_fit(row[None])
    assert estimator.n_iter_ == 40 and np.isfinite(estimator.means_).all()


def test_after_a_fit_it_goes_on_from_there():
    """As if from the rows of that fit: a tenth as many more move means by a tenth."""
    estimator = GaussianMixture(1, schedule=Decay(1.0, 0.0)).fit(X)
    before = estimator.means_[0]
    estimator.partial_fit(X[:300] + 5.0)
    wanted = (3000 * before + 300 * (X[:300] + 5.0).mean(axis=0)) / 3300
    np.testing.assert_allclose(estimator.means_[0], wanted, rtol=1e-12)
    assert estimator.online_.seen == 3300
    # Another fit begins anew.
    estimator.fit(X)
    assert not hasattr(estimator, "online_")
    np.testing.assert_array_equal(estimator.means_[0], before)


def test_it_begins_at_a_start_that_is_given():
    means = TRUTH.means[[2, 0, 1]]
    estimator = GaussianMixture(3, means_init=means).partial_fit(X[:300]).partial_fit(X[300:900])
    np.testing.assert_allclose(estimator.means_, means, atol=0.5)
    assert estimator.online_.is_begun


def test_weights_and_names_of_columns():
    frame = pd.DataFrame(X, columns=["a", "b"])
    estimator = GaussianMixture(3)
    estimator.partial_fit(frame[:600], sample_weight=np.arange(600) % 3)
    assert list(estimator.feature_names_in_) == ["a", "b"]
    assert estimator.online_.seen == (np.arange(600) % 3).sum()
    with pytest.raises(ValueError, match="feature names"):
        estimator.partial_fit(frame[["b", "a"]][600:])
    before = estimator.means_.copy()
    estimator.partial_fit(frame[600:700], sample_weight=np.zeros(100))
    np.testing.assert_array_equal(estimator.means_, before)
    with pytest.raises(DataError, match="row 0"):
        estimator.partial_fit(pd.DataFrame({"a": [np.nan], "b": [1.0]}))


@pytest.mark.parametrize("kind", ["full", "tied", "diag", "spherical"])
def test_attributes_have_the_shapes_of_a_fit(kind):
    one, other = (GaussianMixture(2, covariance_type=kind) for _ in range(2))
    one.fit(X)
    for batch in X.reshape(5, 600, 2):
        other.partial_fit(batch)
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        assert getattr(one, name).shape == getattr(other, name).shape


def test_variance_is_added_as_in_a_fit():
    plain, added = (GaussianMixture(2, reg_covar=r).partial_fit(X[:900]) for r in (0.0, 0.5))
    np.testing.assert_allclose(added.covariances_, plain.covariances_ + 0.5 * np.eye(2))


def test_a_schedule_is_a_parameter():
    estimator = GaussianMixture(2, schedule=Memory(500.0))
    assert clone(estimator).schedule == Memory(500.0)
    assert "Memory(rows=500.0)" in repr(estimator)
    with pytest.raises(emix.ParameterError, match="schedule"):
        GaussianMixture(2, schedule=0.1).partial_fit(X)
    drifting = GaussianMixture(1, schedule=Constant(1.0))
    for shift in (0.0, 100.0, 200.0):
        drifting.partial_fit(X[:600] + shift)
    np.testing.assert_allclose(drifting.means_[0], X[:600].mean(axis=0) + 200.0)
