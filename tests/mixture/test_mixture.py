"""Mixture: densities, sampling, and a value that cannot be changed."""

from __future__ import annotations

import copy
import json
import math
import pickle

import mpmath
import numpy as np
import pytest
from lenient import exp, logsumexp
from scipy import stats

from emix import DataError, Mixture, ParameterError
from emix.arrays import Units
from emix.covariance import Common, Dense, Diagonal, Isotropic, Oriented

ONE = Mixture.univariate([0.25, 0.75], [54.6, 80.1], [5.9, 0.3])
SIGMA = np.array([[[4.0, 1.0], [1.0, 2.0]], [[0.5, -0.2], [-0.2, 0.3]]])
TWO = Mixture([0.4, 0.6], [[0.0, 1.0], [3.0, -1.0]], SIGMA)
both = pytest.mark.parametrize("mixture", [ONE, TWO], ids=["one column", "two columns"])


def components(mixture: Mixture) -> list:
    return [stats.multivariate_normal(m, s)
            for m, s in zip(mixture.means, mixture.covariances, strict=True)]


# Densities


@both
def test_densities_and_responsibilities_are_those_of_scipy(mixture):
    x = mixture.sample(200, 1)[0]
    logs = np.stack([np.log(w) + c.logpdf(x) for w, c in
                     zip(mixture.weights, components(mixture), strict=True)], axis=1)
    wanted = logsumexp(logs, axis=1)
    np.testing.assert_allclose(mixture.logpdf(x), wanted, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mixture.pdf(x), exp(wanted), rtol=1e-12)
    r = mixture.responsibilities(x)
    np.testing.assert_allclose(r, exp(logs - wanted[:, None]), rtol=1e-11, atol=1e-14)
    np.testing.assert_array_equal(mixture.predict(x), logs.argmax(axis=1))


def test_whole_numbers_score_as_their_floats():
    x = np.arange(40, 100)
    for dtype in (np.int64, np.uint8, np.int16, np.float32, np.float16):
        np.testing.assert_array_equal(ONE.logpdf(x.astype(dtype)), ONE.logpdf(x.astype(float)))
    flags = np.array([True, False])
    np.testing.assert_array_equal(ONE.logpdf(flags), ONE.logpdf([1.0, 0.0]))


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int16, np.float32])
def test_whole_numbers_score_as_their_floats_in_two_columns(dtype):
    x = np.arange(60).reshape(30, 2)
    for verb in (TWO.logpdf, TWO.responsibilities, TWO.predict, TWO.mahalanobis):
        np.testing.assert_array_equal(verb(x.astype(dtype)), verb(x.astype(float)))


def test_a_density_with_a_condition_of_1e9():
    """scikit-learn issue 29989; in exact arithmetic the printed decimals have 11.18527087."""
    m = Mixture([1.0], [[0.0] * 3], [[[32.00000007, 35.99999993, 8.00000001],
                                      [35.99999993, 40.50000006, 8.99999998],
                                      [8.00000001, 8.99999998, 2.00000008]]])
    assert m.logpdf([[0.0, 0.0, 0.0]])[0] == pytest.approx(11.18527087, abs=2e-7)


@pytest.mark.parametrize("far", [1e3, 1e8, 1e200])
def test_far_rows_in_two_columns_have_finite_responsibilities(far):
    with np.errstate(all="raise"):
        r = TWO.responsibilities([[far, far], [-far, 0.0], [0.0, far]])
        logs = TWO.logpdf([[far, 0.0]])
    np.testing.assert_allclose(r.sum(axis=1), 1, atol=1e-12)
    assert r[0].tolist() == [1.0, 0.0]
    with mpmath.workdps(30):
        exact = mpmath.log(mpmath.mpf(0.4) / (2 * mpmath.pi * mpmath.sqrt(7)))
        exact -= (2 * mpmath.mpf(far) ** 2 + 2 * mpmath.mpf(far) + 4) / 14
    if far < 1e150:
        assert logs[0] == pytest.approx(float(exact), rel=1e-13)
    else:
        assert logs[0] == -np.inf


def test_one_number_is_a_row():
    for x in (54.6, np.float32(54.5), np.array(54.6), 54):
        assert ONE.pdf(x).shape == (1,)
        np.testing.assert_array_equal(ONE.pdf(x), ONE.pdf([float(x)]))


