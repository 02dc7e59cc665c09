"""Profile likelihood: closed forms, its definition, parameters that have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import emix
from emix.ground import ground_of
from emix.inference.profiled import Held

FAITHFUL = emix.datasets.load("faithful")
WAITING = FAITHFUL["waiting"]


def test_a_weight_leaves_room_for_those_that_are_held():
    fit = emix.fit(WAITING, 3, covariance="E", weights=[0.3, np.nan, np.nan], n_starts=2, tol=1e-6)
    learned = int(np.flatnonzero(fit.model.held.learned_weights)[0])
    subject = Held(ground_of(WAITING, fit, None), fit, "weight", (learned,))
    assert subject.bounds == (0.0, 0.7)
    assert fit.profile(WAITING, f"weight {learned + 1}").high <= 0.7


def test_one_normal_in_closed_form():
    """n log(1 + (μ − x̄)²/s²) = χ²₁ for the mean, n (s²/σ² − 1 + log(σ²/s²)) = χ²₁ for σ."""
    fit, n = emix.fit(WAITING, 1), len(WAITING)
    mean, sd = fit.mixture.means[0, 0], fit.mixture.sds[0]
    cut = stats.chi2.ppf(0.95, 1)
    away = sd * np.sqrt(np.expm1(cut / n))
    found = fit.profile(WAITING, "mean 1")
    assert (found.low, found.high) == pytest.approx((mean - away, mean + away), rel=1e-5)

    def drop(s: float) -> float:
        return n * (sd**2 / s**2 - 1 + np.log(s**2 / sd**2)) - cut

    spread = fit.profile(WAITING, "sd 1")
    assert spread.low == pytest.approx(optimize.brentq(drop, 0.5 * sd, sd), rel=1e-5)
    assert spread.high == pytest.approx(optimize.brentq(drop, sd, 2 * sd), rel=1e-5)


@pytest.mark.parametrize("parameter", ["mean 2", "weight 1", "sd 1"])
@pytest.mark.parametrize("covariance", ["E", "V"])
def test_the_ends_are_where_the_likelihood_has_fallen(parameter, covariance):
    fit = emix.fit(WAITING, 2, covariance=covariance)
    found = fit.profile(WAITING, parameter, level=0.9)
    assert found.low < found.estimate < found.high
    which, nan = int(parameter[-1]) - 1, np.nan
    for end in (found.low, found.high):
        values = [nan, nan]
        values[which] = end
        held = {"mean": {"means": values}, "weight": {"weights": values},
                "sd": {"sds": end if covariance == "E" else values}}[parameter[:-2]]
        there = emix.fit(WAITING, 2, covariance=covariance, start=fit.mixture, **held)
        assert 2 * (fit.loglik - there.loglik) == pytest.approx(stats.chi2.ppf(0.9, 1), abs=2e-3)


def test_it_nears_walds_interval_where_there_is_much_data():
    x = np.random.default_rng(0).normal(size=4000)
    fit = emix.fit(x, 1)
    wald = fit.uncertainty.of("means")
    found = fit.profile(x, "mean 1")
    assert found.low == pytest.approx(wald.low[0, 0], abs=1e-4)
    assert found.high == pytest.approx(wald.high[0, 0], abs=1e-4)


def test_a_mean_of_several_columns():
    fit = emix.fit(FAITHFUL, 2)
    found = fit.profile(FAITHFUL, "mean 1 waiting")
    held = emix.fit(FAITHFUL, 2, means=[[np.nan, found.high], [np.nan, np.nan]],
                    start=fit.mixture)
    assert 2 * (fit.loglik - held.loglik) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=2e-3)
    assert str(found).startswith("mean 1 waiting: 54.4")


@pytest.mark.parametrize("name", ["sd 1 b", "covariance 1 a × b", "correlation 1 b × a"])
def test_one_normal_of_two_columns_in_closed_form(name):
    """σ as for one column; −n log (1 − r²), r = (ρ − ρ̂) / (1 − ρ ρ̂), for the correlation."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(80, 2)) @ [[2.0, 30.0], [0.0, 40.0]] + [5.0, -900.0]
    names = ("a", "b")
    frame = pd.DataFrame(x, columns=names)
    fit, n = emix.fit(frame, 1), len(x)
    found = fit.profile(frame, name)
    matrix = fit.mixture.covariances[0]
    cut = stats.chi2.ppf(0.95, 1)
    if name.startswith("sd"):
        estimate = np.sqrt(matrix[1, 1])

        def drop(s: float) -> float:
            return n * (estimate**2 / s**2 - 1 + np.log(s**2 / estimate**2)) - cut
    elif name.startswith("correlation"):
        estimate = matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1])

        def drop(r: float) -> float:
            return -n * np.log(1 - ((r - estimate) / (1 - r * estimate)) ** 2) - cut
    else:
        # By a general optimiser over the other two.
        estimate = matrix[0, 1]

        def drop(c: float) -> float:
            def lacking(logs: np.ndarray) -> float:
                held = np.array([[np.exp(logs[0]), c], [c, np.exp(logs[1])]])
                if np.linalg.det(held) <= 0:
                    return np.inf
                return n * (np.linalg.slogdet(held)[1] + np.trace(np.linalg.solve(held, matrix)))

            best = optimize.minimize(lacking, np.log(np.diag(matrix)), method="Nelder-Mead",
                                     options={"xatol": 1e-10, "fatol": 1e-10})
            return best.fun - n * (np.linalg.slogdet(matrix)[1] + 2) - cut
    assert found.estimate == pytest.approx(estimate, rel=1e-12)
    for end in (found.low, found.high):
        assert drop(end) == pytest.approx(0, abs=2e-3)
    assert found.low < estimate < found.high


