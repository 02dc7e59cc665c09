"""Standard errors from refits: beside mclust's, beside refits one by one, laws, what goes wrong."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
from golden import case, cases, data

import emix
from emix import Mixture
from emix.arrays import Units
from emix.climbing.batches import Batch
from emix.climbing.climb import Stop, climb_many
from emix.climbing.replicates import climb_each
from emix.inference.bootstrap import matched
from emix.inference.resampling import Rows, chunks, from_mixture, with_replacement, with_weights
from emix.kernels import NATIVE
from emix.model import FLOOR, Model
from emix.sources.array import ArraySource

FAITHFUL = emix.datasets.load("faithful").data
WAITING = emix.datasets.load("faithful")["waiting"]
METHODS = {"bs": "bootstrap", "pb": "parametric", "wlbs": "weighted"}
GOLDEN = [name for several in (False, True) for name in cases("f_bootstrap", several)
          if "_jk_" not in name]
# Standard deviations of 999 replicates are known to 2.2%, of the heavy tails of variances to less;
# mclust's as well as ours. Four times the error of their ratio.
MONTE_CARLO = 4 * np.sqrt(2) / np.sqrt(2 * 999)


@pytest.mark.skipif(NATIVE is None, reason="10 times 999 refits take minutes without the native "
                                           "kernel")
@pytest.mark.parametrize("name", GOLDEN)
def test_bootstrap_standard_errors_are_mclusts(name):
    golden = case(name)
    x, one = data(golden), golden["d"] == 1
    start = Mixture.univariate(golden["weights"], golden["means"],
                               np.sqrt(golden["variances"])) if one else \
        Mixture(golden["weights"], golden["means"], golden["covariances"])
    fit = emix.fit(x, golden["K"], covariance=golden["model"], start=start)
    count = golden["nboot"]
    errors = emix.uncertainty(x, fit, METHODS[golden["type"]], n_replicates=count, seed=1)
    assert errors.replicates == count
    means = np.reshape(golden["means"], (golden["K"], -1))
    order = np.argsort(means[:, 0])
    wanted = np.array(golden["se_variances" if one else "se_covariances"])
    np.testing.assert_allclose(
        errors.weights, np.array(golden["se_weights"])[order], rtol=MONTE_CARLO)
    np.testing.assert_allclose(
        errors.means, np.reshape(golden["se_means"], means.shape)[order], rtol=MONTE_CARLO)
    np.testing.assert_allclose(
        errors.covariances, wanted[order].reshape(errors.covariances.shape), rtol=1.5 * MONTE_CARLO)


def test_the_jackknife_is_that_of_refits_one_by_one():
    x = WAITING[::6]
    fit = emix.fit(x, 2, covariance="E")
    found = emix.uncertainty(x, fit, "jackknife")
    refits = [emix.fit(np.delete(x, i), 2, covariance="E", start=fit.mixture).mixture
              for i in range(len(x))]
    means = np.array([m.means[:, 0] for m in refits])
    wanted = np.sqrt((len(x) - 1) * means.var(axis=0))
    np.testing.assert_allclose(found.means[:, 0], wanted, rtol=1e-4)
    sds = np.array([m.sds for m in refits])
    np.testing.assert_allclose(found.sds, np.sqrt((len(x) - 1) * sds.var(axis=0)), rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in cases("f_bootstrap") if "_jk_" in name])
def test_mclusts_jackknife_is_that_of_refits_stopped_after_a_step_or_two(name):
    """Stopped where it stops, at the first step that gains less than 1e-5 of the log-likelihood,
    EM on all but one row gives mclust's standard errors to the 2% that it started a step earlier.
    The refits could still climb; at the maxima the standard errors are up to a third larger."""
    golden = case(name)
    x = data(golden)
    start = Mixture.univariate(golden["weights"], golden["means"], np.sqrt(golden["variances"]))
    short, gains, n = [], [], len(x)
    for i in range(n):
        before = np.inf
        for step in itertools.islice(emix.steps(np.delete(x, i), start, covariance="V"), 1, None):
            if abs(step.loglik - before) < 1e-5 * (1 + abs(step.loglik)):
                break
            before = step.loglik
        m = step.mixture
        short.append(np.concatenate([m.weights, m.means[:, 0], m.sds**2]))
        if i % 9 == 0:
            onward = emix.fit(np.delete(x, i), 2, covariance="V", start=m)
            gains.append(onward.loglik - step.loglik)
    mclusts = np.concatenate([golden[f"se_{kind}"] for kind in ("weights", "means", "variances")])
    np.testing.assert_allclose(np.sqrt(n - 1) * np.std(short, axis=0), mclusts, rtol=0.02)
    assert min(gains) > 0 and np.median(gains) > 1e-4
    errors = emix.uncertainty(x, emix.fit(x, 2, start=start), "jackknife")
    ours = np.concatenate([errors.weights, errors.means[:, 0], errors.covariances[:, 0, 0]])
    assert 1.1 < (ours / mclusts).max() < 1.4 and (ours / mclusts).min() > 0.98


@pytest.mark.parametrize(("x", "covariance"), [
    (WAITING, "V"), (WAITING, "E"), (FAITHFUL, "VVV"), (FAITHFUL, "EVE"), (FAITHFUL, "VEV"),
    (FAITHFUL, "EEE"), (FAITHFUL, "VII")])
@pytest.mark.parametrize("prior", [None, "conjugate"])
def test_climbs_side_by_side_are_climbs_one_by_one(x, covariance, prior):
    """By the native kernel where there is one, on weighted and on drawn rows."""
    source = ArraySource.of(x)
    fit = emix.fit(x, 2, covariance=covariance, prior=prior, tol=1e-6)
    sd = source.points.std(axis=0)
    units = Units.of_spread(source.points.mean(axis=0), sd, not fit.model.structure.is_scale_free)
    model, mixture = fit.model.inward(units, FLOOR), fit.mixture.inward(units)
    rows, rng, stop = Rows.of(source.block, units), np.random.default_rng(0), Stop(1e-7, 2000)
    for draw in (with_weights(rows, rng, 3), from_mixture(mixture, 100, rng, 3)):
        ends = climb_each(draw.points, draw.weight, mixture, model, stop, 2)
        for row in range(3):
            one = ArraySource(draw.points[row % len(draw.points)],
                              None if draw.weight is None else draw.weight[row])
            alone = climb_many(one, [mixture], model, Units.identity(source.n_features), stop)[0]
            assert ends.outcome[row] is alone.outcome
            assert ends.objective[row] == pytest.approx(alone.objective, rel=1e-12)
            np.testing.assert_allclose(ends.batch.means[row], alone.mixture.means, rtol=1e-9,
                                       atol=1e-12)


def test_held_means_of_several_columns_are_refitted_as_well():
    nan = np.nan
    fit = emix.fit(FAITHFUL, 2, means=[[2.0, nan], [nan, nan]], n_starts=2, tol=1e-6)
    errors = emix.uncertainty(FAITHFUL, fit, "weighted", n_replicates=20)
    assert np.isnan(errors.means[0, 0]) and np.isfinite(errors.means[1]).all()
    assert "held, not learned" in errors.report()


@pytest.mark.parametrize("method", ["bootstrap", "parametric", "weighted", "jackknife"])
@pytest.mark.parametrize("x", [WAITING, FAITHFUL], ids=["column", "table"])
def test_the_same_bits_on_any_number_of_threads(method, x):
    fit = emix.fit(x, 2, tol=1e-6)
    count = 300 if NATIVE is not None else 10
    one, two = (emix.uncertainty(x, fit, method, n_replicates=count, threads=threads)
                for threads in (1, 3))
    assert one.means.tolist() == two.means.tolist()
    assert one.of("sds").low.tolist() == two.of("sds").low.tolist()
    if method != "jackknife":
        other = emix.uncertainty(x, fit, method, n_replicates=count, seed=1)
        assert other.means.tolist() != one.means.tolist()


def test_units_change_nothing_but_units():
    scale = np.array([2.0**10, 2.0**-6])
    here = emix.fit(FAITHFUL, 2, tol=1e-8)
    there = emix.fit(FAITHFUL * scale, 2, tol=1e-8)
    one = emix.uncertainty(FAITHFUL, here, "weighted", n_replicates=19)
    other = emix.uncertainty(FAITHFUL * scale, there, "weighted", n_replicates=19)
    np.testing.assert_allclose(other.means, one.means * scale, rtol=1e-5)
    np.testing.assert_allclose(other.sds, one.sds * scale, rtol=1e-5)


def test_integer_weights_are_repetition():
    """The same multinomial draws of the same distinct values."""
    w = np.random.default_rng(0).integers(0, 3, len(WAITING)).astype(float)
    repeated = np.repeat(WAITING, w.astype(int))
    weighted, plain = emix.fit(WAITING, 2, sample_weight=w), emix.fit(repeated, 2)
    one = emix.uncertainty(WAITING, weighted, "bootstrap", sample_weight=w, n_replicates=50)
    other = emix.uncertainty(repeated, plain, "bootstrap", n_replicates=50)
    np.testing.assert_allclose(one.means, other.means, rtol=1e-4)


def test_draws_have_the_right_moments():
    # Eight draws, that together weigh what the rows do.
    rows = Rows(np.arange(4.0)[:, None], np.array([1.0, 2.0, 1.0, 4.4]), 8.4)
    rng = np.random.default_rng(0)
    for draw in (with_replacement(rows, rng, 4000), with_weights(rows, rng, 4000)):
        np.testing.assert_allclose(draw.weight.sum(axis=1), 8.4)
        np.testing.assert_allclose(draw.weight.mean(axis=0), rows.weight, rtol=0.06)
    mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [5.0, 1.0]],
                      [np.eye(2), [[2.0, 1.0], [1.0, 3.0]]])
    drawn = from_mixture(mixture, 500, rng, 40).points.reshape(-1, 2)
    np.testing.assert_allclose(drawn.mean(axis=0), mixture.mean, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), mixture.variance, atol=0.15)


def test_chunks_hold_all_and_little():
    assert list(chunks(5, 1)) == [(0, 5)]
    many = list(chunks(999, 10**6))
    assert sum(size for _, size in many) == 999 and max(size for _, size in many) == 2


def test_components_that_changed_places_are_put_back():
    home = Mixture([0.2, 0.3, 0.5], [[0.0, 0.0], [4.0, 1.0], [8.0, 0.0]], [np.eye(2)] * 3)
    order = np.array([2, 0, 1])
    batch, exchanged = matched(Batch.of([home, home.reordered(order)]), home)
    assert exchanged == 1
    np.testing.assert_array_equal(batch.means[1], home.means)
    np.testing.assert_array_equal(batch.weights[1], home.weights)


def test_progress_is_told():
    told = []
    fit = emix.fit(WAITING, 2, tol=1e-6)
    count = 600 if NATIVE is not None else 5
    emix.uncertainty(WAITING, fit, "bootstrap", n_replicates=count,
                     progress=lambda done, of: told.append((done, of)))
    assert told[-1] == (count, count) and [d for d, _ in told] == sorted(d for d, _ in told)


def test_ctrl_c_keeps_the_refits_that_are_done():
    fit = emix.fit(WAITING, 2, tol=1e-6)

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    count = 600 if NATIVE is not None else 300
    errors = emix.uncertainty(WAITING, fit, "weighted", n_replicates=count, progress=stop)
    assert 0 < errors.replicates < count
    assert any("interrupted" in remark for remark in errors.remarks)


def test_refits_that_collapse_are_left_out_and_counted():
    """A component on three points, of which a sample may have one only."""
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=60), [9.0, 9.1, 9.3]])
    start = Mixture.univariate([0.95, 0.05], [0.0, 9.1], [1.0, 0.1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        fit = emix.fit(x, 2, start=start)
    errors = emix.uncertainty(x, fit, "bootstrap", n_replicates=100)
    assert errors.replicates < 100
    assert any("left out: a component collapsed" in remark for remark in errors.remarks)


@pytest.mark.parametrize(("arguments", "words"), [
    ({"method": "bayes"}, "observed, sandwich"), ({"level": 95}, "level=95"),
    ({"level": 1.0}, "level=1.0"), ({"method": "bootstrap", "n_replicates": 1}, "2 refits")])
def test_arguments_without_meaning(arguments, words):
    fit = emix.fit(WAITING, 2, tol=1e-6)
    with pytest.raises(emix.ParameterError, match=words):
        emix.uncertainty(WAITING, fit, **arguments)


def test_other_data_is_refused():
    fit = emix.fit(WAITING, 2, tol=1e-6)
    for other in (WAITING[:-1], WAITING + 1, FAITHFUL):
        with pytest.raises(emix.DataError, match="the fit"):
            emix.uncertainty(other, fit)
    with pytest.raises(emix.DataError, match="sample_weight"):
        emix.uncertainty(WAITING, fit, sample_weight=np.full(len(WAITING), 2.0))
    table = emix.datasets.load("faithful")
    named = emix.fit(table, 2, columns=["waiting"], tol=1e-6)
    assert emix.uncertainty(table, named).columns == ("waiting",)


def test_much_data_has_its_errors_when_asked_for():
    x = np.random.default_rng(0).normal(size=300_000)
    fit = emix.fit(x, 1)
    errors = emix.uncertainty(x, fit)
    assert errors.means[0, 0] == pytest.approx(x.std() / np.sqrt(len(x)), rel=1e-9)
    model = Model.parse(1, 1)
    assert fit.model.describe() == model.describe()