def test_no_underflow_of_densities_disturbs_anyone():
    with np.errstate(all="raise"):
        assert ONE.pdf([1e6, -1e200]).tolist() == [0.0, 0.0]
        np.testing.assert_allclose(ONE.responsibilities([1e6, -1e200]).sum(axis=1), 1)


@both
@pytest.mark.parametrize("verb", ["logpdf", "pdf", "responsibilities", "predict"])
def test_what_is_not_data_for_the_mixture_is_refused(mixture, verb):
    method, d = getattr(mixture, verb), mixture.n_features
    with pytest.raises(DataError, match=f"expected shape \\(n, {d}\\)"):
        method(np.zeros((4, d + 1)))
    x = np.zeros((4, d))
    x[2, d - 1] = np.nan
    with pytest.raises(DataError, match=f"nan at row 2, column {d - 1}"):
        method(x)
    for wrong in ("abc", None, [[1.0], [1.0, 2.0]], np.zeros((2, 2, 2)), [1j]):
        with pytest.raises(DataError):
            method(wrong)


# Moments and sampling


@both
def test_mean_and_variance_are_those_of_the_density(mixture):
    w, mu, sigma = mixture.weights, mixture.means, mixture.covariances
    mean = sum(p * m for p, m in zip(w, mu, strict=True))
    second = sum(p * (s + np.outer(m, m)) for p, m, s in zip(w, mu, sigma, strict=True))
    np.testing.assert_allclose(mixture.mean, mean if len(mean) > 1 else mean[0], rtol=1e-14)
    np.testing.assert_allclose(np.atleast_2d(mixture.variance), second - np.outer(mean, mean),
                               rtol=1e-12)
    assert isinstance(mixture.mean, float) == (mixture.n_features == 1)
    assert isinstance(mixture.variance, float) == (mixture.n_features == 1)


def test_a_variance_far_from_the_origin_keeps_its_digits():
    m = Mixture.univariate([0.5, 0.5], [1e8 - 1, 1e8 + 1], [1.0, 1.0])
    assert m.variance == pytest.approx(2.0, rel=1e-15)


@both
def test_samples_follow_the_distribution(mixture):
    n = 40_000
    x, labels = mixture.sample(n, 5)
    assert x.shape == ((n,) if mixture.n_features == 1 else (n, 2)) and labels.shape == (n,)
    np.testing.assert_allclose(np.bincount(labels) / n, mixture.weights, atol=4 / math.sqrt(n))
    for j, component in enumerate(components(mixture)):
        mine = x[labels == j].reshape(-1, mixture.n_features)
        sd = np.sqrt(np.diag(component.cov))
        np.testing.assert_allclose(mine.mean(axis=0), component.mean,
                                   atol=5 * sd.max() / math.sqrt(len(mine)))
        np.testing.assert_allclose(np.cov(mine.T).reshape(component.cov.shape), component.cov,
                                   atol=8 * sd.max() ** 2 / math.sqrt(len(mine)))
    if mixture.n_features == 1:
        assert stats.kstest(x, mixture.cdf).pvalue > 0.01


def test_a_seed_samples_the_same_and_a_generator_goes_on():
    same = [ONE.sample(5, 3)[0].tolist() for _ in range(2)]
    assert same[0] == same[1] != ONE.sample(5, 4)[0].tolist()
    rng = np.random.default_rng(3)
    first, second = ONE.sample(5, rng)[0].tolist(), ONE.sample(5, rng)[0].tolist()
    assert first != second


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_samples_of_many_components(n):
    m = Mixture.univariate(np.full(50, 1 / 50), np.arange(50.0), np.ones(50))
    x, labels = m.sample(n, 0)
    assert x.shape == labels.shape == (n,)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_samples_in_more_columns(n):
    m = Mixture(np.full(5, 0.2), np.arange(15.0).reshape(5, 3), [np.eye(3)] * 5)
    x, labels = m.sample(n, 0)
    assert x.shape == (n, 3) and labels.shape == (n,)
    assert TWO.sample(n, 0)[0].shape == (n, 2)


@pytest.mark.parametrize("arguments", [(-1,), (2.5,), ("3",), (True,), (2, "a"), (2, -1)])
def test_what_is_no_number_of_rows_or_no_seed(arguments):
    with pytest.raises(ParameterError):
        ONE.sample(*arguments)


# A value


