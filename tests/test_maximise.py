"""The M-step in closed form, and the gradient beside numerical derivatives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenient import exp
from scipy import stats

from emix import DirichletPrior, Mixture, NormalPrior
from emix.em import expect
from emix.maximise import gradient, maximise
from emix.model import Model
from emix.sources.array import ArraySource

NAN = np.nan
X = np.random.default_rng(1).normal([-1.0, 0.0, 2.0], [0.5, 1.0, 0.7], (20, 3)).ravel()
WEIGHT = np.random.default_rng(2).exponential(size=60)
OLD = Mixture.univariate([0.2, 0.5, 0.3], [-0.7, 0.1, 1.5], [0.6, 0.9, 1.1])
SOURCE = ArraySource.of(X, WEIGHT)


def stepped(**arguments) -> tuple[Mixture, np.ndarray, Model]:
    """One M-step from `OLD`, and Σ w r of each row and component."""
    model = Model.parse(3, 1, **arguments)
    old = model.conforming(OLD)
    logs = np.log(old.weights) + stats.norm(old.means[:, 0], old.sds).logpdf(X[:, None])
    r = exp(logs - np.logaddexp.reduce(logs, axis=1)[:, None])
    return maximise(expect(SOURCE, old, model), old, model), r * WEIGHT[:, None], model


def test_weights_means_and_spreads_are_the_weighted_ones():
    new, wr, _ = stepped()
    n = wr.sum(axis=0)
    np.testing.assert_allclose(new.weights, n / WEIGHT.sum(), rtol=1e-13)
    np.testing.assert_allclose(new.means[:, 0], X @ wr / n, rtol=1e-12, atol=1e-14)
    variances = ((X[:, None] - new.means[:, 0]) ** 2 * wr).sum(axis=0) / n
    np.testing.assert_allclose(new.sds**2, variances, rtol=1e-12)
    tied, wr, _ = stepped(covariance="E")
    pooled = ((X[:, None] - tied.means[:, 0]) ** 2 * wr).sum() / WEIGHT.sum()
    np.testing.assert_allclose(tied.sds**2, pooled, rtol=1e-12)


def test_spreads_are_about_held_means():
    new, wr, _ = stepped(means=[NAN, 0.4, NAN])
    assert new.means[1, 0] == 0.4
    variance = ((X - 0.4) ** 2 @ wr[:, 1]) / wr[:, 1].sum()
    assert new.sds[1] ** 2 == pytest.approx(variance, rel=1e-12)


def test_held_weights_leave_the_rest_to_the_others():
    new, wr, _ = stepped(weights=[NAN, 0.25, NAN])
    n = wr.sum(axis=0)
    assert new.weights[1] == 0.25
    np.testing.assert_allclose(new.weights[[0, 2]], 0.75 * n[[0, 2]] / n[[0, 2]].sum(), rtol=1e-13)
    alone, _, _ = stepped(weights=[0.3, 0.25, NAN])
    assert alone.weights.tolist() == [0.3, 0.25, 1 - (0.3 + 0.25)]
    none, _, _ = stepped(weights="equal")
    assert none.weights.tolist() == [1 / 3] * 3


def test_the_dirichlet_prior_counts_imagined_points():
    alpha = np.array([1.0, 3.0, 8.0])
    new, wr, _ = stepped(prior=DirichletPrior(alpha.tolist()))
    counts = wr.sum(axis=0) + alpha - 1
    np.testing.assert_allclose(new.weights, counts / counts.sum(), rtol=1e-13)
    part, wr, _ = stepped(prior=DirichletPrior(alpha.tolist()), weights=[NAN, 0.25, NAN])
    counts = (wr.sum(axis=0) + alpha - 1)[[0, 2]]
    np.testing.assert_allclose(part.weights[[0, 2]], 0.75 * counts / counts.sum(), rtol=1e-13)


@pytest.mark.parametrize("covariance", ["E", "V"])
def test_with_a_normal_prior_the_mean_is_the_precision_weighted_one(covariance):
    """With the standard deviations of the step before: conditional maximisation."""
    m, s = 0.5, 0.2
    new, wr, model = stepped(prior=NormalPrior(m, s), covariance=covariance)
    old_sds, n = model.conforming(OLD).sds, wr.sum(axis=0)
    precision = n / old_sds**2 + 1 / s**2
    wanted = (X @ wr / old_sds**2 + m / s**2) / precision
    np.testing.assert_allclose(new.means[:, 0], wanted, rtol=1e-12)
    squares = ((X[:, None] - wanted) ** 2 * wr).sum(axis=0)
    variances = squares / n if covariance == "V" else squares.sum() / n.sum()
    np.testing.assert_allclose(new.sds**2, np.broadcast_to(variances, 3), rtol=1e-12)


def test_a_wide_prior_is_no_prior_and_a_narrow_one_decides():
    free = stepped()[0].means[:, 0]
    wide, narrow = (stepped(prior=NormalPrior(9.0, sd))[0].means[:, 0] for sd in (1e9, 1e-9))
    np.testing.assert_allclose(wide, free, atol=1e-12)
    np.testing.assert_allclose(narrow, 9.0, atol=1e-9)


def test_a_component_of_no_points_stays_where_it_is():
    far = Mixture.univariate([0.5, 0.5], [0.0, 1e9], [1.0, 2.0])
    model = Model.parse(2, 1)
    new = maximise(expect(SOURCE, far, model), far, model)
    assert (new.weights[1], new.means[1, 0], new.sds[1]) == (0.0, 1e9, 2.0)
    # But for a prior on its weight, which imagines some.
    prior = Model.parse(2, 1, prior=DirichletPrior(2.0))
    new = maximise(expect(SOURCE, far, prior), far, prior)
    assert new.weights[1] == pytest.approx(1 / (WEIGHT.sum() + 2))


# The gradient


def objective(mixture: Mixture, model: Model) -> float:
    return float(WEIGHT @ mixture.logpdf(X)) + model.log_prior(mixture)


def moved(mixture: Mixture, model: Model, kind: str, j: int, h: float) -> Mixture:
    """The mixture with one coordinate changed by h: the log-odds of a learned weight, a mean in
    its component's standard deviations, the log of a standard deviation (of all, if common)."""
    w, mu, sd = mixture.weights.copy(), mixture.means[:, 0].copy(), mixture.sds.copy()
    if kind == "weight":
        learned = model.held.learned_weights
        total = w[learned].sum()
        w[j] *= np.exp(h)
        w[learned] *= total / w[learned].sum()
    elif kind == "mean":
        mu[j] += h * sd[j]
    else:
        sd[slice(None) if model.structure.is_common else j] *= np.exp(h)
    return Mixture.univariate(w, mu, sd)


