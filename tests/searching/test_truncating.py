"""Climbs that leave components out: bounds, bits, reports, and components that collapse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emix
from emix.arrays import Units
from emix.climbing.climb import Outcome, Stop
from emix.em import expect
from emix.errors import DegenerateWarning, NotConvergedWarning, ParameterError
from emix.maximise import maximise
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.searching.plan import CROWD
from emix.searching.truncating import Truncation, climb_near, relocated, weak_components
from emix.sources.array import ArraySource


def clusters(rng, n, d, k, apart):
    """Rows (n, d) of k clusters."""
    means = rng.normal(0, apart, (k, d))
    return means[rng.integers(0, k, n)] + rng.normal(size=(n, d)) * rng.uniform(0.4, 1.2, d)


def start_of(rng, x, k, model):
    spread = np.cov(x.T) * k ** (-2 / x.shape[1])
    rows = x[rng.choice(len(x), k, replace=False)]
    return model.conforming(Mixture(np.full(k, 1 / k), rows, np.repeat(spread[None], k, axis=0)))


def quietly(*arguments, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConvergedWarning)
        warnings.simplefilter("ignore", DegenerateWarning)
        return emix.fit(*arguments, **named)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), apart=st.floats(0.0, 5.0), weighted=st.booleans(),
       outlier=st.sampled_from([0.0, 30.0, 1e4]), neglect=st.sampled_from([1e-6, 1e-4, 1e-2]),
       structure=st.sampled_from(["VVV", "VVI", "VII", "EEE"]))
def test_each_step_is_exact_within_the_bound(seed, apart, weighted, outlier, neglect, structure):
    # With so few components every row is surveyed at each step, and the bound is no estimate.
    rng = np.random.default_rng(seed)
    k, d, n = 10, 3, 300
    x = clusters(rng, n, d, k, apart)
    x[0] += outlier
    w = rng.uniform(0.2, 2.0, n) if weighted else None
    source, units = ArraySource.of(x, w), Units.identity(d)
    model = Model.parse(k, d, structure).inward(units, FLOOR)
    e_step = Truncation(source, model, units, neglect, 0, 1)
    mixture = start_of(rng, x, k, model)
    before = -np.inf
    for _ in range(6):
        near, exact = e_step(mixture), expect(source, mixture, model)
        gap, rounding = exact.loglik - near.loglik, 1e-11 * (abs(exact.loglik) + n)
        assert -rounding <= gap <= neglect * exact.total + rounding
        np.testing.assert_allclose(near.weight, exact.weight,
                                   atol=neglect * exact.total + rounding)
        # EM raises what it sees: the exact objective falls by no more than was left out.
        assert exact.loglik >= before - rounding
        before = near.loglik
        mixture = maximise(near, mixture, model)
        if weak_components(mixture, model, exact.total).any():
            break


def test_a_fit_says_what_it_left_out_and_its_loglik_is_exact():
    rng = np.random.default_rng(1)
    x = clusters(rng, 20_000, 3, 15, 4.0)
    start = Mixture(np.full(15, 1 / 15), x[:15], np.repeat(np.eye(3)[None], 15, axis=0))
    fit = quietly(x, 15, start=start, max_iter=12, neglect=1e-3)
    assert fit.neglect == 1e-3 and 0 < fit.neglected <= 2e-3
    assert fit.loglik == pytest.approx(fit.mixture.logpdf(x).sum(), rel=1e-11)
    assert fit.trace[-1] == fit.objective and len(fit.trace) == fit.n_iter + 1
    assert f"left out {fit.neglected:.1e} nats per row (neglect=0.001)" in fit.report()
    assert fit.to_dict()["neglected"] == fit.neglected
    exact = quietly(x, 15, start=start, max_iter=12, neglect=0)
    assert exact.neglected == exact.neglect == 0 and "left out" not in exact.report()
    assert fit.loglik == pytest.approx(exact.loglik, abs=2e-3 * len(x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_same_bits_on_any_number_of_threads(dtype):
    rng = np.random.default_rng(2)
    x = (clusters(rng, 5000, 4, 30, 3.0) + 1e3).astype(dtype)
    w = rng.integers(0, 3, len(x)).astype(float)
    start = Mixture(np.full(30, 1 / 30), x[:30], np.repeat(np.eye(4)[None], 30, axis=0))
    fits = [quietly(x, 30, start=start, max_iter=6, neglect=1e-4, sample_weight=w, threads=t)
            for t in (1, 2, 3)]
    for fit in fits[1:]:
        assert fit.mixture == fits[0].mixture and fit.loglik == fits[0].loglik
        assert fit.neglected == fits[0].neglected and (fit.trace == fits[0].trace).all()


def test_without_neglect_nothing_changes():
    x = emix.datasets.load("faithful").data
    default, exact = emix.fit(x, 3), emix.fit(x, 3, neglect=0)
    assert default.mixture == exact.mixture and default.loglik == exact.loglik
    assert default.neglect == 0 and (default.trace == exact.trace).all()


def test_apart_clusters_converge_as_far_as_truncation_lets_them():
    rng = np.random.default_rng(3)
    means = 20.0 * np.array([[i, j] for i in range(4) for j in range(3)])
    x = means[rng.integers(0, 12, 6000)] + rng.normal(size=(6000, 2))
    start = Mixture(np.full(12, 1 / 12), means + 1, np.repeat(2 * np.eye(2)[None], 12, axis=0))
    fit = emix.fit(x, 12, neglect=1e-6, start=start)
    assert fit.converged and fit.gradient <= 1e-6
    assert fit.neglected <= 1e-6 and fit.n_iter < 50
    assert fit.loglik == pytest.approx(emix.fit(x, 12, start=start).loglik, abs=1e-6)


def test_a_crowd_is_fitted_from_one_start():
    rng = np.random.default_rng(4)
    x = clusters(rng, 6000, 2, CROWD, 12.0)
    fit = quietly(x, CROWD, covariance="diag", max_iter=4)
    assert fit.neglect == 1e-5 and fit.neglected < 1e-3 and fit.k == CROWD
    assert len(fit.optima) == 1 and fit.optima[0].starts == 1
    assert fit.loglik == pytest.approx(fit.mixture.logpdf(x).sum(), rel=1e-11)
    assert (np.diff(fit.trace) > -2e-3 * len(x)).all() and fit.trace[-1] > fit.trace[0]
    assert f"and {CROWD - 64} more components" in fit.report()


def test_components_that_collapse_are_put_elsewhere():
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(size=(600, 2)), rng.normal(size=(600, 2)) + 9])
    # A component on one row alone has no width.
    means, sizes = np.array([[0.0, 0.0], [9.0, 9.0], x[5]]), np.array([1.0, 1.0, 1e-12])
    start = Mixture([0.5, 0.49, 0.01], means, sizes[:, None, None] * np.eye(2))
    source, units = ArraySource.of(x), Units.identity(2)
    model = Model.parse(3, 2).inward(units, FLOOR)
    for neglect in (1e-5, 0.0):
        run = climb_near(source, model.conforming(start), model, units, Stop(1e-6, 400), neglect,
                         0, 1)
        assert run.relocated >= 1 and run.outcome is not Outcome.COLLAPSED
        assert not weak_components(run.mixture, model, len(x)).any()
        assert run.loglik == pytest.approx(run.mixture.logpdf(x).sum(), rel=1e-11)


def test_a_relocated_component_halves_the_heaviest():
    mixture = Mixture([0.7, 0.2, 0.1], [[0.0, 0], [5, 5], [9, 9]],
                      np.stack([np.diag([4.0, 1.0]), np.eye(2), np.eye(2)]))
    moved, moves = relocated(mixture, np.array([False, False, True]), Model.parse(3, 2))
    assert moves == [(2, 0)]
    np.testing.assert_allclose(moved.weights, np.array([0.35, 0.2, 0.35]) / 0.9)
    np.testing.assert_allclose(moved.means, [[-1, 0], [5, 5], [1, 0]])
    np.testing.assert_allclose(moved.covariances[2], np.diag([4.0, 1.0]))


@pytest.mark.parametrize("neglect", [-1e-3, 1.0, float("nan"), "little"])
def test_what_cannot_be_neglected_is_refused(neglect):
    with pytest.raises(ParameterError, match="neglect"):
        emix.fit(np.random.default_rng(0).normal(size=(50, 2)), 2, neglect=neglect)


def test_in_one_column_nothing_is_neglected():
    with pytest.raises(ParameterError, match="several columns"):
        emix.fit([1.0, 2.0, 4.0, 9.0], 2, neglect=1e-3)