@both
def test_nothing_handed_out_can_be_written_to(mixture):
    made = [mixture, mixture.in_canonical_order(), mixture.reordered(np.array([1, 0])),
            mixture.inward(Units(np.zeros(mixture.n_features), np.ones(mixture.n_features))),
            pickle.loads(pickle.dumps(mixture)), Mixture.from_dict(mixture.to_dict())]
    for m in made:
        arrays = [m.weights, m.means, m.covariances]
        arrays.append(m.sds if m.n_features == 1 else m.covariance.factors)
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0.5
    for name in ("weights", "means", "covariance", "sds", "anything"):
        with pytest.raises(AttributeError):
            setattr(mixture, name, np.ones(2))
    with pytest.raises(AttributeError, match="does not change"):
        del mixture.weights


def test_parameters_are_copied_in():
    w, mu, sd = np.array([0.5, 0.5]), np.array([0.0, 1.0]), np.array([1.0, 2.0])
    m = Mixture.univariate(w, mu, sd)
    for array in (w, mu, sd):
        array[0] = 9.0
    assert m == Mixture.univariate([0.5, 0.5], [0.0, 1.0], [1.0, 2.0])


@both
def test_copies_are_equal_and_differences_are_seen(mixture):
    for same in (copy.copy(mixture), copy.deepcopy(mixture), pickle.loads(pickle.dumps(mixture))):
        assert same == mixture
        np.testing.assert_array_equal(same.covariances, mixture.covariances)
    w, mu, sigma = (a.copy() for a in (mixture.weights, mixture.means, mixture.covariances))
    assert Mixture(w[::-1], mu, sigma) != mixture
    with np.errstate(under="ignore"):  # the double after 0 is subnormal
        after = np.nextafter(mu, 1e9)
    assert Mixture(w, after, sigma) != mixture
    assert Mixture(w, mu, sigma * (1 + 2**-40)) != mixture
    assert mixture != "mixture" and mixture.__eq__(3) is not True
    with pytest.raises(TypeError, match="unhashable"):
        hash(mixture)


def test_mixtures_of_different_shapes_are_not_equal():
    assert ONE != TWO
    assert Mixture.univariate([1.0], [54.6], [5.9]) != ONE


def test_equal_matrices_are_equal_in_any_form():
    same = [Isotropic(np.array([2.0, 2.0]), 2), Diagonal(np.full((2, 2), 2.0)),
            Common(2 * np.eye(2), 2), Dense(np.array([2 * np.eye(2)] * 2))]
    made = [Mixture.trusted(TWO.weights, TWO.means, one) for one in same]
    assert all(one == other for one in made for other in made)
    other = Mixture.trusted(TWO.weights, TWO.means, Diagonal(np.array([[2.0, 2.0], [2.0, 2.1]])))
    assert all(one != other for one in made)


def test_tiny_standard_deviations_are_told_apart():
    """Their squares are all zero."""
    a, b = (Mixture.univariate([1.0], [0.0], [sd]) for sd in (1e-200, 2e-200))
    assert a != b
    assert a == Mixture.univariate([1.0], [0.0], [1e-200])
    c, d = (Mixture.trusted(np.ones(1), np.zeros((1, 2)), Dense(sd * np.eye(2)[None]))
            for sd in (1e-200, 2e-200))
    assert c != d


@both
def test_a_dictionary_holds_every_bit(mixture):
    d = mixture.n_features
    awkward = mixture.inward(Units(np.full(d, 0.1), np.full(d, 4.0)))
    for m in (mixture, awkward):
        plain = json.loads(json.dumps(m.to_dict()))
        again = Mixture.from_dict(plain)
        np.testing.assert_array_equal(again.weights, m.weights)
        np.testing.assert_array_equal(again.means, m.means)
        np.testing.assert_array_equal(again.covariances, m.covariances)
        assert again == m
        own = "sds" if m.n_features == 1 else "cholesky"
        assert set(plain) == {"weights", "means", own, "covariances"}


def test_repr_is_the_mixture_again():
    assert eval(repr(ONE), {"Mixture": Mixture}) == ONE


def test_repr_of_more_columns_is_a_table():
    assert repr(TWO).splitlines() == [
        "<Mixture of 2 components in 2 columns, Dense covariances",
        " 0: weight 0.4, mean [0 1], sd [2 1.414]",
        " 1: weight 0.6, mean [3 -1], sd [0.7071 0.5477]>",
    ]
    large = Mixture.trusted(np.full(99, 1 / 99), np.zeros((99, 50)), Isotropic(np.ones(99), 50))
    assert len(repr(large)) < 2000 and "and 89 more" in repr(large) and "…" in repr(large)


