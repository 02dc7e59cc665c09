"""Derivatives of the observed-data objective beside differences of the objective itself."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emix import DirichletPrior, Mixture, NormalPrior, fit
from emix.arrays import Units
from emix.climbing.coordinates import Coordinates
from emix.climbing.information import Information, information, objective_derivatives
from emix.covariance import STRUCTURES
from emix.em import expect
from emix.maximise import gradient as expected_gradient
from emix.model import Model
from emix.sources.array import ArraySource

NAN = np.nan
K = 3
PRIORS = ["conjugate", DirichletPrior([2.0, 3.0, 1.5])]


def rows(d: int) -> np.ndarray:
    """Groups of 20, 30 and 40, neither round nor along the axes, about 0 with sds near 1."""
    rng = np.random.default_rng(0)
    groups = [rng.normal(size=(20 + 10 * j, d)) @ rng.normal(0, 0.4, (d, d)) + rng.normal(0, 1, d)
              for j in range(K)]
    x = np.concatenate(groups)
    return (x - x.mean(axis=0)) / x.std()


def weighted(d: int) -> ArraySource:
    x = rows(d)
    return ArraySource.of(x, np.random.default_rng(1).exponential(size=len(x)))


def somewhere(d: int, seed: int = 1) -> Mixture:
    rng = np.random.default_rng(seed)
    roots = rng.normal(0, 0.4, (K, d, d)) + 0.7 * np.eye(d)
    return Mixture(rng.dirichlet(np.full(K, 5.0)), rng.normal(0, 0.8, (K, d)),
                   roots @ np.swapaxes(roots, 1, 2))


def model_of(source: ArraySource, name: str, **arguments: object) -> Model:
    x, w = source.points, source.sample_weight
    model = Model.parse(K, x.shape[1], name, **arguments)
    return model.informed(np.average(x, axis=0, weights=w), np.cov(x.T, aweights=w), float(w.sum()))


def agree_with_differences(source: ArraySource, mixture: Mixture, model: Model) -> None:
    """The gradient and the Hessian along random directions, to fourth-order differences."""
    coordinates = Coordinates.of(mixture, model)
    found = information(source, coordinates)
    gradient, hessian = objective_derivatives(found, coordinates)
    assert coordinates.size == model.n_parameters

    def objective(step: np.ndarray) -> float:
        moved = coordinates.moved(step)
        return float(source.sample_weight @ moved.logpdf(source.points)) + model.log_prior(moved)

    assert found.loglik + model.log_prior(mixture) == pytest.approx(
        objective(np.zeros(coordinates.size)), rel=1e-12)
    rng, h = np.random.default_rng(3), 2e-3
    for _ in range(8):
        u = rng.normal(size=coordinates.size)
        u /= np.linalg.norm(u)
        there = {t: objective(t * h * u) for t in (-3, -2, -1, 0, 1, 2, 3)}
        slope = sum(c * (there[t] - there[-t]) for t, c in
                    ((1, 45), (2, -9), (3, 1))) / (60 * h)
        bend = (sum(c * (there[t] + there[-t]) for t, c in
                    ((1, 270), (2, -27), (3, 2))) - 490 * there[0]) / (180 * h * h)
        assert u @ gradient == pytest.approx(slope, abs=1e-7 * np.abs(gradient).max())
        assert u @ hessian @ u == pytest.approx(bend, abs=2e-6 * np.abs(hessian).max())


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_structure(name):
    source = weighted(3)
    model = model_of(source, name)
    agree_with_differences(source, model.conforming(somewhere(3)), model)


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_structure_with_priors(name):
    source = weighted(2)
    model = model_of(source, name, prior=PRIORS)
    agree_with_differences(source, model.conforming(somewhere(2, 2)), model)


@pytest.mark.parametrize("name", ["E", "V"])
def test_one_column(name):
    source = ArraySource.of(rows(1), np.random.default_rng(1).exponential(size=90))
    model = Model.parse(K, 1, name, prior=NormalPrior(0.0, 1.0))
    mixture = Mixture.univariate([0.2, 0.3, 0.5], [-1.0, 0.0, 1.0], [0.5, 0.7, 0.9])
    agree_with_differences(source, model.conforming(mixture), model)


def test_held_parameters_have_no_coordinate_and_keep_their_bits():
    source, learn = weighted(2), np.full((2, 2), NAN)
    means = [[NAN, 0.4], [NAN, NAN], [0.1, -0.2]]
    model = model_of(
        source, "VVV", means=means, weights=[NAN, 0.3, NAN],
        covariances=[learn, np.eye(2), learn], prior=[NormalPrior(1.0, 2.0), DirichletPrior(3.0)],
    )
    mixture = model.conforming(somewhere(2))
    agree_with_differences(source, mixture, model)
    coordinates = Coordinates.of(mixture, model)
    moved = coordinates.moved(np.random.default_rng(0).normal(size=coordinates.size))
    assert moved.weights[1] == 0.3 and moved.weights.sum() == pytest.approx(1, abs=1e-15)
    assert moved.means[0, 1] == 0.4 and moved.means[2].tolist() == [0.1, -0.2]
    assert moved.covariances[1].tolist() == np.eye(2).tolist()
    everything = Model.parse(K, 2, "VVV", [0.2, 0.3, 0.5], np.zeros((K, 2)), None, [np.eye(2)] * K)
    assert Coordinates.of(everything.conforming(mixture), everything).size == 0


@pytest.mark.parametrize("name", ["E", "V"])
def test_hessian_of_one_column_to_ten_digits(name):
    """The exact log-likelihood in 40 digits, differentiated there."""
    x = [1.0, 1.5, 2.25, 4.0, 4.75, 7.5]
    mixture = Mixture.univariate([0.375, 0.625], [1.5, 5.0], [0.75, 0.75 if name == "E" else 1.5])
    coordinates = Coordinates.of(mixture, Model.parse(2, 1, name))
    found = information(ArraySource.of(x), coordinates)

    def loglik(rate, *rest):
        rates = [0, rate] if coordinates.rated[0] == 1 else [rate, 0]
        weights = [mpmath.mpf(w) * mpmath.exp(r)
                   for w, r in zip(mixture.weights.tolist(), rates, strict=True)]
        sds = [mpmath.mpf(s) * mpmath.exp(rest[-1] if name == "E" else rest[2 + j])
               for j, s in enumerate(mixture.sds.tolist())]
        means = [mpmath.mpf(m) + mpmath.mpf(s) * rest[j] for j, (m, s) in
                 enumerate(zip(mixture.means[:, 0].tolist(), mixture.sds.tolist(), strict=True))]
        return sum(mpmath.log(sum(
            w / sum(weights) * mpmath.npdf(v, m, s)
            for w, m, s in zip(weights, means, sds, strict=True))) for v in x)

    p = coordinates.size
    with mpmath.workdps(40):
        zero = (0,) * p
        for a in range(p):
            order = [int(i == a) for i in range(p)]
            assert found.score[a] == pytest.approx(float(mpmath.diff(loglik, zero, order)),
                                                   rel=1e-10, abs=1e-12)
            for b in range(a + 1):
                order = [int(i == a) + int(i == b) for i in range(p)]
                exact = float(mpmath.diff(loglik, zero, order))
                assert found.hessian[a, b] == pytest.approx(exact, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("name", STRUCTURES)
def test_the_score_is_zero_just_where_em_stands_still(name):
    source = weighted(2)
    model = model_of(source, name, prior=PRIORS)
    mixture = model.conforming(somewhere(2))
    slope, _ = objective_derivatives(
        information(source, coordinates := Coordinates.of(mixture, model)), coordinates)
    here = expected_gradient(expect(source, mixture, model), mixture, model)
    # Both are the gradient in coordinates without units; sizes agree up to a change of basis.
    ratio = np.linalg.norm(slope) / (np.linalg.norm(here) * source.sample_weight.sum())
    assert 0.3 < ratio < 3


def same(one: Information, other: Information, rel: float = 1e-11) -> None:
    for field in ("score", "hessian", "outer", "loglik", "total"):
        a, b = getattr(one, field), getattr(other, field)
        np.testing.assert_allclose(a, b, rtol=rel, atol=rel * max(1.0, float(np.abs(b).max())))


@settings(max_examples=25)
@given(cut=st.integers(0, 90), name=st.sampled_from(["VVV", "EEE", "VEV", "VVE", "EVI", "VII"]))
def test_blocks_add(cut, name):
    source = weighted(2)
    model = model_of(source, name)
    coordinates = Coordinates.of(model.conforming(somewhere(2)), model)
    x, w = source.points, source.sample_weight
    whole = information(source, coordinates)
    zero = Information.zero(coordinates.size)
    parts = [information(ArraySource(x[part], w[part]), coordinates)
             for part in (slice(cut), slice(cut, None)) if len(x[part])]
    same(sum(parts, zero), whole)
    same(sum(parts[::-1], zero), whole)
    assert (whole + zero).hessian.tolist() == whole.hessian.tolist()


def test_integer_weights_are_repetition_and_weight_0_is_absence():
    x = rows(2)
    w = np.random.default_rng(4).integers(0, 4, len(x)).astype(float)
    model = Model.parse(K, 2, "VVV")
    coordinates = Coordinates.of(somewhere(2), model)
    same(information(ArraySource.of(x, w), coordinates),
         information(ArraySource.of(np.repeat(x, w.astype(int), axis=0)), coordinates))


@pytest.mark.parametrize("name", ["VVV", "VEE", "VEV", "VII"])
def test_units_change_nothing(name):
    source = weighted(2)
    model = model_of(source, name)
    mixture = model.conforming(somewhere(2))
    scale = [2.0**-9] * 2 if not model.structure.is_scale_free else [2.0**-9, 2.0**5]
    units = Units(np.array([3.0, -1.0]), np.array(scale))
    inward = Coordinates.of(mixture.inward(units), model.inward(units, 0.0))
    found = information(source, inward, units)
    here = information(source, Coordinates.of(mixture, model))
    np.testing.assert_allclose(found.hessian, here.hessian, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.score, here.score, rtol=1e-9, atol=1e-9)
    shift = source.sample_weight.sum() * units.log_jacobian
    assert found.loglik + shift == pytest.approx(here.loglik, rel=1e-12)


def test_many_rows_in_chunks_are_the_same_rows():
    """20000 rows, five chunks, beside blocks of another cut."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20_000, 2))
    coordinates = Coordinates.of(somewhere(2), Model.parse(K, 2, "VVV"))
    whole = information(ArraySource.of(x), coordinates)
    parts = [information(ArraySource.of(x[i: i + 3333]), coordinates)
             for i in range(0, len(x), 3333)]
    same(sum(parts, Information.zero(coordinates.size)), whole)


def test_a_step_lands_where_the_objective_says():
    """Newton's step from near an optimum leaves a gradient that is smaller by squares."""
    source = ArraySource.of(rows(2))
    model = Model.parse(2, 2, "VVV")
    found = fit(rows(2), 2, seed=1, tol=1e-5).mixture
    first = Coordinates.of(found, model)
    gradient, hessian = objective_derivatives(information(source, first), first)
    moved = first.moved(np.linalg.solve(-hessian, gradient))
    second = Coordinates.of(moved, model)
    after, _ = objective_derivatives(information(source, second), second)
    assert np.abs(after).max() < 1e-2 * np.abs(gradient).max() + 1e-9


def test_far_points_and_empty_components_leave_finite_numbers():
    x = np.array([[0.0], [1.0], [2.0], [1e6]])
    mixture = Mixture.univariate([0.5, 0.5, 0.0], [0.0, 2.0, 50.0], [1.0, 1.0, 1e-3])
    found = information(ArraySource.of(x), Coordinates.of(mixture, Model.parse(3, 1, "V")))
    assert np.isfinite(found.hessian).all() and np.isfinite(found.score).all()
