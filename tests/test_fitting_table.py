"""fit and steps in several columns: what a user may rely on, whatever the data's units, order,
weights and size."""

from __future__ import annotations

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from lenient import lenient, logsumexp, multiply
from scipy.stats import multivariate_normal

import emix
from emix import DataError, DegenerateWarning, Mixture, NotConvergedWarning, Outcome, ParameterError
from emix.covariance import STRUCTURES as ALL
from emix.kernels import NATIVE

NAN = np.nan
STRUCTURES = tuple(ALL)
every = pytest.mark.parametrize("covariance", STRUCTURES)
SCALE_FREE = [name for name, rule in ALL.items() if rule.is_scale_free]
QUICK = {"start": "hierarchical"}


def two_groups(n: int = 40, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.concatenate([
        rng.normal(size=(n, 2)) @ [[0.6, 0.2], [0.0, 0.5]] + [-2, 1],
        rng.normal(size=(2 * n, 2)) @ [[1.0, -0.4], [0.0, 0.6]] + [2, -1],
    ])
    # Multiples of 2⁻²⁰, so that adding 1e8 or scaling by powers of two is exact.
    return np.round(x * 2**20) / 2**20


def quietly(*args, **kwargs) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.fit(*args, **kwargs)


def assert_same_bits(a: emix.Fit, b: emix.Fit) -> None:
    for name in ("weights", "means", "covariances"):
        np.testing.assert_array_equal(getattr(a.mixture, name), getattr(b.mixture, name))
    for name in ("loglik", "objective", "gradient", "n_iter", "outcome", "classification"):
        assert getattr(a, name) == getattr(b, name), name
    assert [(o.loglik, o.starts) for o in a.optima] == [(o.loglik, o.starts) for o in b.optima]
    assert all(o.mixture == p.mixture for o, p in zip(a.optima, b.optima, strict=True))


def assert_close(a: emix.Fit, b: emix.Fit, scale=1.0, rtol: float = 1e-8) -> None:
    """The same fit, b's data being a's times `scale`, a number or one for each column."""
    scale = np.broadcast_to(scale, a.mixture.n_features)
    sds = np.sqrt(np.diagonal(a.mixture.covariances, axis1=1, axis2=2))
    # Squares of what is scaled by 1e±160 are no doubles: by factors.
    factors = b.mixture.covariance.factors / scale[:, None]
    np.testing.assert_allclose(b.mixture.weights, a.mixture.weights, rtol=rtol)
    assert (np.abs(b.mixture.means / scale - a.mixture.means) <= rtol * sds.max(axis=0)).all()
    assert (np.abs(factors - a.mixture.covariance.factors) <= rtol * sds[:, :, None]).all()
    expected = a.loglik - a.n * np.log(scale).sum()
    assert b.loglik == pytest.approx(expected, rel=1e-11, abs=1e-8)


# Units


@every
@pytest.mark.parametrize("exponent", [-150, -12, -3, 6, 150])
def test_units_do_not_matter(covariance, exponent):
    x, scale = two_groups(), 10.0**exponent
    plain, scaled = (emix.fit(data, 2, covariance=covariance, n_starts=3)
                     for data in (x, x * scale))
    assert_close(plain, scaled, scale)
    np.testing.assert_array_equal(plain.predict(x), scaled.predict(x * scale))
    mirrored = emix.fit(-x * scale, 2, covariance=covariance, n_starts=3)
    assert mirrored.loglik == pytest.approx(scaled.loglik, abs=1e-7)


@pytest.mark.parametrize("covariance", SCALE_FREE)
@pytest.mark.parametrize("exponents", [(-3, 3), (0, -150), (150, -150), (12, 100)])
def test_nor_do_those_of_each_column_where_the_structure_allows_any(covariance, exponents):
    x, scale = two_groups(), 10.0 ** np.array(exponents, dtype=float)
    plain, scaled = (emix.fit(data, 2, covariance=covariance, n_starts=3)
                     for data in (x, x * scale))
    assert_close(plain, scaled, scale)
    np.testing.assert_array_equal(plain.predict(x), scaled.predict(x * scale))


@every
@pytest.mark.parametrize("exponents", [(-480, -480), (-61, -61), (1, 1), (40, 40), (480, 480),
                                       (3, -7), (-300, 200)])
def test_powers_of_two_are_exact(covariance, exponents):
    if exponents[0] != exponents[1] and covariance not in SCALE_FREE:
        return
    x, scale = two_groups(), 2.0 ** np.array(exponents, dtype=float)
    plain, scaled = (emix.fit(data, 2, covariance=covariance, **QUICK) for data in (x, x * scale))
    np.testing.assert_array_equal(scaled.mixture.weights, plain.mixture.weights)
    np.testing.assert_array_equal(scaled.mixture.means, plain.mixture.means * scale)
    factors = plain.mixture.covariance.factors * scale[:, None]
    np.testing.assert_allclose(scaled.mixture.covariance.factors, factors, rtol=1e-14)
    assert (scaled.gradient, scaled.n_iter) == (plain.gradient, plain.n_iter)


@every
@pytest.mark.parametrize("offset", [1e8, -1e8, 2.0**32])
def test_an_offset_of_a_hundred_million_sds_costs_only_the_means_last_bits(covariance, offset):
    x, away = two_groups(), np.array([offset, -offset / 4])
    plain, shifted = (emix.fit(data, 2, covariance=covariance, **QUICK) for data in (x, x + away))
    np.testing.assert_allclose(shifted.mixture.weights, plain.mixture.weights, rtol=1e-8)
    np.testing.assert_allclose(shifted.mixture.covariances, plain.mixture.covariances, rtol=1e-8,
                               atol=1e-10)
    np.testing.assert_allclose(shifted.mixture.means - away, plain.mixture.means,
                               atol=4 * np.spacing(abs(offset)), rtol=0)
    assert shifted.loglik == pytest.approx(plain.loglik, rel=1e-11)
    np.testing.assert_array_equal(shifted.predict(x + away), plain.predict(x))


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e160, 1e200])
@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VVI", "VII", "VEV"])
def test_squares_beyond_the_doubles_are_no_obstacle(scale, covariance):
    x = two_groups()
    with np.errstate(over="ignore", under="ignore"):
        plain, scaled = (emix.fit(data, 2, covariance=covariance, **QUICK)
                         for data in (x, x * scale))
        assert_close(plain, scaled, scale)


