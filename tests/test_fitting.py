"""fit and steps: what a user may rely on, whatever the data's units, order, weights and size."""

from __future__ import annotations

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
from lenient import xlogy
from scipy.stats import norm

import emix
from emix import DegenerateWarning, Mixture, NotConvergedWarning, Outcome, ParameterError
from emix.compression import Compression
from emix.kernels import NATIVE
from emix.searching.search import Plan

NAN = np.nan


def two_groups(n: int = 40, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(-2, 0.6, n), rng.normal(2, 1.0, 2 * n)])
    # Multiples of 2⁻²⁰, so that adding 1e8 or scaling by powers of two is exact.
    return np.round(x * 2**20) / 2**20


def quietly(*args, **kwargs) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.fit(*args, **kwargs)


def assert_same_bits(a: emix.Fit, b: emix.Fit) -> None:
    assert a.mixture == b.mixture
    np.testing.assert_array_equal(a.mixture.sds, b.mixture.sds)
    for name in ("loglik", "objective", "gradient", "n_iter", "outcome", "classification"):
        assert getattr(a, name) == getattr(b, name), name
    assert [(o.loglik, o.starts, o.mixture) for o in a.optima] == \
        [(o.loglik, o.starts, o.mixture) for o in b.optima]


def assert_close(a: emix.Fit, b: emix.Fit, scale: float = 1.0, rtol: float = 1e-9) -> None:
    """The same fit, b's data being a's times `scale`."""
    np.testing.assert_allclose(b.mixture.weights, a.mixture.weights, rtol=rtol)
    sd = np.sqrt(a.mixture.variance) if scale == 1 else a.mixture.sds.max()
    np.testing.assert_allclose(b.mixture.means / scale, a.mixture.means, atol=rtol * sd, rtol=rtol)
    np.testing.assert_allclose(b.mixture.sds / scale, a.mixture.sds, rtol=rtol)
    expected = a.loglik - a.n * math.log(scale)
    assert b.loglik == pytest.approx(expected, rel=1e-11, abs=1e-9)


# Units


@pytest.mark.parametrize("exponent", [-150, -100, -12, -3, -1, 1, 6, 100, 150])
@pytest.mark.parametrize("covariance", ["E", "V"])
def test_units_do_not_matter(exponent, covariance):
    x, scale = two_groups(), 10.0**exponent
    plain, scaled = emix.fit(x, 2, covariance=covariance), emix.fit(x * scale, 2,
                                                                    covariance=covariance)
    assert_close(plain, scaled, scale)
    np.testing.assert_array_equal(plain.predict(x), scaled.predict(x * scale))
    # Where the data are means nothing, so neither does a change of sign, but for the order.
    mirrored = emix.fit(-x * scale, 2, covariance=covariance)
    assert mirrored.loglik == pytest.approx(scaled.loglik, abs=1e-8)


@pytest.mark.parametrize("exponent", [-480, -61, -1, 1, 40, 480])
def test_powers_of_two_are_exact(exponent):
    x, scale = two_groups(), 2.0**exponent
    plain, scaled = emix.fit(x, 3), emix.fit(x * scale, 3)
    np.testing.assert_array_equal(scaled.mixture.weights, plain.mixture.weights)
    np.testing.assert_array_equal(scaled.mixture.means, plain.mixture.means * scale)
    np.testing.assert_array_equal(scaled.mixture.sds, plain.mixture.sds * scale)
    assert (scaled.gradient, scaled.n_iter) == (plain.gradient, plain.n_iter)
    assert [o.starts for o in scaled.optima] == [o.starts for o in plain.optima]


@pytest.mark.parametrize("offset", [1e8, -1e8, 2.0**32])
def test_an_offset_of_a_hundred_million_sds_costs_only_the_means_last_bits(offset):
    x = two_groups()
    plain, shifted = emix.fit(x, 2), emix.fit(x + offset, 2)
    np.testing.assert_allclose(shifted.mixture.weights, plain.mixture.weights, rtol=1e-9)
    np.testing.assert_allclose(shifted.mixture.sds, plain.mixture.sds, rtol=1e-9)
    np.testing.assert_allclose(shifted.mixture.means - offset, plain.mixture.means,
                               atol=2 * np.spacing(abs(offset)), rtol=0)
    assert shifted.loglik == pytest.approx(plain.loglik, rel=1e-11)
    np.testing.assert_array_equal(shifted.predict(x + offset), plain.predict(x))


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e160, 1e200])
def test_squares_beyond_the_doubles_are_no_obstacle(scale):
    x = two_groups()
    assert_close(emix.fit(x, 2), emix.fit(x * scale, 2), scale)


