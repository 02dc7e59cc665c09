"""The M-step in several columns, and the gradient beside numerical derivatives of the objective."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lenient import exp, logsumexp
from scipy.linalg import expm

from emix import ConjugatePrior, DirichletPrior, Mixture, NormalPrior
from emix.arrays import Units
from emix.climbing.climb import Outcome, Stop, climb
from emix.covariance import STRUCTURES as ALL
from emix.covariance import Dense, Oriented
from emix.em import expect
from emix.maximise import gradient, maximise
from emix.model import Model
from emix.sources.array import ArraySource

NAN = np.nan
STRUCTURES = tuple(ALL)
every = pytest.mark.parametrize("name", STRUCTURES)
few = settings(max_examples=20)
K = 3


def rows(d: int, seed: int) -> np.ndarray:
    """Groups of 20, 30 and 40, neither round nor along the axes, about 0 with sds near 1."""
    rng = np.random.default_rng(seed)
    groups = [rng.normal(size=(20 + 10 * j, d)) @ rng.normal(0, 0.4, (d, d)) + rng.normal(0, 1, d)
              for j in range(K)]
    x = np.concatenate(groups)
    return (x - x.mean(axis=0)) / x.std()


def source_of(d: int, seed: int = 0, weighted: bool = True) -> ArraySource:
    x = rows(d, seed)
    rng = np.random.default_rng(seed + 1)
    return ArraySource.of(x, rng.exponential(size=len(x)) if weighted else None)


def random_mixture(d: int, seed: int) -> Mixture:
    rng = np.random.default_rng(seed)
    roots = rng.normal(0, 0.4, (K, d, d)) + 0.7 * np.eye(d)
    return Mixture(rng.dirichlet(np.full(K, 5.0)), rng.normal(0, 0.8, (K, d)),
                   roots @ np.swapaxes(roots, 1, 2))


def of_groups(x: np.ndarray) -> Mixture:
    """A component for each of the groups that `rows` puts one after the other."""
    groups = np.split(x, [20, 50])
    return Mixture([2 / 9, 3 / 9, 4 / 9], [g.mean(axis=0) for g in groups],
                   [np.cov(g.T) for g in groups])


def model_of(source: ArraySource, name: str, **arguments) -> Model:
    """A model that knows the data, as `fit` would tell it."""
    x, w = source.points, source.sample_weight
    model = Model.parse(K, x.shape[1], name, **arguments)
    covariance = np.cov(x.T, aweights=w)
    return model.informed(np.average(x, axis=0, weights=w), covariance, float(np.sum(w)))


def log_joint(x: np.ndarray, mixture: Mixture) -> np.ndarray:
    """log Φ_k N(x | μ_k, Σ_k), (n, k), by dense arithmetic."""
    d = x.shape[1]
    columns = []
    for w, mu, sigma in zip(mixture.weights, mixture.means, mixture.covariances, strict=True):
        away = x - mu
        squares = (away * np.linalg.solve(sigma, away.T).T).sum(axis=1)
        log_determinant = np.linalg.slogdet(sigma)[1]
        columns.append(np.log(w) - 0.5 * (squares + log_determinant + d * np.log(2 * np.pi)))
    return np.stack(columns, axis=1)


def soft(source: ArraySource, mixture: Mixture) -> np.ndarray:
    """w r, (n, k)."""
    logs = log_joint(source.points, mixture)
    return exp(logs - logsumexp(logs, axis=1, keepdims=True)) * source.sample_weight[:, None]


# The M-step


@every
@pytest.mark.parametrize("d", [2, 3])
def test_weights_and_means_are_the_weighted_ones(name, d):
    source = source_of(d)
    model = model_of(source, name)
    old = model.conforming(random_mixture(d, 1))
    new = maximise(expect(source, old, model), old, model)
    wr = soft(source, old)
    n = wr.sum(axis=0)
    np.testing.assert_allclose(new.weights, n / n.sum(), rtol=1e-12)
    np.testing.assert_allclose(new.means, wr.T @ source.points / n[:, None], rtol=1e-10, atol=1e-12)
    # Whatever the structure, the sizes of the components agree with the scatter in sum:
    # Σ_k tr Σ_k⁻¹ S_k = n d, since the volumes may all be scaled together.
    away = source.points - new.means[:, None]
    traces = [np.trace(np.linalg.solve(sigma, (a * r[:, None]).T @ a))
              for sigma, a, r in zip(new.covariances, away, wr.T, strict=True)]
    assert sum(traces) == pytest.approx(n.sum() * d, rel=1e-9)


@pytest.mark.parametrize("name", ["VVV", "EEE", "VVI", "VII", "EII"])
def test_covariances_are_about_the_new_means(name):
    source = source_of(2)
    model = model_of(source, name, means=[[NAN, 0.4], [NAN, NAN], [0.1, -0.2]])
    old = model.conforming(random_mixture(2, 1))
    new = maximise(expect(source, old, model), old, model)
    wr = soft(source, old)
    n = wr.sum(axis=0)
    away = source.points - new.means[:, None]
    scatter = np.einsum("ik,kij,kil->kjl", wr, away, away)
    wanted = {
        "VVV": scatter / n[:, None, None],
        "EEE": np.repeat(scatter.sum(axis=0)[None] / n.sum(), K, axis=0),
        "VVI": np.einsum("kjj,jl->kjl", scatter, np.eye(2)) / n[:, None, None],
        "VII": np.einsum("kll,ij->kij", scatter, np.eye(2)) / (2 * n[:, None, None]),
        "EII": np.repeat(np.trace(scatter.sum(axis=0)) / (2 * n.sum()) * np.eye(2)[None], K,
                         axis=0),
    }[name]
    np.testing.assert_allclose(new.covariances, wanted, rtol=1e-10, atol=1e-14)
    assert new.means[0, 1] == 0.4 and new.means[2].tolist() == [0.1, -0.2]


def test_a_mean_held_in_some_columns_is_maximised_in_the_others():
    """A conditional mean: given the held coordinate, by the regression of the old covariance."""
    source = source_of(3)
    model = model_of(source, "VVV", means=[[NAN, 0.4, NAN], [NAN] * 3, [0.1, NAN, -0.5]])
    old = model.conforming(random_mixture(3, 1))
    new = maximise(expect(source, old, model), old, model)
    wr = soft(source, old)
    free_means = wr.T @ source.points / wr.sum(axis=0)[:, None]
    np.testing.assert_allclose(new.means[1], free_means[1], rtol=1e-10)
    for j, held in ((0, [1]), (2, [0, 2])):
        rest = [i for i in range(3) if i not in held]
        precision = np.linalg.inv(old.covariances[j])
        ties = np.linalg.solve(precision[np.ix_(rest, rest)], precision[np.ix_(rest, held)])
        wanted = free_means[j, rest] + ties @ (free_means[j, held] - old.means[j, held])
        np.testing.assert_allclose(new.means[j, rest], wanted, rtol=1e-10, atol=1e-12)
        assert new.means[j, held].tolist() == old.means[j, held].tolist()


@every
def test_with_a_normal_prior_the_mean_is_the_precision_weighted_one(name):
    """With the covariances of the step before: conditional maximisation."""
    source, m, s = source_of(2), np.array([0.5, -1.0]), np.array([0.2, 3.0])
    model = model_of(source, name, prior=NormalPrior(m.tolist(), s.tolist()))
    old = model.conforming(random_mixture(2, 1))
    new = maximise(expect(source, old, model), old, model)
    wr, prior = soft(source, old), np.diag(1 / s**2)
    for j in range(K):
        precision = np.linalg.inv(old.covariances[j])
        wanted = np.linalg.solve(wr[:, j].sum() * precision + prior,
                                 precision @ (wr[:, j] @ source.points) + prior @ m)
        np.testing.assert_allclose(new.means[j], wanted, rtol=1e-9, atol=1e-12)


@every
def test_a_component_of_no_points_stays_finite_and_comes_back_by_its_prior(name):
    source = source_of(2)
    model = model_of(source, name)
    base = random_mixture(2, 1)
    far = Mixture.trusted(base.weights, base.means + np.array([[0], [0], [1e9]]), base.covariance)
    old = model.conforming(far)
    new = maximise(expect(source, old, model), old, model)
    assert new.weights[2] == 0.0 and new.means[2].tolist() == old.means[2].tolist()
    assert np.isfinite(new.covariances).all()
    assert (np.linalg.eigvalsh(new.covariances) > 0).all()
    if model.structure.is_separate:
        np.testing.assert_array_equal(new.covariances[2], old.covariances[2])
    prior = model_of(source, name, prior=DirichletPrior(2.0))
    again = maximise(expect(source, old, prior), old, prior)
    assert again.weights[2] == pytest.approx(1 / (source.sample_weight.sum() + K))
    conjugate = model_of(source, name, prior="conjugate")
    back = maximise(expect(source, old, conjugate), old, conjugate)
    np.testing.assert_allclose(back.means[2], conjugate.prior.imagined.mean, atol=1e-6)


# The gradient


def objective(source: ArraySource, mixture: Mixture, model: Model) -> float:
    rows_ = logsumexp(log_joint(source.points, mixture), axis=1)
    return float(source.sample_weight @ rows_) + model.log_prior(mixture)


def roots_of(mixture: Mixture, model: Model) -> np.ndarray:
    """R_k with R_k R_kᵀ = Σ_k, in the axes of the structure where it has them: (k, d, d)."""
    covariance = mixture.covariance
    if isinstance(covariance, Oriented):
        return covariance.orientations * covariance.axes[:, None]
    return covariance.factors


def with_roots(mixture: Mixture, roots: np.ndarray, who: object, by: np.ndarray) -> Mixture:
    """The mixture with R_k → R_k B for the components `who`."""
    roots = roots.copy()
    roots[who] = roots[who] @ by
    matrices = roots @ np.swapaxes(roots, 1, 2)
    return Mixture.trusted(mixture.weights, mixture.means, Dense(np.linalg.cholesky(matrices)))


def moves(mixture: Mixture, model: Model) -> Iterator[tuple[str, object]]:
    """In the gradient's order, a way to change each coordinate by h: weights on the log-odds, means
    in whitened units (or in their own sds, where the mean is held in part), spreads along the
    structure's directions on the log scale, angles in units of 1/√(1 + t²)."""
    held = model.held
    learned = np.flatnonzero(held.learned_weights)
    for j in learned if len(learned) > 1 else ():
        def weigh(h: float, j: int = j) -> Mixture:
            w = mixture.weights.copy()
            share = w[learned].sum()
            w[j] *= np.exp(h)
            w[learned] *= share / w[learned].sum()
            return Mixture.trusted(w, mixture.means, mixture.covariance)
        yield "weight", weigh
    factors, roots = mixture.covariance.factors, roots_of(mixture, model)
    for j in range(K):
        free = held.learned_means[j]
        along = roots[j] if free.all() else np.diag(np.sqrt((factors[j] ** 2).sum(axis=1)))
        for i in np.flatnonzero(free):
            def shift(h: float, j: int = j, step: np.ndarray = along[:, i]) -> Mixture:
                means = mixture.means.copy()
                means[j] += h * step
                return Mixture.trusted(mixture.weights, means, mixture.covariance)
            yield "mean", shift
    for who, by in spreads(mixture, model):
        def stretch(h: float, who: object = who, by: object = by) -> Mixture:
            return with_roots(mixture, roots, who, by(h))
        yield "spread", stretch