@pytest.mark.parametrize("missing", ["weights", "means"])
def test_a_dictionary_without_a_parameter(missing):
    for plain in (ONE.to_dict(), TWO.to_dict()):
        del plain[missing]
        with pytest.raises(ParameterError, match=missing):
            Mixture.from_dict(plain)


@both
def test_a_dictionary_needs_one_form_of_covariances(mixture):
    plain = mixture.to_dict()
    own = "sds" if mixture.n_features == 1 else "cholesky"
    assert Mixture.from_dict({k: v for k, v in plain.items() if k != "covariances"}) == mixture
    dense = Mixture.from_dict({k: v for k, v in plain.items() if k != own})
    np.testing.assert_allclose(dense.covariances, mixture.covariances, rtol=1e-14)
    with pytest.raises(ParameterError, match="needs covariances"):
        Mixture.from_dict({k: plain[k] for k in ("weights", "means")})
    other = [[[4.0, 1.0], [1.0, 2.0]]] * 2 if mixture is TWO else [[[1.0]], [[1.0]]]
    with pytest.raises(ParameterError, match=f"not those of {own}"):
        Mixture.from_dict(plain | {"covariances": other})


# Order and units


def test_canonical_order_is_by_mean_then_spread_then_size():
    m = Mixture.univariate([0.1, 0.2, 0.3, 0.4], [2.0, 1.0, 1.0, 1.0], [1.0, 3.0, 1.0, 1.0])
    assert m.canonical_order().tolist() == [3, 2, 1, 0]
    ordered = m.in_canonical_order()
    assert ordered.weights.tolist() == [0.4, 0.3, 0.2, 0.1]
    assert ordered.sds.tolist() == [1.0, 1.0, 3.0, 1.0]
    assert ordered.in_canonical_order() == ordered
    x = np.linspace(-3, 5, 30)
    np.testing.assert_allclose(ordered.logpdf(x), m.logpdf(x), rtol=1e-14)
    np.testing.assert_allclose(ordered.responsibilities(x), m.responsibilities(x)[:, [3, 2, 1, 0]])


def test_in_more_columns_the_first_decides():
    m = Mixture([0.5, 0.25, 0.25], [[2.0, 0.0], [1.0, 5.0], [1.0, 4.0]], [np.eye(2)] * 3)
    assert m.canonical_order().tolist() == [2, 1, 0]