@pytest.mark.parametrize("offset", [1e6, 1e7, 1e8, 1e9])
@pytest.mark.parametrize("covariance", ["E", "V"])
def test_one_component_is_mean_and_standard_deviation(offset, covariance):
    x = np.random.default_rng(0).normal(size=10_000) + offset
    found = emix.fit(x, 1, covariance=covariance)
    exact = [Fraction(v) for v in x]
    mean = sum(exact) / len(exact)
    variance = sum((v - mean) ** 2 for v in exact) / len(exact)
    assert found.mixture.means[0, 0] == pytest.approx(float(mean), rel=2.3e-16)
    assert found.mixture.sds[0] == pytest.approx(math.sqrt(variance), rel=1e-13)
    wanted = norm(0, math.sqrt(variance)).logpdf([float(v - mean) for v in exact]).sum()
    assert found.loglik == pytest.approx(wanted, rel=1e-12)
    assert found.converged and found.df == 2


# Data as it comes


@pytest.mark.parametrize("dtype", [np.int64, np.int16, np.uint8, np.float32, np.float16, ">f8"])
def test_whole_numbers_are_the_same_in_any_dtype(dtype):
    x = np.random.default_rng(2).integers(0, 100, 200)
    assert_same_bits(emix.fit(x.astype(dtype), 2), emix.fit(x.astype(float), 2))


def test_a_column_may_come_as_a_table_of_one():
    x = two_groups()
    wide = np.stack([x, x + 1], axis=1)
    for same in (x[:, None], x.tolist(), wide[:, :1], wide[:, 0], np.asfortranarray(wide)[:, :1]):
        assert_same_bits(emix.fit(same, 2), emix.fit(x, 2))


def test_the_order_of_the_rows_does_not_matter():
    x = two_groups()
    for order in (np.argsort(x), np.argsort(-x), np.random.default_rng(0).permutation(len(x))):
        assert_close(emix.fit(x, 2), emix.fit(x[order], 2))


def test_names_of_columns_are_kept():
    pandas = pytest.importorskip("pandas")
    series = pandas.Series(two_groups(), name="waiting")
    assert emix.fit(series, 2).name == "waiting"
    assert emix.fit(series.to_frame(), 2).name == "waiting"
    assert emix.fit(two_groups(), 2).name == "x"


def test_a_path_is_read(tmp_path):
    x = two_groups()
    (tmp_path / "data.csv").write_text("length\n" + "".join(f"{v!r}\n" for v in x.tolist()))
    found = emix.fit(tmp_path / "data.csv", 2)
    assert found.name == "length"
    assert_same_bits(found, emix.fit(x, 2))


# Weights