def spreads(mixture: Mixture, model: Model) -> Iterator[tuple[object, object]]:
    """Who is changed, and R's right factor as a function of h, for the structure's directions."""
    rule, d = model.structure, mixture.n_features
    learned = np.flatnonzero(model.held.learned_covariances)
    if len(learned) == 0:
        return
    groups = {"E": [learned], "V": [[j] for j in learned]}
    one = np.eye(d)
    if rule.volume != rule.shape:
        yield from ((who, lambda h: np.exp(h) * one) for who in groups[rule.volume])
    if rule.shape != "I":
        # Axes one by one where volume and shape are alike, else with the volume kept.
        kept = 0.0 if rule.volume == rule.shape else 1 / d
        for who in groups[rule.shape]:
            yield from ((who, lambda h, i=i: np.diag(np.exp(h * (one[i] - kept))))
                        for i in range(d))
    if rule.orientation == "I":
        return
    if rule.shape == rule.orientation:
        for who in groups[rule.orientation]:
            yield from ((who, lambda h, i=i, j=j: one + h * np.outer(one[i], one[j]))
                        for i in range(d) for j in range(i))
        return
    yield from turns(mixture.covariance, groups[rule.orientation])


def turns(covariance: Oriented, groups: list) -> Iterator[tuple[object, object]]:
    axes = covariance.axes
    one = np.eye(axes.shape[1])
    for who in groups:
        for i in range(len(one)):
            for j in range(i + 1, len(one)):
                t = axes[who, j] / axes[who, i] - axes[who, i] / axes[who, j]
                spin = np.outer(one[i], one[j]) - np.outer(one[j], one[i])
                unit = np.sqrt(1 + (t**2).max())

                def turn(h: float, who: object = who, spin: np.ndarray = spin,
                         unit: float = unit) -> np.ndarray:
                    # R = D A: D e^{hK} A = R A⁻¹ e^{hK} A, component by component.
                    return np.stack([np.diag(1 / a) @ expm(h / unit * spin) @ np.diag(a)
                                     for a in axes[who]])

                yield who, turn