@pytest.mark.parametrize("covariance", ["VVV", "EEE", "VEV", "VVE", "EVI"])
def test_profiles_agree_with_wald_near_the_top_in_every_kind_of_structure(covariance):
    """At a small level the likelihood is a parabola: Wald's interval, and what it is made of."""
    fit = emix.fit(FAITHFUL, 2, covariance=covariance)
    names = ["sd 2 waiting"]
    if covariance != "EVI":
        names += ["covariance 2 eruptions × waiting", "correlation 2 eruptions × waiting"]
    table = {row.name: row for row in fit.uncertainty.table()}
    for name in names:
        found = fit.profile(FAITHFUL, name, level=0.1)
        half = (found.high - found.low) / 2
        assert half == pytest.approx(stats.norm.ppf(0.55) * found.se, rel=2e-2)
        if name in table:
            assert found.se == pytest.approx(table[name].se, rel=1e-6)
            assert found.estimate == pytest.approx(table[name].estimate, rel=1e-10)
        assert found.objective.max() == pytest.approx(fit.loglik, abs=1e-6)


def test_a_spread_in_several_columns_is_the_held_one_where_that_can_be_held():
    """VII: one standard deviation of a component, which EM can hold."""
    fit = emix.fit(FAITHFUL, 2, covariance="VII")
    found = fit.profile(FAITHFUL, "sd 1 waiting")
    held = emix.fit(FAITHFUL, 2, covariance="VII", sds=[found.high, np.nan], start=fit.mixture)
    assert 2 * (fit.loglik - held.loglik) == pytest.approx(stats.chi2.ppf(0.95, 1), abs=2e-3)


def test_with_a_prior_the_posterior_is_profiled():
    fit = emix.fit(FAITHFUL, 2, prior="conjugate")
    found = fit.profile(FAITHFUL, "sd 1 waiting")
    assert found.objective.max() == pytest.approx(fit.objective, abs=1e-6)
    assert found.low < found.estimate < found.high


def test_what_has_no_profile():
    fit = emix.fit(WAITING, 2, tol=1e-6)
    for name in ("mean 3", "mean 0", "median 1", "mean", "mean 1 waiting"):
        with pytest.raises(emix.ParameterError, match="expected one such as"):
            fit.profile(WAITING, name)
    table = emix.fit(FAITHFUL, 2, covariance="diag", tol=1e-6)
    for name in ("sd 1", "mean 1", "sd 1 height", "weight 1 waiting", "covariance 1 waiting",
                 "correlation 1 waiting × waiting"):
        with pytest.raises(emix.ParameterError, match="expected one such as"):
            table.profile(FAITHFUL, name)
    with pytest.raises(emix.ParameterError, match="is 0 in VVI"):
        table.profile(FAITHFUL, "correlation 1 eruptions × waiting")
    for level in (0.0, 1, "high"):
        with pytest.raises(emix.ParameterError, match="level="):
            fit.profile(WAITING, "mean 1", level=level)
    held = emix.fit(WAITING, 2, sds=6.0, weights="equal", tol=1e-6)
    for name in ("sd 1", "weight 1"):
        with pytest.raises(emix.ParameterError, match="held, not learned"):
            held.profile(WAITING, name)