def test_a_whole_weight_is_repetition_in_every_number_reported():
    rng = np.random.default_rng(7)
    x = two_groups(15)
    times = rng.integers(1, 6, len(x))
    weighted, repeated = emix.fit(x, 2, sample_weight=times), emix.fit(x.repeat(times), 2)
    assert_close(weighted, repeated)
    assert weighted.n == repeated.n == times.sum()
    for criterion in ("aic", "bic", "icl", "classification_entropy"):
        assert getattr(weighted, criterion) == pytest.approx(getattr(repeated, criterion), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_weight_zero_are_not_there(seed):
    rng = np.random.default_rng(seed)
    x = two_groups(20)
    at = rng.integers(0, len(x), 30)
    padded = np.insert(x, at, rng.normal(0, 1e6, 30))
    weight = np.insert(np.ones(len(x)), at, 0.0)
    found = emix.fit(padded, 2, sample_weight=weight)
    assert_close(emix.fit(x, 2), found)
    assert found.n == len(x)


def test_equal_weights_are_no_weights():
    x = np.repeat(np.arange(5.0) * 10, 30) + np.tile(np.linspace(-1, 1, 30), 5)
    plain = emix.fit(x, 5, n_starts=6)
    assert_close(plain, emix.fit(x, 5, n_starts=6, sample_weight=np.ones(len(x))))
    thirds = emix.fit(x, 5, n_starts=6, sample_weight=np.full(len(x), 3.0))
    np.testing.assert_allclose(thirds.mixture.means, plain.mixture.means, rtol=1e-8, atol=1e-8)
    assert thirds.loglik == pytest.approx(3 * plain.loglik, rel=1e-11)


# Seeds and threads


def test_a_seed_finds_the_same_to_the_bit_and_threads_do_not_matter():
    galaxies = emix.datasets.load("galaxies")["velocity"]
    once = emix.fit(galaxies, 4, seed=5, threads=1)
    for threads in (1, 2, 3, 8) if NATIVE else (2,):
        assert_same_bits(emix.fit(galaxies, 4, seed=5, threads=threads), once)


def test_threads_do_not_matter_for_much_data():
    x = Mixture.univariate([0.3, 0.7], [0.0, 3.0], [1.0, 1.0]).sample(200_000, 3)[0]
    weight = np.random.default_rng(1).exponential(size=len(x))
    once = emix.fit(x, 2, sample_weight=weight, threads=1, tol=1e-4)
    for threads in (2, 3, 8):
        again = emix.fit(x, 2, sample_weight=weight, threads=threads, tol=1e-4)
        assert_same_bits(again, once)
        np.testing.assert_array_equal(again.trace, once.trace)


def test_a_generator_is_advanced_and_its_seed_told():
    x, rng = two_groups(), np.random.default_rng(3)
    first = emix.fit(x, 2, seed=rng)
    second = emix.fit(x, 2, seed=rng)
    assert first.seed != second.seed
    again = np.random.default_rng(3)
    assert_same_bits(emix.fit(x, 2, seed=again), first)
    assert_same_bits(emix.fit(x, 2, seed=first.seed), first)
    assert rng.bit_generator.state != np.random.default_rng(3).bit_generator.state


def test_no_global_generator_is_touched():
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    emix.fit(two_groups(), 3)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# Starts


def test_a_mixture_to_start_from_is_the_start_used():
    x = two_groups()
    start = Mixture.univariate([0.9, 0.1], [1.5, -5.0], [0.7, 0.3])
    nothing = quietly(x, 2, start=start, max_iter=0)
    assert (nothing.n_iter, nothing.outcome) == (0, Outcome.NOT_CONVERGED)
    assert nothing.loglik == pytest.approx(start.logpdf(x).sum(), rel=1e-12)
    np.testing.assert_allclose(nothing.mixture.means, start.in_canonical_order().means, rtol=1e-15)
    np.testing.assert_array_equal(nothing.mixture.weights, [0.1, 0.9])
    three = quietly(x, 2, start=start, max_iter=3)
    step = next(itertools.islice(emix.steps(x, start), 3, None)).mixture.in_canonical_order()
    np.testing.assert_allclose(three.mixture.means, step.means, rtol=1e-10)
    np.testing.assert_allclose(three.mixture.sds, step.sds, rtol=1e-10)
    assert len(three.optima) == 1 and three.optima[0].starts == 1


def test_a_start_on_a_poor_optimum_stays_there():
    """The search is skipped: galaxies with four components, from mclust's kind of start."""
    velocity = emix.datasets.load("galaxies")["velocity"]
    best = emix.fit(velocity, 4)
    poor = Mixture.univariate([0.1, 0.3, 0.5, 0.1], [9.7, 19.5, 22.0, 25.0], [0.5, 1.0, 3.0, 3.0])
    found = quietly(velocity, 4, start=poor)
    assert found.loglik < best.loglik - 0.5
    assert found.gradient < 1e-9


@pytest.mark.parametrize("kind", ["kmeans", "quantiles", "random", "responsibilities", "kmeans++"])
def test_starts_by_name(kind):
    x = two_groups()
    best = emix.fit(x, 2)
    found = emix.fit(x, 2, start=kind, n_starts=5)
    assert found.loglik == pytest.approx(best.loglik, abs=1e-7)
    deterministic = kind in ("kmeans", "quantiles")
    assert sum(o.starts for o in found.optima) == (1 if deterministic else 5)


def test_as_many_starts_as_asked_for():
    assert Plan.of_starts(7, None).starts[:2] == ("kmeans", "quantiles")
    found = emix.fit(two_groups(), 2, n_starts=7)
    assert sum(o.starts for o in found.optima) == 7
    assert sum(o.starts for o in emix.fit(two_groups(), 2, n_starts=1).optima) == 1


@pytest.mark.parametrize("k", [
    2, pytest.param(3, marks=pytest.mark.skipif(NATIVE is None, reason="slow in NumPy")),
])
def test_more_rows_than_are_searched_find_what_many_starts_find(k):
    truth = Mixture.univariate([0.2, 0.3, 0.5], [0.0, 3.0, 9.0], [1.0, 0.8, 2.0])
    x = truth.sample(50_000, 4)[0]
    found = emix.fit(x, k)
    many = [emix.fit(x, k, start=s, tol=1e-7) for s in random_starts(x, k, 8)]
    assert found.converged
    assert found.loglik >= max(m.loglik for m in many) - 1e-5
    assert found.loglik == pytest.approx(found.mixture.logpdf(x).sum(), rel=1e-12)


def random_starts(x: np.ndarray, k: int, n: int) -> list[Mixture]:
    rng = np.random.default_rng(0)
    return [Mixture.univariate(np.full(k, 1 / k), rng.choice(x, k), np.full(k, x.std() / k))
            for _ in range(n)]


# What comes back


@pytest.mark.parametrize("arguments", [
    {}, {"covariance": "E"}, {"weights": "equal"}, {"max_iter": 3}, {"means": [NAN, 3.0]},
    {"prior": emix.NormalPrior(0, 0.5)}, {"n_starts": 2}, {"sds": 0.5},
])
def test_the_loglik_is_that_of_the_mixture_returned(arguments):
    x = two_groups()
    found = quietly(x, 2, **arguments)
    assert found.loglik == pytest.approx(found.mixture.logpdf(x).sum(), rel=1e-12)
    for optimum in found.optima:
        assert optimum.loglik == pytest.approx(optimum.mixture.logpdf(x).sum(), rel=1e-12)
    if "prior" not in arguments:
        assert found.objective == found.loglik


def test_the_objective_is_the_log_posterior_in_the_units_of_the_data():
    x = two_groups() * 1e-3 + 5
    prior = [emix.NormalPrior(5.001, 2e-4), emix.DirichletPrior([2.0, 7.0])]
    found = emix.fit(x, 2, prior=prior)
    w, mu = found.mixture.weights, found.mixture.means[:, 0]
    alpha = found.model.prior.concentration
    log_prior = norm(5.001, 2e-4).logpdf(mu).sum() + (alpha - 1) @ np.log(w) \
        + math.lgamma(9.0) - math.lgamma(2.0) - math.lgamma(7.0)
    assert found.objective == pytest.approx(found.loglik + log_prior, rel=1e-12)
    assert sorted(alpha) == [2.0, 7.0]


def test_criteria_are_their_formulas():
    x = two_groups()
    for k, covariance, df in ((1, "V", 2), (2, "V", 5), (3, "V", 8), (2, "E", 4), (3, "E", 6)):
        found = emix.fit(x, k, covariance=covariance)
        r = found.responsibilities(x)
        assert found.df == df
        assert found.aic == pytest.approx(-2 * found.loglik + 2 * df)
        assert found.bic == pytest.approx(-2 * found.loglik + df * math.log(len(x)))
        assert found.icl == pytest.approx(found.bic - 2 * np.log(r.max(axis=1)).sum())
        terms = xlogy(r, r)
        assert found.classification_entropy == pytest.approx(-terms.sum(), abs=1e-9)
    assert emix.fit(x, 1, covariance="E").bic == emix.fit(x, 1, covariance="V").bic


def test_optima_are_best_first_distinct_and_canonical():
    velocity = emix.datasets.load("galaxies")["velocity"]
    found = emix.fit(velocity, 5)
    sound = [o.objective for o in found.optima if not o.is_degenerate]
    assert sound == sorted(sound, reverse=True) and len(sound) > 1
    assert all(not o.is_degenerate for o in found.optima[:len(sound)])
    assert all(a - b > 1e-7 for a, b in itertools.pairwise(sound))
    for optimum in found.optima:
        assert (np.diff(optimum.mixture.means[:, 0]) >= 0).all()
    assert found.mixture == found.optima[0].mixture


@pytest.mark.parametrize("n", [300, 40_000])
def test_the_trace_climbs_to_the_objective(n):
    x = Mixture.univariate([0.3, 0.7], [0.0, 3.0], [1.0, 1.0]).sample(n, 3)[0] * 1e3
    found = emix.fit(x, 2)
    assert len(found.trace) == found.n_iter + 1
    assert found.trace[-1] == pytest.approx(found.objective, rel=1e-13)
    assert (np.diff(found.trace) >= -1e-12 * abs(found.objective)).all()


def test_held_values_are_reported_beside_their_components():
    """Held by position, returned in canonical order: the model is reordered with the mixture."""
    x = two_groups()
    found = emix.fit(x, 2, means=[2.0, -2.5], sds=[NAN, 0.75], weights=[NAN, 0.375])
    assert found.mixture.means[:, 0].tolist() == [-2.5, 2.0]
    assert found.mixture.weights.tolist() == [0.375, 0.625]
    assert found.mixture.sds[0] == 0.75
    held = found.model.held
    np.testing.assert_array_equal(held.sds, [0.75, NAN])
    np.testing.assert_array_equal(held.weights, [0.375, NAN])
    np.testing.assert_array_equal(held.means[:, 0], [-2.5, 2.0])
    # The only thing learned: the second standard deviation, a one-dimensional maximum.
    assert found.df == 1

    def loglik(sd):
        return Mixture.univariate([0.375, 0.625], [-2.5, 2.0], [0.75, sd]).logpdf(x).sum()

    sd = found.mixture.sds[1]
    assert found.loglik == pytest.approx(loglik(sd), rel=1e-12)
    assert loglik(sd) > max(loglik(sd * 1.001), loglik(sd / 1.001))


def test_everything_held_is_a_fit_without_freedom():
    x = two_groups()
    found = emix.fit(x, 2, weights="equal", means=[-2.0, 2.0], sds=1.0)
    assert (found.df, found.converged) == (0, True)
    assert found.mixture == Mixture.univariate([0.5, 0.5], [-2.0, 2.0], [1.0, 1.0])


# How a fit ends


def test_too_few_steps_are_said_to_be():
    with pytest.warns(NotConvergedWarning, match="max_iter"):
        found = emix.fit(emix.datasets.load("galaxies")["velocity"], 4, max_iter=5, n_starts=1)
    assert found.outcome is Outcome.NOT_CONVERGED and not found.converged
    assert found.warnings and "max_iter" in found.warnings[0]
    assert found.gradient > 1e-10


def test_tol_is_the_gradient_at_which_a_fit_ends():
    x = emix.datasets.load("faithful")["waiting"]
    loose, tight = emix.fit(x, 2, tol=1e-3, n_starts=1), emix.fit(x, 2, tol=1e-11, n_starts=1)
    assert tight.gradient <= 1e-11 < loose.gradient <= 1e-3
    assert loose.n_iter < tight.n_iter and loose.loglik <= tight.loglik


def test_a_degenerate_fit_warns_and_says_which_and_why():
    with pytest.warns(DegenerateWarning, match="smaller k"):
        found = emix.fit([0.0, 1.0, 5.0], 3)
    assert found.degenerate and found.optima[0].is_degenerate
    assert found.warnings and all("degenerate" in note for note in found.warnings)
    assert np.isfinite(found.loglik) and (found.mixture.sds > 0).all()


def test_a_sound_optimum_goes_before_a_higher_degenerate_one():
    """Two twins among forty points: a spike on them has the higher likelihood by far."""
    x = np.concatenate([two_groups(15), [0.25, 0.25]])
    spiked = Mixture.univariate([0.05, 0.95], [0.25, 0.9], [1e-7, 2.0])
    with pytest.warns(DegenerateWarning):
        spike = emix.fit(x, 2, start=spiked)
    found = emix.fit(x, 2)
    assert spike.loglik > found.loglik
    assert not found.degenerate and found.warnings == ()


@pytest.fixture
def uncompressed(monkeypatch):
    """Every step over all rows, however many they are."""
    monkeypatch.setattr("emix.searching.whole.condensed",
                        lambda *_: Compression.declined("the test asks for it"))


@pytest.mark.usefixtures("uncompressed")
def test_progress_is_told_of_every_step_of_much_data():
    x = Mixture.univariate([0.3, 0.7], [0.0, 3.0], [1.0, 1.0]).sample(40_000, 3)[0]
    told = []
    found = emix.fit(x, 2, progress=told.append)
    runs = {p.run for p in told}
    assert runs == set(range(1, max(runs) + 1)) and all(p.n_runs == max(runs) for p in told)
    best = [p for p in told if p.iteration == found.n_iter and p.gradient == found.gradient]
    assert best
    for run in runs:
        mine = [p for p in told if p.run == run]
        assert [p.iteration for p in mine] == list(range(len(mine)))


@pytest.mark.usefixtures("uncompressed")
def test_ctrl_c_in_a_fit_gives_the_best_so_far():
    x = Mixture.univariate([0.3, 0.7], [0.0, 3.0], [1.0, 1.0]).sample(40_000, 3)[0]

    def press(now):
        if now.iteration == 1:
            raise KeyboardInterrupt

    with pytest.warns(NotConvergedWarning, match="interrupted"):
        found = emix.fit(x, 2, progress=press)
    assert found.outcome is Outcome.INTERRUPTED and found.n_iter == 1
    assert found.loglik == pytest.approx(found.mixture.logpdf(x).sum(), rel=1e-12)


def test_progress_and_ctrl_c_of_a_compressed_fit():
    x = Mixture.univariate([0.3, 0.7], [0.0, 3.0], [1.0, 1.0]).sample(40_000, 3)[0]
    told = []
    found = emix.fit(x, 2, progress=told.append)
    assert found.compression.used
    # Steps on the points are told of by their number: the first over all rows comes after them.
    assert [(p.iteration, p.gradient) for p in told if p.run == 1][-1] == \
        (found.n_iter, found.gradient)

    def press(now):
        raise KeyboardInterrupt

    with pytest.warns(NotConvergedWarning, match="interrupted"):
        stopped = emix.fit(x, 2, progress=press)
    assert stopped.outcome is Outcome.INTERRUPTED
    assert stopped.loglik == pytest.approx(stopped.mixture.logpdf(x).sum(), rel=1e-12)


# Data that leave nothing to learn


@pytest.mark.parametrize("x", [[3.0], [0.1] * 1000, [1e300] * 3, [0, 0], [5e-324, 5e-324]])
@pytest.mark.parametrize("k", [1, 2])
def test_a_constant_column_has_no_spread_to_learn(x, k):
    with pytest.raises(emix.DataError, match=r"constant.*hold the standard deviations"):
        emix.fit(x, k)


def test_zero_weights_can_leave_a_constant_column():
    with pytest.raises(emix.DataError, match="constant"):
        emix.fit([1.0, 2.0, 2.0], 1, sample_weight=[0, 1, 4])
    with pytest.raises(emix.DataError, match="all sample weights are 0"):
        emix.fit([1.0, 2.0], 1, sample_weight=[0, 0])


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_constant_column_has_means_where_sds_are_held(k):
    found = emix.fit([3.25, 3.25], k, sds=2.0)
    np.testing.assert_allclose(found.mixture.means, 3.25, rtol=1e-12)
    assert found.loglik == pytest.approx(2 * norm(3.25, 2).logpdf(3.25), rel=1e-12)
    assert found.converged


FEW = [
    ([1.0, 2.0], 3, 2), ([1.0, 2.0, 1.0, 2.0, 2.0], 3, 2), ([0.0, 1e-9, 1.0], 5, 3),
    (np.repeat([0.0, 1.0], 500), 5, 2), (np.repeat(np.arange(5.0), 30), 6, 5),
    (np.repeat([0.0, 1.0, 2.0], 9000), 4, 3),
]


@pytest.mark.parametrize(("x", "k", "distinct"), FEW)
@pytest.mark.parametrize("covariance", ["E", "V"])
def test_more_components_than_distinct_values_are_refused(x, k, distinct, covariance):
    with pytest.raises(emix.DataError, match=f"x has {distinct} distinct values .*k={distinct}"):
        emix.fit(x, k, covariance=covariance)


@pytest.mark.parametrize(("x", "k", "distinct"), FEW)
def test_more_components_than_distinct_values_where_sds_are_held(x, k, distinct):
    found = emix.fit(x, k, sds=0.25, tol=1e-6, n_starts=3)
    m = found.mixture
    assert (m.sds == 0.25).all() and np.isfinite(m.means).all() and not found.degenerate
    assert found.loglik == pytest.approx(m.logpdf(x).sum(), rel=1e-12)
    assert found.loglik >= emix.fit(x, 1, sds=0.25).loglik - 1e-9


@pytest.mark.parametrize(("x", "k"), [
    ([1.0, 2.0], 2), (np.repeat(np.arange(5.0), 30), 5), ([9999.0, 0.0], 2),
    (np.append(np.zeros(99), 1.0), 2), (np.repeat([0.0, 1.0], 500), 2),
])
@pytest.mark.parametrize("covariance", ["E", "V"])
def test_as_many_components_as_distinct_values(x, k, covariance):
    """Parameters are finite and sds above 0; the spikes are among the optima, named, and win only
    where nothing sound was found."""
    found = quietly(x, k, covariance=covariance)
    for optimum in found.optima:
        m = optimum.mixture
        assert np.isfinite(m.means).all() and np.isfinite(m.sds).all() and (m.sds > 0).all()
        assert m.weights.sum() == pytest.approx(1, abs=1e-12)
        assert np.isfinite(optimum.loglik)
        assert optimum.is_degenerate == (m.sds.min() < 1e-10 * np.std(x))
    assert any(o.is_degenerate for o in found.optima)
    sound = [o for o in found.optima if not o.is_degenerate]
    assert bool(found.degenerate) == (not sound)


def test_many_ties_and_an_outlier():
    x = np.concatenate([np.repeat([1.0, 1.1, 1.2, 1.3], 50), [40.0]])
    found = emix.fit(x, 2)
    assert not found.degenerate and found.converged


# Arguments


@pytest.mark.parametrize(("arguments", "names"), [
    ({"k": 0}, "k=0"), ({"k": 2.0}, "k=2.0"), ({"k": True}, "k=True"),
    ({"covariance": "X"}, "covariance='X'"), ({"covariance": None}, "covariance=None"),
    ({"threads": 0}, "threads=0"), ({"threads": 1.5}, "threads=1.5"),
    ({"tol": -1.0}, "tol=-1.0"), ({"tol": NAN}, "tol=nan"), ({"tol": "a"}, "tol='a'"),
    ({"max_iter": -1}, "max_iter=-1"), ({"max_iter": 2.5}, "max_iter=2.5"),
    ({"n_starts": 0}, "n_starts=0"), ({"n_starts": True}, "n_starts=True"),
    ({"n_starts": "a"}, "n_starts='a'"), ({"start": "nearest"}, "start='nearest'"),
    ({"start": [1.0, 2.0]}, r"start is an array of shape \(2,\)"), ({"seed": -1}, "seed=-1"),
    ({"seed": 0.5}, "seed=0.5"),
    ({"start": Mixture.univariate([1.0], [0.0], [1.0])}, "start has 1 components"),
    ({"start": Mixture.univariate([0.5, 0.5], [0, 1], [1, 1]), "n_starts": 3}, "leave n_starts"),
    ({"sds": 1.0, "covariances": 1.0}, "both sds and covariances"),
    ({"covariances": "abc"}, "covariances='abc'"),
])
def test_what_has_no_meaning_is_refused_by_name(arguments, names):
    arguments = {"k": 2, **arguments}
    with pytest.raises(ParameterError, match=names):
        emix.fit(two_groups(10), **arguments)


def test_data_that_cannot_be_used_are_named():
    for x, words in (([1.0, NAN, 2.0], "nan at row 1"), ([1.0, 2.0, np.inf], "inf at row 2"),
                     ([], "empty"), (["a"], "dtype"), (None, "None")):
        with pytest.raises(emix.DataError, match=words):
            emix.fit(x, 1)
    with pytest.raises(emix.DataError, match="one weight per row"):
        emix.fit([1.0, 2.0], 1, sample_weight=[1.0])
    with pytest.raises(emix.DataError, match=r"sample_weight holds -1\.0 at row 1"):
        emix.fit([1.0, 2.0], 1, sample_weight=[1.0, -1.0])
    with pytest.raises(emix.DataError, match="2 rows cannot tell 2 columns apart"):
        emix.fit(np.eye(2), 1)


# Steps


def test_the_first_step_is_the_start_with_its_loglik():
    x = two_groups()
    start = Mixture.univariate([0.1, 0.9], [1 / 3, -1e-7], [0.1, 0.7])
    first = next(emix.steps(x, start))
    assert first.mixture == start and first.iteration == 0
    assert first.loglik == pytest.approx(start.logpdf(x).sum(), rel=1e-13)


def test_steps_are_em_by_its_formulas():
    x = two_groups() * 3 + 1e4
    start = Mixture.univariate([0.1, 0.9], [1e4 + 5, 1e4 - 5], [3.0, 5.0])
    w, mu, sd = start.weights, start.means[:, 0], start.sds
    for step in itertools.islice(emix.steps(x, start), 6):
        np.testing.assert_allclose(step.mixture.weights, w, rtol=1e-10)
        np.testing.assert_allclose(step.mixture.means[:, 0], mu, rtol=1e-13)
        np.testing.assert_allclose(step.mixture.sds, sd, rtol=1e-9)
        joint = w * norm(mu, sd).pdf(x[:, None])
        assert step.loglik == pytest.approx(np.log(joint.sum(axis=1)).sum(), rel=1e-12)
        r = joint / joint.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(step.statistics.weight, r.sum(axis=0), rtol=1e-9)
        np.testing.assert_allclose(
            step.statistics.shift[:, 0], (r * (x[:, None] - mu)).sum(axis=0), rtol=1e-7, atol=1e-7)
        w = r.mean(axis=0)
        mu = (r * x[:, None]).sum(axis=0) / r.sum(axis=0)
        sd = np.sqrt((r * (x[:, None] - mu) ** 2).sum(axis=0) / r.sum(axis=0))


def test_steps_keep_the_order_of_their_start_and_weigh_rows():
    x = two_groups(10)
    times = np.arange(len(x)) % 3
    start = Mixture.univariate([0.5, 0.5], [2.0, -2.0], [1.0, 1.0])
    weighted = list(itertools.islice(emix.steps(x, start, sample_weight=times), 8))
    repeated = list(itertools.islice(emix.steps(x.repeat(times), start), 8))
    for a, b in zip(weighted, repeated, strict=True):
        np.testing.assert_allclose(a.mixture.means, b.mixture.means, rtol=1e-12)
        assert a.loglik == pytest.approx(b.loglik, rel=1e-12)
        assert a.mixture.means[0] > a.mixture.means[1]


def test_a_tied_start_has_one_spread_that_keeps_the_variance_within():
    start = Mixture.univariate([0.25, 0.75], [0.0, 4.0], [1.0, 3.0])
    first = next(emix.steps(two_groups(), start, covariance="E"))
    np.testing.assert_allclose(first.mixture.sds, np.sqrt(0.25 * 1 + 0.75 * 9), rtol=1e-14)
    held = next(emix.steps(two_groups(), start, covariance="E", sds=0.1))
    assert held.mixture.sds.tolist() == [0.1, 0.1]


@pytest.mark.parametrize("start", [None, 2, "kmeans", [0.5, 0.5]])
def test_steps_begin_with_a_mixture(start):
    with pytest.raises(ParameterError, match="start="):
        next(emix.steps([1.0, 2.0], start))


def test_steps_on_a_column_that_is_constant():
    start = Mixture.univariate([0.5, 0.5], [0.0, 4.0], [1.0, 2.0])
    found = list(itertools.islice(emix.steps([3.0, 3.0, 3.0], start), 30))
    assert all(np.isfinite(s.loglik) and (s.mixture.sds > 0).all() for s in found)
    assert all(b.loglik >= a.loglik - 1e-9 for a, b in itertools.pairwise(found))