def numerical(source: ArraySource, mixture: Mixture, model: Model, h: float = 1e-5) -> np.ndarray:
    total = source.sample_weight.sum()
    return np.array([
        (objective(source, move(h), model) - objective(source, move(-h), model)) / (2 * h) / total
        for _, move in moves(mixture, model)
    ])


PRIORS = {
    "none": None,
    "normal": NormalPrior([0.3, -0.2], [0.7, 2.0]),
    "Dirichlet": DirichletPrior([1.0, 4.0, 2.5]),
    "conjugate": ConjugatePrior(shrinkage=2.5),
    "own scale": ConjugatePrior(0.5, mean=[0.3, -1.0], dof=7.5, scale=0.3),
}


@every
@few
@given(
    weights=st.sampled_from([None, "equal", [NAN, 0.4, NAN], [0.3, 0.3, NAN]]),
    means=st.sampled_from([None, [[0.1, 0.2], [NAN, NAN], [NAN, NAN]], [[NAN, 0.3], [NAN, NAN],
                                                                       [-0.4, NAN]]]),
    prior=st.sampled_from(list(PRIORS)), seed=st.integers(0, 2**32),
)
def test_the_gradient_is_the_derivative_of_the_objective(name, weights, means, prior, seed):
    if prior == "own scale" and means is not None:
        means = None
    source = source_of(2, seed % 1000)
    model = model_of(source, name, weights=weights, means=means, prior=PRIORS[prior])
    mixture = model.conforming(random_mixture(2, seed))
    found = gradient(expect(source, mixture, model), mixture, model)
    wanted = numerical(source, mixture, model)
    # It begins with a 0, so that where nothing is learned it has a largest element all the same.
    assert found[0] == 0.0 and len(found) == len(wanted) + 1
    np.testing.assert_allclose(found[1:], wanted, rtol=2e-6, atol=2e-7)


