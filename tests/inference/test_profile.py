"""Profile likelihood: closed forms, its definition, parameters that have none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

import emix

FAITHFUL = emix.datasets.load("faithful")
WAITING = FAITHFUL["waiting"]


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


def test_what_has_no_profile():
    fit = emix.fit(WAITING, 2, tol=1e-6)
    for name in ("mean 3", "mean 0", "median 1", "mean", "mean 1 waiting"):
        with pytest.raises(emix.ParameterError, match="expected one such as"):
            fit.profile(WAITING, name)
    with pytest.raises(emix.ParameterError, match="expected one such as"):
        emix.fit(FAITHFUL, 2, tol=1e-6).profile(FAITHFUL, "sd 1 waiting")
    held = emix.fit(WAITING, 2, sds=6.0, weights="equal", tol=1e-6)
    for name in ("sd 1", "weight 1"):
        with pytest.raises(emix.ParameterError, match="held, not learned"):
            held.profile(WAITING, name)