@both
def test_internal_units_change_a_density_by_the_jacobian_alone(mixture):
    d = mixture.n_features
    units = Units(np.array([51.2, -3.0])[:d], np.array([0.125, 32.0])[:d])
    x = mixture.sample(50, 2)[0].reshape(-1, d)
    inside = mixture.inward(units)
    np.testing.assert_allclose(inside.logpdf(units.inward(x)) + units.log_jacobian,
                               mixture.logpdf(x), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(inside.outward(units).means, mixture.means, rtol=1e-14)
    np.testing.assert_allclose(inside.outward(units).covariances, mixture.covariances, rtol=1e-14)


@pytest.mark.parametrize(("made", "inside", "back"), [
    (Isotropic(np.array([1.5, 3.0]), 2), Diagonal, Diagonal),
    (Diagonal(np.array([[1.5, 2.0], [0.1, 3.0]])), Diagonal, Diagonal),
    (Common(np.array([[2.0, 0.0], [1.0, 3.0]]), 2), Common, Common),
    (Dense(np.array([[[2.0, 0.0], [1.0, 3.0]], [[1.0, 0.0], [0.3, 1.0]]])), Dense, Dense),
    (Oriented(np.array([[3.0, 1.0], [2.0, 0.1]]), np.array([[[0.6, -0.8], [0.8, 0.6]]] * 2)),
     Dense, Dense),
])
def test_units_of_each_column_in_every_form(made, inside, back):
    mixture = Mixture.trusted(TWO.weights, TWO.means, made)
    units = Units(np.array([0.5, -3.0]), np.array([0.125, 32.0]))
    inward = mixture.inward(units)
    assert isinstance(inward.covariance, inside)
    assert isinstance(inward.outward(units).covariance, back)
    np.testing.assert_allclose(inward.outward(units).covariances, mixture.covariances, rtol=1e-13,
                               atol=1e-15)
    x = np.random.default_rng(0).normal(0, 3, (20, 2))
    np.testing.assert_allclose(inward.logpdf(units.inward(x)) + units.log_jacobian,
                               mixture.logpdf(x), rtol=1e-12, atol=1e-12)
    alike = Units(np.zeros(2), np.full(2, 4.0))
    assert type(mixture.inward(alike).covariance) is type(made)
    assert mixture.inward(alike).outward(alike) == mixture


# Parameters that make no mixture


@pytest.mark.parametrize(("weights", "means", "sds", "words"), [
    ([0.5, 0.6], [0, 1], [1, 1], "sum to 1.1"),
    ([0.5, 0.5 + 1e-11], [0, 1], [1, 1], "weights sum to"),
    ([1.5, -0.5], [0, 1], [1, 1], r"weights\[1\] is -0.5"),
    ([np.nan, 1.0], [0, 1], [1, 1], r"weights\[0\] is nan"),
    ([0.5, 0.5], [0, np.inf], [1, 1], r"means\[1\] is inf"),
    ([0.5, 0.5], [0, 1], [1, 0], r"sds\[1\] is 0"),
    ([0.5, 0.5], [0, 1], [-1, 1], r"sds\[0\] is -1"),
    ([0.5, 0.5], [0, 1, 2], [1, 1], "2 weights, 3 means and 2 sds"),
    ([0.5, 0.5], [0, 1], [1], "2 weights, 2 means and 1 sds"),
    ([], [], [], "weights has shape"),
    (1.0, 0.0, 1.0, "weights has shape"),
    ([1.0], ["a"], [1.0], "means is not an array of numbers"),
    ([1.0], [[0.0], [1.0, 2.0]], [1.0], "means is not an array of numbers"),
])
def test_no_mixture_in_one_column(weights, means, sds, words):
    with pytest.raises(ParameterError, match=words):
        Mixture.univariate(weights, means, sds)


@pytest.mark.parametrize(("weights", "means", "covariances", "words"), [
    ([1.0], [[0, 0], [1, 1]], np.ones((1, 2, 2)), "one row for each of 1 weights"),
    ([1.0], [[0, 0]], np.ones((1, 3, 3)), r"covariances has shape \(1, 3, 3\)"),
    ([1.0], [[0, 0]], np.eye(2), "covariances has shape"),
    ([1.0], [[0, 0]], [[[1, 0.5], [0.4, 1]]], r"covariances\[0\] is not symmetric"),
    ([1.0], [[0, 0]], [[[1, 2], [2, 1]]], r"covariances\[0\] is not positive definite.*-1"),
    ([0.5, 0.5], [[0], [1]], [[[1]], [[0]]], r"covariances\[1\] is 0"),
])
def test_no_mixture_in_more_columns(weights, means, covariances, words):
    with pytest.raises(ParameterError, match=words):
        Mixture(weights, means, covariances)


def test_rounding_between_the_halves_of_a_matrix_is_averaged():
    sigma = np.array([[1e4, 1e-13, 0.0], [-1e-13, 1e-8, 1e-5], [0.0, 1e-5 * (1 + 1e-12), 1.0]])
    m = Mixture([1.0], [[0.0, 0.0, 0.0]], [sigma])
    np.testing.assert_array_equal(m.covariances[0], m.covariances[0].T)
    assert m.covariances[0, 0, 1] == 0.0
    sigma[0, 1] = 1e-9
    with pytest.raises(ParameterError, match=r"covariances\[0\] is not symmetric"):
        Mixture([1.0], [[0.0, 0.0, 0.0]], [sigma])


def test_sums_of_decimals_are_close_enough_to_one():
    Mixture.univariate([0.1] * 10, np.arange(10), np.ones(10))
    Mixture.univariate(np.full(997, 1 / 997), np.arange(997), np.ones(997))


def test_a_component_of_no_weight_is_allowed():
    m = Mixture.univariate([0.0, 1.0], [0.0, 5.0], [1.0, 1.0])
    np.testing.assert_allclose(m.logpdf([0.3, 5.0]), stats.norm(5).logpdf([0.3, 5.0]), rtol=1e-14)
    assert (m.sample(100, 1)[1] == 1).all()


def test_one_column_by_covariances_or_by_sds():
    a = Mixture([0.5, 0.5], [[0.0], [1.0]], [[[4.0]], [[9.0]]])
    assert a == Mixture.univariate([0.5, 0.5], [0.0, 1.0], [2.0, 3.0])
    assert isinstance(a.covariance, Isotropic) and a.sds.tolist() == [2.0, 3.0]
    with pytest.raises(ParameterError, match="one column"):
        _ = TWO.sds