@every
@settings(max_examples=5)
@given(st.integers(0, 2**32))
def test_the_gradient_in_three_columns(name, seed):
    source = source_of(3, seed % 1000)
    model = model_of(source, name, means=[[NAN] * 3, [0.1, NAN, NAN], [NAN] * 3])
    mixture = model.conforming(random_mixture(3, seed))
    found = gradient(expect(source, mixture, model), mixture, model)
    np.testing.assert_allclose(found[1:], numerical(source, mixture, model), rtol=2e-6, atol=2e-7)


HELD = {
    "VII": [np.eye(2) * 0.3, np.full((2, 2), NAN), np.eye(2) * 2],
    "VVI": [np.diag([0.3, 0.1]), np.full((2, 2), NAN), np.full((2, 2), NAN)],
    "VVV": [np.full((2, 2), NAN), [[0.3, 0.1], [0.1, 0.2]], np.full((2, 2), NAN)],
}


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("prior", ["none", "normal", "Dirichlet"])
def test_the_gradient_where_some_covariances_are_held(name, prior):
    source = source_of(2, 5)
    model = model_of(source, name, covariances=HELD[name], prior=PRIORS[prior])
    mixture = model.conforming(random_mixture(2, 3))
    found = gradient(expect(source, mixture, model), mixture, model)
    np.testing.assert_allclose(found[1:], numerical(source, mixture, model), rtol=2e-6, atol=2e-7)


@every
def test_where_all_covariances_are_held_none_is_in_the_gradient(name):
    source = source_of(2, 5)
    held = model_of(source, name).conforming(random_mixture(2, 3)).covariances
    model = model_of(source, name, covariances=held)
    assert model.n_parameters == 2 + K * 2
    mixture = model.conforming(random_mixture(2, 4))
    found = gradient(expect(source, mixture, model), mixture, model)
    assert len(found) == 1 + K + 2 * K
    free = model_of(source, name)
    every_coordinate = gradient(expect(source, mixture, free), mixture, free)
    np.testing.assert_allclose(found, every_coordinate[:len(found)], rtol=1e-7, atol=1e-9)


@every
@pytest.mark.parametrize("prior", ["none", "normal", "conjugate"])
def test_a_climb_ends_where_the_derivative_is_zero(name, prior):
    source = source_of(2, 6)
    model = replace(model_of(source, name, prior=PRIORS[prior]), floor=2.0**-44)
    begun = model.conforming(of_groups(source.points))
    end = climb(source, begun, model, Units.identity(2), Stop(1e-9, 4000))
    assert end.outcome is Outcome.CONVERGED and end.gradient <= 1e-9
    np.testing.assert_allclose(numerical(source, end.mixture, model), 0, atol=2e-8)
    # It went up on the way.
    assert objective(source, end.mixture, model) > objective(source, begun, model)
    assert end.objective == pytest.approx(objective(source, end.mixture, model), rel=1e-11)