def coordinates(model: Model) -> list[tuple[str, int]]:
    held = model.held
    weights = np.flatnonzero(held.learned_weights)
    sds = np.flatnonzero(held.learned_covariances)
    if model.structure.is_common:
        sds = sds[:1]
    return [*(("weight", j) for j in weights if len(weights) > 1),
            *(("mean", j) for j in np.flatnonzero(held.learned_means[:, 0])),
            *(("sd", j) for j in sds)]


@settings(max_examples=150)
@given(
    weights=st.sampled_from([None, "equal", [NAN, 0.4, NAN], [0.3, 0.3, NAN]]),
    means=st.sampled_from([None, [0.1, NAN, NAN], 0.5]),
    sds=st.sampled_from([None, 0.8]), covariance=st.sampled_from(["E", "V"]),
    normal=st.booleans(), alpha=st.sampled_from([None, 2.0, [1.0, 4.0, 2.5]]),
    seed=st.integers(0, 2**32),
)
def test_the_gradient_is_the_derivative_of_the_objective(
    weights, means, sds, covariance, normal, alpha, seed
):
    priors = ([NormalPrior(0.3, 0.7)] if normal else []) + (
        [] if alpha is None else [DirichletPrior(alpha)])
    model = Model.parse(3, 1, covariance, weights, means, sds, prior=priors)
    rng = np.random.default_rng(seed)
    mixture = model.conforming(Mixture.univariate(
        rng.dirichlet(np.full(3, 5.0)), rng.normal(0, 1, 3), rng.uniform(0.4, 2, 3)))
    found = gradient(expect(SOURCE, mixture, model), mixture, model)
    h = 1e-5
    wanted = [
        (objective(moved(mixture, model, *c, h), model)
         - objective(moved(mixture, model, *c, -h), model)) / (2 * h) / WEIGHT.sum()
        for c in coordinates(model)
    ]
    # It begins with a 0, so that where nothing is learned it has a largest element all the same.
    assert found[0] == 0.0 and len(found) == len(wanted) + 1
    np.testing.assert_allclose(found[1:], wanted, rtol=1e-6, atol=1e-7)


def test_a_spread_on_the_floor_that_would_shrink_is_stationary():
    narrow = Mixture.univariate([0.2, 0.8], [X[0], 0.3], [1e-6, 1.0])
    free, floored = Model.parse(2, 1), replace(Model.parse(2, 1), floor=1e-6)
    s = expect(SOURCE, narrow, free)
    assert gradient(s, narrow, free)[-2] < 0 == gradient(s, narrow, floored)[-2]
    np.testing.assert_array_equal(np.delete(gradient(s, narrow, free), -2),
                                  np.delete(gradient(s, narrow, floored), -2))
    # On the floor and willing to grow is not stationary.
    wide = replace(free, floor=2.0)
    tight = Mixture.univariate([0.5, 0.5], [-9.0, 9.0], [2.0, 2.0])
    assert (gradient(expect(SOURCE, tight, wide), tight, wide)[-2:] > 0).all()
    tied = replace(Model.parse(2, 1, "E"), floor=5.0)
    broad = Mixture.univariate([0.5, 0.5], [0.0, 0.5], [5.0, 5.0])
    assert gradient(expect(SOURCE, broad, tied), broad, tied)[-1] == 0.0
    assert gradient(expect(SOURCE, broad, tied), broad, Model.parse(2, 1, "E"))[-1] < 0