# One component


def exactly(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance (divisor n) in rational arithmetic, rounded once."""
    columns = [[Fraction(v) for v in column] for column in x.T.tolist()]
    n, means = len(x), [sum(column) / len(x) for column in columns]
    away = [[v - m for v in column] for column, m in zip(columns, means, strict=True)]
    covariance = [[float(sum(a * b for a, b in zip(one, other, strict=True)) / n)
                   for other in away] for one in away]
    return np.array([float(m) for m in means]), np.array(covariance)


def allowed(covariance: np.ndarray, name: str) -> np.ndarray:
    d = len(covariance)
    if name in ("EII", "VII"):
        return np.trace(covariance) / d * np.eye(d)
    return np.diag(np.diag(covariance)) if name[2] == "I" else covariance


def shuffled(*columns) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.permutation(column) for column in columns])


ALTERNATING = np.append(np.tile([0.1, 0.3], 500), 0.2)
# NumAcc2, 3 and 4 of NIST's Statistical Reference Datasets, side by side, and the digits that
# double precision leaves of their standard deviations.
NIST = shuffled(1 + ALTERNATING, 1e6 + ALTERNATING, 1e7 + ALTERNATING)
WANTED_DIGITS = np.array([14, 9, 8])


@every
def test_nists_columns_have_their_means_and_standard_deviations(covariance):
    found = emix.fit(NIST, 1, covariance=covariance)
    mean, exact = exactly(NIST)
    np.testing.assert_allclose(found.mixture.means[0], mean, rtol=4e-16)
    np.testing.assert_allclose(found.mixture.covariances[0], allowed(exact, covariance), rtol=1e-12,
                               atol=1e-16)
    sds = np.sqrt(np.diag(found.mixture.covariances[0]) * 1001 / 1000)
    if covariance not in ("EII", "VII"):
        # Certified: 1.2, 1000000.2 and 10000000.2, each with 0.1.
        assert (np.abs(sds / 0.1 - 1) < 10.0**-WANTED_DIGITS).all()
    np.testing.assert_allclose(found.mixture.means[0], [1.2, 1000000.2, 10000000.2], rtol=1e-15)


@every
@pytest.mark.parametrize("offset", [0.0, 1e6, 1e8, 1e9])
def test_one_component_is_mean_and_covariance(covariance, offset):
    x = two_groups(30) + offset
    found = emix.fit(x, 1, covariance=covariance)
    mean, exact = exactly(x)
    np.testing.assert_allclose(found.mixture.means[0], mean, rtol=4e-16, atol=1e-15)
    wanted = allowed(exact, covariance)
    np.testing.assert_allclose(found.mixture.covariances[0], wanted, rtol=1e-12, atol=1e-13)
    away = np.array([[float(Fraction(v) - Fraction(m)) for v, m in zip(row, mean, strict=True)]
                     for row in x.tolist()])
    wanted_loglik = multivariate_normal([0, 0], wanted).logpdf(away).sum()
    assert found.loglik == pytest.approx(wanted_loglik, rel=1e-9)
    assert found.converged


def test_of_one_component_structures_with_as_many_parameters_are_one():
    """BIC is the same to the bit or nearly: nothing is left to be equal or to vary."""
    x = two_groups()
    bic = {name: emix.fit(x, 1, covariance=name).bic for name in STRUCTURES}
    for group in (("EII", "VII"), ("EEI", "VEI", "EVI", "VVI"), STRUCTURES[6:]):
        assert max(bic[n] for n in group) - min(bic[n] for n in group) < 1e-9
    df = {name: emix.fit(x, 1, covariance=name).df for name in ("VII", "VVI", "VVV")}
    assert df == {"VII": 3, "VVI": 4, "VVV": 5}


# Data as it comes


@pytest.mark.parametrize("dtype", [np.int64, np.int16, np.uint8, np.float32, np.float16, ">f8"])
def test_whole_numbers_are_the_same_in_any_dtype(dtype):
    x = np.random.default_rng(2).integers(0, 100, (200, 2))
    assert_same_bits(*(emix.fit(x.astype(t), 2, **QUICK) for t in (dtype, float)))


def test_single_precision_is_computed_in_double():
    x = two_groups().astype(np.float32)
    assert_same_bits(emix.fit(x, 2, **QUICK), emix.fit(x.astype(float), 2, **QUICK))


def test_a_table_may_lie_in_memory_as_it_likes():
    x = two_groups()
    plain = emix.fit(x, 2, **QUICK)
    wide = np.column_stack([x[:, 0], np.zeros(len(x)), x[:, 1]])
    for same in (np.asfortranarray(x), x.tolist(), wide[:, ::2], np.repeat(x, 2, axis=0)[::2],
                 x[::-1][::-1]):
        assert_same_bits(emix.fit(same, 2, **QUICK), plain)


def test_data_are_never_written_to():
    x, weight = two_groups(), np.ones(120)
    kept = x.copy(), weight.copy()
    emix.fit(x, 2, sample_weight=weight, **QUICK)
    next(emix.steps(x, Mixture([1.0], [[0, 0]], [np.eye(2)]), sample_weight=weight))
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(weight, kept[1])
    assert x.flags.writeable


@every
def test_the_order_of_the_rows_does_not_matter(covariance):
    x = two_groups()
    plain = emix.fit(x, 2, covariance=covariance, n_starts=3)
    for order in (np.argsort(x[:, 0]), np.random.default_rng(0).permutation(len(x))):
        assert_close(plain, emix.fit(x[order], 2, covariance=covariance, n_starts=3))


@pytest.mark.parametrize("covariance", ["EEE", "VVV", "VVI", "VII", "VVE"])
def test_nor_does_that_of_the_columns(covariance):
    x = two_groups()
    plain, turned = (emix.fit(data, 2, covariance=covariance, n_starts=3)
                     for data in (x, x[:, ::-1]))
    assert turned.loglik == pytest.approx(plain.loglik, rel=1e-11)
    means = turned.mixture.means[:, ::-1]
    order = np.argsort(means[:, 0])
    np.testing.assert_allclose(means[order], plain.mixture.means, rtol=1e-7, atol=1e-7)


def test_names_of_columns_are_kept():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(two_groups(), columns=["length", "width"])
    found = emix.fit(frame, 2, **QUICK)
    assert found.columns == ("length", "width") and found.name == "length, width"
    assert emix.fit(two_groups(), 2, **QUICK).columns == ("x1", "x2")
    weighted = frame.assign(w=1.0)
    assert_same_bits(emix.fit(weighted, 2, sample_weight="w", **QUICK),
                     emix.fit(frame, 2, sample_weight=np.ones(120), **QUICK))


def test_a_path_is_read(tmp_path):
    x = two_groups()
    rows = "".join(f"{a!r},{b!r}\n" for a, b in x.tolist())
    (tmp_path / "data.csv").write_text("length,width\n" + rows)
    found = emix.fit(tmp_path / "data.csv", 2, **QUICK)
    assert found.columns == ("length", "width")
    assert_same_bits(found, emix.fit(x, 2, **QUICK))


def test_data_that_cannot_be_used_are_named():
    x = two_groups()
    for value, words in ((NAN, "nan"), (np.inf, "inf"), (-np.inf, "-inf")):
        wrong = x.copy()
        wrong[7, 1] = value
        with pytest.raises(DataError, match=rf"{words} at row 7, column 1"):
            emix.fit(wrong, 2)
    with pytest.raises(DataError, match="one weight per row"):
        emix.fit(x, 2, sample_weight=np.ones(2))
    with pytest.raises(DataError, match="3 axes"):
        emix.fit(np.zeros((2, 2, 2)), 1)


# Weights


@every
def test_a_whole_weight_is_repetition_in_every_number_reported(covariance):
    rng = np.random.default_rng(7)
    x = two_groups(15)
    times = rng.integers(1, 6, len(x))
    start = emix.fit(x, 2, covariance=covariance, n_starts=3).mixture
    weighted = emix.fit(x, 2, covariance=covariance, start=start, sample_weight=times)
    repeated = emix.fit(x.repeat(times, axis=0), 2, covariance=covariance, start=start)
    assert_close(weighted, repeated)
    assert weighted.n == repeated.n == times.sum()
    for criterion in ("aic", "bic", "icl", "classification_entropy"):
        assert getattr(weighted, criterion) == pytest.approx(getattr(repeated, criterion), rel=1e-8)


def test_rows_of_weight_zero_are_not_there():
    rng = np.random.default_rng(3)
    x = two_groups(20)
    at = rng.integers(0, len(x), 30)
    padded = np.insert(x, at, rng.normal(0, 1e6, (30, 2)), axis=0)
    weight = np.insert(np.ones(len(x)), at, 0.0)
    found = emix.fit(padded, 2, sample_weight=weight, **QUICK)
    assert_close(emix.fit(x, 2, **QUICK), found)
    assert found.n == len(x)


def test_equal_weights_are_no_weights():
    """Five clusters (SPARK-57957)."""
    rng = np.random.default_rng(0)
    x = np.repeat(rng.normal(0, 20, (5, 2)), 30, axis=0) + rng.normal(size=(150, 2))
    plain = emix.fit(x, 5, n_starts=4)
    assert_close(plain, emix.fit(x, 5, n_starts=4, sample_weight=np.ones(150)))
    thirds = emix.fit(x, 5, n_starts=4, sample_weight=np.full(150, 3.0))
    np.testing.assert_allclose(thirds.mixture.means, plain.mixture.means, rtol=1e-6, atol=1e-6)
    assert thirds.loglik == pytest.approx(3 * plain.loglik, rel=1e-9)


# Seeds and threads


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VEV", "EVI"])
def test_a_seed_finds_the_same_to_the_bit_and_threads_do_not_matter(covariance):
    x = emix.datasets.load("faithful").data
    options = {} if NATIVE else {"n_starts": 4, "tol": 1e-4}
    once = emix.fit(x, 3, covariance=covariance, seed=5, threads=1, **options)
    for threads in (1, 2, 3):
        again = emix.fit(x, 3, covariance=covariance, seed=5, threads=threads, **options)
        assert_same_bits(again, once)


def test_threads_do_not_matter_for_much_data():
    truth = Mixture([0.3, 0.7], [[0.0, 0.0], [3.0, 1.0]], [np.eye(2), [[1.0, 0.5], [0.5, 2.0]]])
    x = truth.sample(60_000, 3)[0]
    weight = np.random.default_rng(1).exponential(size=len(x))
    options = {"sample_weight": weight, "start": truth, "tol": 1e-3}
    once = emix.fit(x, 2, threads=1, **options)
    for threads in (2, 3):
        again = emix.fit(x, 2, threads=threads, **options)
        assert_same_bits(again, once)
        np.testing.assert_array_equal(again.trace, once.trace)


def test_a_generator_is_advanced_and_its_seed_told():
    x, rng = two_groups(), np.random.default_rng(3)
    options = {"start": "kmeans++", "n_starts": 2}
    first, second = (emix.fit(x, 2, seed=rng, **options) for _ in range(2))
    assert first.seed != second.seed
    assert_same_bits(emix.fit(x, 2, seed=np.random.default_rng(3), **options), first)
    assert_same_bits(emix.fit(x, 2, seed=first.seed, **options), first)


def test_no_global_generator_is_touched():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    emix.fit(two_groups(), 2, n_starts=5)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# Starts


START = Mixture([0.9, 0.1], [[1.5, 0.0], [-5.0, 1.0]], [np.eye(2) * 0.7, [[0.5, 0.2], [0.2, 0.3]]])


@every
def test_a_mixture_to_start_from_is_the_start_used(covariance):
    x = two_groups()
    first = next(emix.steps(x, START, covariance=covariance)).mixture
    nothing = quietly(x, 2, covariance=covariance, start=START, max_iter=0)
    assert (nothing.n_iter, nothing.outcome) == (0, Outcome.NOT_CONVERGED)
    np.testing.assert_array_equal(nothing.mixture.weights, [0.1, 0.9])
    np.testing.assert_allclose(nothing.mixture.means, START.means[::-1], rtol=1e-15)
    np.testing.assert_allclose(nothing.mixture.covariances, first.covariances[::-1], rtol=1e-9,
                               atol=1e-12)
    assert nothing.loglik == pytest.approx(nothing.mixture.logpdf(x).sum(), rel=1e-12)
    assert len(nothing.optima) == 1 and nothing.optima[0].starts == 1
    if covariance == "VVV":
        np.testing.assert_allclose(nothing.mixture.covariances, START.covariances[::-1], rtol=1e-14)


def test_a_start_that_is_given_is_judged_as_one_that_a_search_made():
    """A spike on one row, that no step has moved, is as degenerate there as a search finds it."""
    x = two_groups()
    sound = emix.fit(x, 2, start=START)
    assert not sound.optima[0].degenerate and sound.warnings == ()
    spike = Mixture([0.99, 0.01], [x.mean(axis=0), x[0]], [np.cov(x.T), np.eye(2) * 1e-12])
    found = quietly(x, 2, start=spike, max_iter=0)
    narrow = int(np.argmin(found.mixture.weights))
    assert [each.component for each in found.optima[0].degenerate] == [narrow]


def test_a_start_is_climbed_from_without_the_rows_of_weight_zero():
    x, rng = two_groups(), np.random.default_rng(3)
    at = rng.integers(0, len(x), 30)
    padded = np.insert(x, at, rng.normal(0, 1e6, (30, 2)), axis=0)
    weight = np.insert(np.ones(len(x)), at, 0.0)
    found = emix.fit(padded, 2, sample_weight=weight, start=START)
    assert_close(emix.fit(x, 2, start=START), found)


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VVI", "EII", "EVV"])
def test_so_many_steps_are_taken(covariance):
    x = two_groups()
    three = quietly(x, 2, covariance=covariance, start=START, max_iter=3)
    step = next(itertools.islice(emix.steps(x, START, covariance=covariance), 3, None))
    wanted = step.mixture.in_canonical_order()
    np.testing.assert_allclose(three.mixture.means, wanted.means, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(three.mixture.covariances, wanted.covariances, rtol=1e-8, atol=1e-9)
    assert three.n_iter == 3 and len(three.trace) == 4


@pytest.mark.parametrize("kind", ["kmeans", "quantiles", "random", "responsibilities", "kmeans++",
                                  "hierarchical"])
def test_starts_by_name(kind):
    x = two_groups()
    best = emix.fit(x, 2, n_starts=5)
    found = emix.fit(x, 2, start=kind, n_starts=6)
    assert found.loglik == pytest.approx(best.loglik, abs=1e-6)
    deterministic = kind in ("hierarchical", "quantiles")
    assert sum(o.starts for o in found.optima) == (1 if deterministic else 6)


def test_as_many_starts_as_asked_for():
    for n in (1, 2, 7):
        found = emix.fit(two_groups(), 2, n_starts=n)
        assert sum(o.starts for o in found.optima) == n


def test_a_maximum_that_stopping_early_misses():
    """scikit-learn issue 10122: weights .41/.59 or .37/.63 where EM is stopped too soon."""
    rng = np.random.RandomState(1234)
    x = np.concatenate([
        rng.multivariate_normal([2, 4], [[5, 2], [2, 6]], 300),
        rng.multivariate_normal([0, 0], [[4, 2], [2, 3]], 100),
    ])
    found = emix.fit(x, 2, n_starts=20)
    smaller = [o.mixture.weights.min() for o in found.optima]
    assert any(abs(w - 0.239) < 0.001 for w in smaller)
    assert not any(0.35 < w < 0.43 for w in smaller)
    # From where others stop a climb goes on: plain EM for hundreds of steps.
    begun = Mixture([0.37, 0.63], [[0.5, 0.5], [2.2, 4.2]], [np.eye(2) * 4, np.eye(2) * 6])
    end = emix.fit(x, 2, start=begun)
    early = next(itertools.islice(emix.steps(x, begun), 200, None))
    assert end.converged and early.loglik < end.loglik - 1e-9
    assert min(abs(o.loglik - end.loglik) for o in found.optima) < 1e-6


@pytest.mark.skipif(NATIVE is None, reason="slow in NumPy")
def test_more_rows_than_are_searched_find_what_many_starts_find():
    truth = Mixture([0.2, 0.3, 0.5], [[0.0, 0.0], [3.0, 1.0], [0.0, 4.0]],
                    [np.eye(2), [[0.5, 0.3], [0.3, 0.8]], [[2.0, -1.0], [-1.0, 1.0]]])
    x = truth.sample(30_000, 4)[0]
    found = emix.fit(x, 3)
    from_truth = emix.fit(x, 3, start=truth)
    assert found.converged
    assert found.loglik >= from_truth.loglik - 1e-5
    assert found.loglik == pytest.approx(found.mixture.logpdf(x).sum(), rel=1e-12)


# What comes back


@every
@pytest.mark.parametrize("arguments", [
    {}, {"weights": "equal"}, {"max_iter": 3}, {"means": [[NAN, -1.0], NAN]},
    {"prior": emix.NormalPrior([0, 1], 0.5)}, {"prior": "conjugate"},
])
def test_the_loglik_is_that_of_the_mixture_returned(covariance, arguments):
    x = two_groups()
    found = quietly(x, 2, covariance=covariance, **{"n_starts": 2, "tol": 1e-6, **arguments})
    for optimum in found.optima:
        logs = [np.log(w) + multivariate_normal(m, s).logpdf(x) for w, m, s in zip(
            optimum.mixture.weights, optimum.mixture.means, optimum.mixture.covariances,
            strict=True)]
        assert optimum.loglik == pytest.approx(logsumexp(logs, axis=0).sum(), rel=1e-10)
        log_prior = found.model.log_prior(optimum.mixture)
        assert optimum.objective == pytest.approx(optimum.loglik + log_prior, rel=1e-12)
    assert found.trace[-1] == pytest.approx(found.objective, rel=1e-12)
    assert len(found.trace) == found.n_iter + 1
    assert (np.diff(found.trace) >= -1e-11 * abs(found.objective)).all()
    if "prior" not in arguments:
        assert found.objective == found.loglik


@every
def test_criteria_are_their_formulas(covariance):
    x = two_groups()
    found = emix.fit(x, 2, covariance=covariance, **QUICK)
    r = found.responsibilities(x)
    df = 1 + 4 + ALL[covariance].n_parameters(2, 2)
    assert found.df == df
    assert found.aic == pytest.approx(-2 * found.loglik + 2 * df)
    assert found.bic == pytest.approx(-2 * found.loglik + df * math.log(len(x)))
    assert found.icl == pytest.approx(found.bic - 2 * np.log(r.max(axis=1)).sum())
    terms = np.where(r > 0, r * np.log(np.where(r > 0, r, 1)), 0)
    assert found.classification_entropy == pytest.approx(-terms.sum(), abs=1e-9)


def test_optima_are_best_first_distinct_and_canonical():
    iris = emix.datasets.load("iris").data
    found = emix.fit(iris, 3, covariance="VEV", n_starts=12, tol=1e-8)
    sound = [o.objective for o in found.optima if not o.is_degenerate]
    assert sound == sorted(sound, reverse=True) and len(sound) > 1
    assert all(not o.is_degenerate for o in found.optima[:len(sound)])
    assert all(a - b > 1e-7 for a, b in itertools.pairwise(sound))
    for optimum in found.optima:
        assert (np.diff(optimum.mixture.means[:, 0]) >= 0).all()
    assert found.mixture == found.optima[0].mixture


def test_held_values_are_reported_beside_their_components():
    """Held by position, returned in canonical order: the model is reordered with the mixture."""
    x, a = two_groups(), np.array([[0.5, 0.1], [0.1, 0.4]])
    found = emix.fit(x, 2, means=[[2.0, NAN], [-2.5, 1.0]], weights=[NAN, 0.375],
                     covariances=[np.full((2, 2), NAN), a], **QUICK)
    assert found.mixture.means[0].tolist() == [-2.5, 1.0] and found.mixture.means[1, 0] == 2.0
    assert found.mixture.weights.tolist() == [0.375, 0.625]
    np.testing.assert_allclose(found.mixture.covariances[0], a, rtol=1e-15)
    held = found.model.held
    np.testing.assert_array_equal(held.means, [[-2.5, 1.0], [2.0, NAN]])
    np.testing.assert_array_equal(held.weights, [0.375, NAN])
    assert held.learned_covariances.tolist() == [False, True]
    assert found.df == 1 + 3 and found.converged


def test_everything_held_is_a_fit_without_freedom():
    x = two_groups()
    found = emix.fit(x, 2, weights="equal", means=[[-2, 1], [2, -1]], covariances=np.eye(2))
    assert (found.df, found.converged) == (0, True)
    wanted = Mixture([0.5, 0.5], [[-2, 1], [2, -1]], [np.eye(2)] * 2)
    np.testing.assert_array_equal(found.mixture.covariances, wanted.covariances)
    assert found.loglik == pytest.approx(wanted.logpdf(x).sum(), rel=1e-12)


# How a fit ends


def test_too_few_steps_are_said_to_be():
    with pytest.warns(NotConvergedWarning, match="max_iter"):
        found = emix.fit(emix.datasets.load("iris").data, 4, max_iter=5, n_starts=1)
    assert found.outcome is Outcome.NOT_CONVERGED and not found.converged
    assert found.n_iter <= 5 and found.gradient > 1e-10
    assert "max_iter" in found.warnings[0]


def test_tol_is_the_gradient_at_which_a_fit_ends():
    x = emix.datasets.load("faithful").data
    loose, tight = (emix.fit(x, 2, tol=tol, **QUICK) for tol in (1e-3, 1e-11))
    assert tight.gradient <= 1e-11 < loose.gradient <= 1e-3
    assert loose.n_iter < tight.n_iter and loose.loglik <= tight.loglik


def much_data() -> tuple[np.ndarray, dict]:
    """Data that is climbed step by step in Python: means that are held in part see to that."""
    truth = Mixture([0.3, 0.7], [[0.0, 0.0], [3.0, 1.0]], [np.eye(2), np.eye(2)])
    return truth.sample(3000, 3)[0], {"start": truth, "means": [[0.0, NAN], NAN]}


def test_progress_is_told_of_every_step_of_much_data():
    x, truth = much_data()
    told: list[emix.Progress] = []
    found = emix.fit(x, 2, tol=1e-5, progress=told.append, **truth)
    assert [p.iteration for p in told] == list(range(found.n_iter + 1))
    assert {(p.run, p.n_runs) for p in told} == {(1, 1)}
    assert told[-1].gradient == found.gradient


def test_ctrl_c_in_a_fit_gives_the_best_so_far():
    x, truth = much_data()

    def press(now: emix.Progress) -> None:
        if now.iteration == 2:
            raise KeyboardInterrupt

    with pytest.warns(NotConvergedWarning, match="interrupted"):
        found = emix.fit(x, 2, progress=press, **truth)
    assert found.outcome is Outcome.INTERRUPTED and found.n_iter == 2
    assert found.loglik == pytest.approx(found.mixture.logpdf(x).sum(), rel=1e-12)


# Data that leave little to learn


def test_a_sound_optimum_goes_before_a_higher_degenerate_one():
    x = np.concatenate([two_groups(15), [[0.25, 0.25]] * 3])
    spiked = Mixture([0.05, 0.95], [[0.25, 0.25], [0.9, 0.0]], [np.eye(2) * 1e-9, np.cov(x.T)])
    spike = quietly(x, 2, start=spiked)
    found = emix.fit(x, 2, n_starts=6)
    assert spike.degenerate and spike.loglik > found.loglik
    assert not found.degenerate and found.warnings == ()


def test_a_degenerate_fit_warns_and_says_which_and_why():
    x = two_groups(10)
    start = Mixture([0.05, 0.95], [x[0], [0.0, 0.0]], [np.eye(2) * 1e-9, np.cov(x.T)])
    with pytest.warns(DegenerateWarning, match="try a smaller k"):
        found = quietly_not_converged(x, start)
    assert found.degenerate and found.optima[0].is_degenerate
    assert np.isfinite(found.loglik) and np.isfinite(found.mixture.covariances).all()


def quietly_not_converged(x, start) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConvergedWarning)
        return emix.fit(x, 2, start=start)


@every
def test_five_clusters_of_identical_rows(covariance):
    """Finite parameters and positive definite covariances; spikes are named and never silent."""
    x = np.repeat([[0.0, 0.0], [10.0, 1.0], [3.0, 8.0], [-4.0, 5.0], [6.0, -7.0]], 30, axis=0)
    found = quietly(x, 5, covariance=covariance, n_starts=4, max_iter=300)
    m = found.mixture
    assert np.isfinite(m.means).all() and np.isfinite(found.loglik)
    assert (np.diagonal(m.covariance.factors, axis1=1, axis2=2) > 0).all()
    assert m.weights.sum() == pytest.approx(1, abs=1e-12)
    narrow = {j for j in range(5) if m.covariances[j].max() < 1e-18}
    assert narrow <= {d.component for d in found.degenerate}
    assert found.warnings or not narrow


@pytest.mark.parametrize("k", [5, 8, 10])
@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VVI", "VII"])
def test_few_rows_of_many_columns(k, covariance):
    """scikit-learn issue 8453: 20 rows, 10 columns near 100 to 480: never a LinAlgError."""
    x = np.random.default_rng(8).uniform(100, 480, (20, 10)).round(1)
    found = quietly(x, k, covariance=covariance, n_starts=3, max_iter=200)
    m = found.mixture
    assert np.isfinite(found.loglik) and np.isfinite(m.covariances).all()
    assert (m.means >= 99).all() and (m.means <= 481).all()
    if covariance == "VVV":
        # No component can have eleven rows and its own covariance.
        assert found.degenerate and found.warnings


def test_one_hot_rows_are_refused_with_a_reason():
    """scikit-learn issue 12056: 1477 rows of 284 columns, one hot, 500 components."""
    x = np.eye(284)[np.arange(1477) % 284]
    for covariance in ("full", "tied"):
        with pytest.raises(DataError, match=r"^x\d+ can be computed from the other columns"):
            emix.fit(x, 500, covariance=covariance)
    for covariance in ("diag", "spherical"):
        with pytest.raises(DataError, match=r"284 distinct rows in 1477 rows.*k=284"):
            emix.fit(x, 500, covariance=covariance)
    with pytest.raises(DataError, match=r"x284 \(0\) is constant"):
        emix.fit(x[x[:, 283] == 0], 500)


def test_half_of_all_values_zero():
    """pycave issue 20, smaller: many columns of max(0, N(−1, 1))."""
    x = np.maximum(np.random.default_rng(0).normal(-1, 1, (400, 150)), 0)
    found = quietly(x, 3, covariance="diag", start="kmeans", n_starts=1, max_iter=100)
    assert np.isfinite(found.loglik) and (np.diagonal(found.mixture.covariances, 0, 1, 2) > 0).all()


@pytest.mark.parametrize("covariance", ["EII", "VII", "EEI", "VVI", "VEI", "EVI"])
def test_more_columns_than_rows(covariance):
    x = np.concatenate([np.random.default_rng(0).normal(m, 1, (12, 40)) for m in (0, 5)])
    found = emix.fit(x, 2, covariance=covariance, **QUICK)
    assert found.mixture.weights.tolist() == pytest.approx([0.5, 0.5])
    labels = found.predict(x)
    assert len(set(labels[:12])) == len(set(labels[12:])) == 1 and labels[0] != labels[12]


# Arguments


@pytest.mark.parametrize(("arguments", "names"), [
    ({"k": 0}, "k=0"), ({"covariance": "V"}, "covariance='V' is not a structure; for 2 columns"),
    ({"covariance": None}, "covariance=None"), ({"threads": 0}, "threads=0"),
    ({"tol": -1.0}, "tol=-1.0"), ({"max_iter": 2.5}, "max_iter=2.5"),
    ({"n_starts": 0}, "n_starts=0"), ({"start": "nearest"}, "start='nearest'"),
    ({"start": [1.0, 2.0]}, r"start is an array of shape \(2,\)"), ({"seed": -1}, "seed=-1"),
    ({"start": Mixture.univariate([1.0], [0.0], [1.0])}, "start has 1 components in 1 columns; "
                                                         "expected 2 in 2"),
    ({"start": Mixture.univariate([0.5, 0.5], [0, 1], [1, 1])}, "2 components in 1 columns"),
    ({"start": START, "n_starts": 3}, "leave n_starts"), ({"sds": 1.0}, "covariance='spherical'"),
    ({"covariances": "abc"}, "covariances"), ({"means": [0.0, 1.0]}, r"means has shape \(2,\)"),
    ({"prior": emix.NormalPrior([0, 1, 2], 1)}, "NormalPrior mean"),
])
def test_what_has_no_meaning_is_refused_by_name(arguments, names):
    with pytest.raises(ParameterError, match=names):
        emix.fit(two_groups(10), **{"k": 2, **arguments})


# Steps


def test_the_first_step_is_the_start_with_its_loglik():
    x = two_groups()
    first = next(emix.steps(x, START))
    assert first.mixture == START and first.iteration == 0
    assert first.loglik == pytest.approx(START.logpdf(x).sum(), rel=1e-13)


def test_steps_are_em_by_its_formulas():
    x = two_groups() * [3.0, 0.1] + [1e4, -7.0]
    w, mu = START.weights, START.means * [3.0, 0.1] + [1e4, -7.0]
    sigma = START.covariances * np.multiply.outer([3.0, 0.1], [3.0, 0.1])
    for step in itertools.islice(emix.steps(x, Mixture(w, mu, sigma)), 6):
        np.testing.assert_allclose(step.mixture.weights, w, rtol=1e-9)
        np.testing.assert_allclose(step.mixture.means, mu, rtol=1e-11)
        np.testing.assert_allclose(step.mixture.covariances, sigma, rtol=1e-7, atol=1e-9)
        joint = np.stack([multiply(a, lenient(multivariate_normal(m, s).pdf)(x))
                          for a, m, s in zip(w, mu, sigma, strict=True)], axis=1)
        assert step.loglik == pytest.approx(np.log(joint.sum(axis=1)).sum(), rel=1e-10)
        r = lenient(np.divide)(joint, joint.sum(axis=1, keepdims=True))
        n = r.sum(axis=0)
        np.testing.assert_allclose(step.statistics.weight, n, rtol=1e-8)
        w, mu = n / len(x), r.T @ x / n[:, None]
        away = x - mu[:, None]
        sigma = np.einsum("ik,kij,kil->kjl", r, away, away) / n[:, None, None]


@every
def test_steps_keep_the_order_of_their_start_and_weigh_rows(covariance):
    x = two_groups(10)
    times = np.arange(len(x)) % 3
    weighted = itertools.islice(emix.steps(x, START, covariance=covariance, sample_weight=times), 6)
    repeated = itertools.islice(
        emix.steps(x.repeat(times, axis=0), START, covariance=covariance), 6)
    before = -np.inf
    for a, b in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(a.mixture.means, b.mixture.means, rtol=1e-8, atol=1e-9)
        assert a.loglik == pytest.approx(b.loglik, rel=1e-9)
        assert a.mixture.means[0, 0] > a.mixture.means[1, 0]
        assert a.loglik >= before - 1e-9
        before = a.loglik


def test_steps_refuse_other_columns():
    with pytest.raises(ParameterError, match="start has 2 columns; expected 3"):
        next(emix.steps(np.zeros((4, 3)), START))
    with pytest.raises(ParameterError, match="start="):
        next(emix.steps(two_groups(), "kmeans"))
