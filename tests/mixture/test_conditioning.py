"""Marginals and conditionals, held to dense formulas, to integrals, and to each other."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lenient import lenient, multiply
from scipy import stats
from scipy.integrate import quad

from emix import DataError, Mixture, NumericalError, ParameterError
from emix.arrays import Units
from emix.covariance import Common, Dense, Diagonal, Isotropic, Oriented
from emix.mixture import conditioning

FORMS = ["isotropic", "diagonal", "common", "dense", "oriented"]


def random_mixture(seed: int, d: int, k: int, form: str) -> Mixture:
    rng = np.random.default_rng(seed)
    roots = np.linalg.cholesky(np.eye(d) + (a := rng.normal(size=(k, d, d))) @ a.swapaxes(1, 2))
    covariance = {
        "isotropic": lambda: Isotropic(np.exp(rng.normal(size=k)), d),
        "diagonal": lambda: Diagonal(np.exp(rng.normal(size=(k, d)))),
        "common": lambda: Common(roots[0].copy(), k),
        "dense": lambda: Dense(roots),
        "oriented": lambda: Oriented(np.exp(rng.normal(size=(k, d))), np.linalg.qr(a)[0]),
    }[form]()
    return Mixture.trusted(rng.dirichlet(np.ones(k)), rng.normal(0, 2, (k, d)), covariance)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Mixture, np.ndarray, np.ndarray]:
    """A mixture, some of its columns in any order, and the others in their own."""
    d, k = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    mixture = random_mixture(draw(st.integers(0, 2**32)), d, k, draw(st.sampled_from(FORMS)))
    known = np.array(draw(st.permutations(range(d)))[:draw(st.integers(1, d - 1))])
    return mixture, known, np.setdiff1d(np.arange(d), known)


seeds = st.integers(0, 2**32)
TWO = Mixture([0.4, 0.6], [[0.0, 1.0], [3.0, -1.0]],
              [[[4.0, 1.0], [1.0, 2.0]], [[0.5, -0.2], [-0.2, 0.3]]])


# Marginals


@given(questions())
def test_a_marginal_has_the_chosen_means_and_covariances(question):
    mixture, known, _ = question
    part = mixture.marginal(known)
    np.testing.assert_array_equal(part.weights, mixture.weights)
    np.testing.assert_array_equal(part.means, mixture.means[:, known])
    np.testing.assert_allclose(part.covariances, mixture.covariances[:, known[:, None], known],
                               rtol=1e-12, atol=1e-14)


def test_a_marginal_is_the_density_with_the_rest_integrated_out():
    for x in (-3.0, 0.2, 2.9, 5.0):
        wanted = quad(lambda y, x=x: TWO.pdf([[x, y]])[0], -12, 12, points=[-1, 1], epsabs=1e-13)[0]
        assert TWO.marginal(0).pdf(x)[0] == pytest.approx(wanted, rel=1e-10)
        wanted = quad(lambda y, x=x: TWO.pdf([[y, x]])[0], -20, 20, points=[0, 3], epsabs=1e-13)[0]
        assert TWO.marginal([1]).pdf(x)[0] == pytest.approx(wanted, rel=1e-10)


def test_one_column_has_all_that_one_column_has():
    part = TWO.marginal(1)
    assert part == TWO.marginal([1]) == TWO.marginal(np.int8(1))
    np.testing.assert_allclose(part.sds, np.sqrt([2.0, 0.3]), rtol=1e-15)
    wanted = 0.4 * stats.norm.cdf(0.3, 1, np.sqrt(2)) + 0.6 * stats.norm.cdf(0.3, -1, np.sqrt(0.3))
    assert part.cdf(0.3)[0] == pytest.approx(wanted, rel=1e-13)
    assert part.cdf(part.quantile(0.2))[0] == pytest.approx(0.2)


def test_all_columns_in_their_order_are_the_mixture_itself():
    assert TWO.marginal([0, 1]) is TWO
    turned = TWO.marginal([1, 0])
    np.testing.assert_allclose(turned.pdf([[1.0, 0.5]]), TWO.pdf([[0.5, 1.0]]), rtol=1e-13)
    np.testing.assert_allclose(turned.marginal([1, 0]).covariances, TWO.covariances, rtol=1e-14)
    one = Mixture.univariate([1.0], [2.0], [3.0])
    assert one.marginal(0) is one


# Conditionals


@given(questions(), seeds)
def test_a_conditional_is_the_one_of_dense_formulas(question, seed):
    mixture, o, r = question
    value = mixture.sample(1, seed)[0][0][o]
    found = mixture.condition(o, value)
    densities = []
    for j, (mu, sigma) in enumerate(zip(mixture.means, mixture.covariances, strict=True)):
        oo, ro = sigma[np.ix_(o, o)], sigma[np.ix_(r, o)]
        slope = ro @ np.linalg.inv(oo)
        np.testing.assert_allclose(found.means[j], mu[r] + slope @ (value - mu[o]),
                                   rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found.covariances[j], sigma[np.ix_(r, r)] - slope @ ro.T,
                                   rtol=1e-9, atol=1e-9)
        density = lenient(stats.multivariate_normal(mu[o], oo).pdf)(value)
        densities.append(multiply(mixture.weights[j], density))
    wanted = lenient(np.divide)(densities, np.sum(densities))
    np.testing.assert_allclose(found.weights, wanted, rtol=1e-9, atol=1e-15)


@given(questions(), seeds)
def test_the_chain_rule(question, seed):
    """log f(x) = log f(x_o) + log f(x_r | x_o)"""
    mixture, known, rest = question
    x = mixture.sample(1, seed)[0]
    wanted = mixture.logpdf(x)
    parts = (mixture.marginal(known).logpdf(x[:, known])
             + mixture.condition(known, x[0, known]).logpdf(x[:, rest]))
    np.testing.assert_allclose(parts, wanted, rtol=1e-12, atol=1e-12)


def test_a_conditional_is_a_slice_of_the_density_normalised():
    for x in (-2.0, 1.5, 2.5, 4.0):
        given_x = TWO.condition(0, x)
        total = quad(lambda y, x=x: TWO.pdf([[x, y]])[0], -12, 12, points=[-1, 1], epsabs=1e-14)[0]
        for y in (-1.5, 0.0, 2.0):
            assert given_x.pdf(y)[0] == pytest.approx(TWO.pdf([[x, y]])[0] / total, rel=1e-9)


def test_a_conditional_is_what_rows_near_by_look_like():
    x = TWO.sample(400_000, 3)[0]
    near = x[np.abs(x[:, 0] - 2.2) < 0.02, 1]
    found = TWO.condition([0], [2.2])
    assert len(near) > 3000
    assert stats.kstest(near, found.cdf).pvalue > 0.01
    assert stats.kstest(near, TWO.condition(0, 2.6).cdf).pvalue < 1e-6


@given(questions())
def test_conditioning_twice_is_conditioning_once(question):
    mixture, known, rest = question
    if len(rest) < 2:
        return
    x = mixture.sample(1, 5)[0][0]
    once = mixture.condition(np.append(known, rest[0]), x[np.append(known, rest[0])])
    twice = mixture.condition(known, x[known]).condition(0, x[rest[0]])
    for a, b in ((once.weights, twice.weights), (once.means, twice.means),
                 (once.covariances, twice.covariances)):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


def test_the_smallest_form_is_kept():
    kept = {"isotropic": Isotropic, "diagonal": Diagonal, "common": Common, "dense": Dense,
            "oriented": Dense}
    for form, kind in kept.items():
        mixture = random_mixture(1, 4, 3, form)
        assert isinstance(mixture.condition([2, 0], [0.1, 0.2]).covariance, kind)
        assert mixture.condition([0, 1, 2], [0, 0, 0]).sds.shape == (3,)
    assert isinstance(random_mixture(1, 4, 1, "common").condition(0, 0.1).covariance, Dense)


def test_what_one_column_leaves_of_another_does_not_cancel():
    """In Σ the share of 1e-18 is lost; in its factor it stands."""
    mixture = Mixture.trusted(np.ones(1), np.zeros((1, 2)),
                              Dense(np.array([[[1.0, 0.0], [1.0, 1e-9]]])))
    assert mixture.condition(0, 3.0).sds[0] == pytest.approx(1e-9, rel=1e-12)
    assert mixture.condition(1, 3.0).sds[0] == pytest.approx(1e-9, rel=1e-6)
    assert mixture.condition(0, 3.0).mean == pytest.approx(3.0, rel=1e-15)


@pytest.mark.parametrize("power", [-480, -3, 0, 40, 480])
def test_units_of_each_column_change_only_units(power):
    """Powers of two are exact, so the answers are the same to the bit."""
    mixture = random_mixture(7, 3, 2, "dense")
    units = Units(np.zeros(3), 2.0 ** np.array([power, -power, 5]))
    x = mixture.sample(1, 0)[0]
    inside = mixture.inward(units).condition([1, 0], units.inward(x)[0, [1, 0]])
    wanted = mixture.condition([1, 0], x[0, [1, 0]]).inward(Units(np.zeros(1), units.scale[2:]))
    np.testing.assert_allclose(inside.weights, wanted.weights, rtol=1e-13)
    np.testing.assert_allclose(inside.means, wanted.means, rtol=1e-13)
    np.testing.assert_allclose(inside.sds, wanted.sds, rtol=1e-13)


# Regression


@given(questions(), seeds)
def test_a_regression_has_the_moments_of_the_conditionals(question, seed):
    mixture, known, rest = question
    values = mixture.sample(4, seed)[0][:, known]
    found = mixture.regress(known, values)
    assert found.mean.shape == (4, len(rest))
    assert found.covariance.shape == (4, len(rest), len(rest))
    for row, value in enumerate(values):
        one = mixture.condition(known, value)
        np.testing.assert_allclose(found.mean[row], np.atleast_1d(one.mean), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(found.covariance[row], np.atleast_2d(one.variance),
                                   rtol=1e-11, atol=1e-12)


def test_many_rows_are_taken_block_by_block(monkeypatch):
    mixture = random_mixture(2, 3, 3, "dense")
    values = mixture.sample(50, 1)[0][:, [2, 0]]
    whole = mixture.regress([2, 0], values)
    monkeypatch.setattr(conditioning, "ROWS", 7)
    parts = mixture.regress([2, 0], values)
    np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-14)
    np.testing.assert_allclose(parts.covariance, whole.covariance, rtol=1e-13)


def test_one_component_regresses_on_a_line():
    line = Mixture([1.0], [[1.0, 2.0]], [[[4.0, 3.0], [3.0, 9.0]]])
    mean, covariance = line.regress(0, [1.0, 3.0, 5.0])
    np.testing.assert_allclose(mean[:, 0], [2.0, 3.5, 5.0], rtol=1e-15)
    np.testing.assert_allclose(covariance[:, 0, 0], 9 - 9 / 4, rtol=1e-14)


def test_the_regression_is_the_best_prediction():
    """What is left of the data after it is as large as it says, and has nothing to do with it."""
    x = TWO.sample(100_000, 8)[0]
    mean, covariance = TWO.regress(0, x[:, 0])
    left = x[:, 1] - mean[:, 0]
    assert abs(left.mean()) < 0.02
    assert np.mean(left**2 / covariance[:, 0, 0]) == pytest.approx(1, abs=0.02)
    assert abs(np.corrcoef(left, x[:, 0])[0, 1]) < 0.01


# Far values


@pytest.mark.parametrize("far", [1e3, 1e8, -1e8, 1e200, -1e200, 1e300])
def test_far_values_have_the_weights_of_exact_arithmetic(far):
    with np.errstate(all="raise"):
        found = TWO.condition(0, far)
        mean, covariance = TWO.regress([0], [far, far / 2])
    with mpmath.workdps(420):
        x = mpmath.mpf(far)
        logs = [mpmath.log(w) - mpmath.log(v) / 2 - (x - m) ** 2 / (2 * mpmath.mpf(v))
                for w, m, v in ((0.4, 0.0, 4.0), (0.6, 3.0, 0.5))]
        total = max(logs) + mpmath.log(sum(mpmath.exp(v - max(logs)) for v in logs))
        exact = [float(mpmath.exp(v - total)) for v in logs]
    np.testing.assert_allclose(found.weights, exact, atol=1e-15)
    assert found.mean == pytest.approx(1 + far / 4, rel=1e-14)
    assert mean[0, 0] == pytest.approx(1 + far / 4, rel=1e-14)
    assert covariance[0, 0, 0] == pytest.approx(1.75, rel=1e-12)


def test_a_mean_beyond_all_numbers_is_named(monkeypatch):
    monkeypatch.setattr(conditioning, "ROWS", 2)
    steep = Mixture([0.5, 0.5], [[0.0, 0.0], [0.0, 1.0]],
                    [np.eye(2), [[1.0, 100.0], [100.0, 10_001.0]]])
    with pytest.raises(NumericalError, match="component 1 given row 0"):
        steep.condition(0, 1e307)
    with pytest.raises(NumericalError, match="component 1 given row 3"):
        steep.regress(0, [1.0, 2.0, 3.0, 1e307])


def test_a_component_that_weighs_nothing_may_lie_as_far_as_it_likes():
    """Farther from the mean than numbers reach, and of no consequence."""
    cross = Mixture([0.5, 0.5], [[0.0, 0.0], [0.0, 0.0]],
                    [[[1.0, 15.0], [15.0, 226.0]], [[4.0, -60.0], [-60.0, 901.0]]])
    mean, covariance = cross.regress(0, [1e307])
    assert mean[0, 0] == pytest.approx(-1.5e308, rel=1e-12)
    assert covariance[0, 0, 0] == pytest.approx(1.0, rel=1e-9)


def test_components_of_no_weight_stay_without():
    mixture = Mixture.trusted(np.array([0.0, 1.0]), TWO.means, TWO.covariance)
    assert mixture.condition(0, 0.0).weights.tolist() == [0.0, 1.0]
    assert mixture.regress(0, [1e9]).covariance[0, 0, 0] == pytest.approx(0.3 - 0.04 / 0.5)


# What is asked wrongly


@pytest.mark.parametrize(("columns", "words"), [
    (2, "column 2 is none of the 2"), (-1, "column -1 is none"), ([0, 0], "twice"),
    ([], "expected positions"), (0.5, "expected positions"), ("x", "expected positions"),
    (True, "expected positions"), ([[0]], "expected positions"), ([0, [1]], "expected positions"),
    (None, "expected positions"),
])
def test_what_is_no_column(columns, words):
    for ask in (TWO.marginal, lambda c: TWO.condition(c, [0.0]), lambda c: TWO.regress(c, [0.0])):
        with pytest.raises(ParameterError, match=words):
            ask(columns)


def test_nothing_is_left_when_all_is_known():
    for ask in (lambda: TWO.condition([0, 1], [0.0, 0.0]),
                lambda: TWO.regress([1, 0], [[0.0, 0.0]]),
                lambda: Mixture.univariate([1.0], [0.0], [1.0]).condition(0, 0.0)):
        with pytest.raises(ParameterError, match="none left"):
            ask()


@pytest.mark.parametrize(("values", "words"), [
    ([1.0, 2.0], "one row of 1 number"), (np.nan, "nan at row 0"), ("a", "expected numbers"),
    ([[1.0], [2.0]], "one row"), ([], "empty"),
])
def test_what_is_no_value(values, words):
    with pytest.raises(DataError, match=words):
        TWO.condition(0, values)


def test_what_are_no_rows_of_values():
    with pytest.raises(DataError, match="values has 2 columns"):
        TWO.regress(0, [[1.0, 2.0]])
    with pytest.raises(DataError, match="values holds inf at row 1"):
        TWO.regress(0, [1.0, np.inf])
    whole = random_mixture(3, 3, 2, "dense").regress([0, 2], np.array([[1, 2], [3, 4]]))
    floats = random_mixture(3, 3, 2, "dense").regress([0, 2], [[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(whole.mean, floats.mean)


def test_what_comes_out_cannot_be_written_to():
    three = random_mixture(1, 3, 2, "dense")
    for made in (TWO.marginal(0), TWO.condition(0, 1.0), three.marginal([2, 0]),
                 three.condition(1, 0.0)):
        held = made.sds if made.n_features == 1 else made.covariance.factors
        for array in (made.weights, made.means, made.covariances, held):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0.5
