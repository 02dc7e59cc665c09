"""Goodness of fit: integral transforms, χ², pictures."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import stats

import emix
from emix import Mixture
from emix.inference.goodness import transforms

FAITHFUL = emix.datasets.load("faithful")
WAITING = FAITHFUL["waiting"]
TRUTH = Mixture([0.3, 0.7], [[0.0, 1.0], [3.0, -1.0]],
                [[[1.0, 0.6], [0.6, 2.0]], [[2.0, -0.5], [-0.5, 1.0]]])


def test_in_one_column_the_transform_is_the_distribution_function():
    fit = emix.fit(WAITING, 2)
    good = fit.goodness(WAITING)
    np.testing.assert_allclose(good.pit[:, 0], fit.mixture.cdf(WAITING), rtol=1e-12)
    kolmogorov = stats.kstest(WAITING, fit.mixture.cdf).statistic
    assert good.distance[0] == pytest.approx(kolmogorov, rel=1e-9)
    assert good.counts.sum() == len(WAITING)


def test_in_several_columns_it_is_conditional():
    rows = np.array([[0.5, 0.2], [3.1, -2.0], [-1.0, 4.0]])
    found = transforms(TRUTH, rows)
    np.testing.assert_allclose(found[:, 0], TRUTH.marginal(0).cdf(rows[:, 0]), rtol=1e-10)
    for row, u in zip(rows, found, strict=True):
        assert u[1] == pytest.approx(TRUTH.condition(0, row[0]).cdf(row[1])[0], rel=1e-9)


def test_the_true_mixture_gives_uniform_and_independent_transforms():
    x, _ = TRUTH.sample(4000, 1)
    u = transforms(TRUTH, x)
    for column in u.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u.T)[0, 1]) < 0.06


def test_a_wrong_mixture_is_seen_and_a_right_one_is_not():
    x, _ = Mixture.univariate([0.5, 0.5], [0.0, 6.0], [1.0, 1.0]).sample(500, 2)
    wrong, right = emix.fit(x, 1).goodness(x), emix.fit(x, 2).goodness(x)
    assert wrong.p_values.max() < 1e-6 and right.p_values.min() > 1e-3
    low, high = right.p_values[0]
    assert low <= high
    wanted = stats.chi2.sf(right.statistic[0], [right.bins - 1 - right.df, right.bins - 1])
    np.testing.assert_allclose([low, high], wanted, rtol=1e-10)


def test_chi_square_of_known_counts():
    fit = emix.fit(WAITING, 2)
    good = fit.goodness(WAITING, bins=10)
    counts, _ = np.histogram(fit.mixture.cdf(WAITING), np.linspace(0, 1, 11))
    assert good.counts[0].tolist() == counts.tolist()
    assert good.statistic[0] == pytest.approx(stats.chisquare(counts).statistic, rel=1e-12)


def test_integer_weights_are_repetition():
    w = np.random.default_rng(0).integers(0, 4, len(WAITING)).astype(float)
    repeated = np.repeat(WAITING, w.astype(int))
    one = emix.fit(WAITING, 2, sample_weight=w).goodness(WAITING, 12, w)
    other = emix.fit(repeated, 2).goodness(repeated, 12)
    assert one.statistic[0] == pytest.approx(other.statistic[0], rel=1e-6)
    assert one.distance[0] == pytest.approx(other.distance[0], abs=1e-6)


def test_the_report_and_the_plain_data():
    good = emix.fit(FAITHFUL, 2).goodness(FAITHFUL)
    assert "eruptions" in str(good) and "given those above" in good.report()
    plain = json.loads(json.dumps(good.to_dict(), allow_nan=False))
    assert plain["columns"] == ["eruptions", "waiting"] and len(plain["p_values"]) == 2


@pytest.mark.parametrize("kind", ["qq", "pp", "pit"])
def test_pictures(kind):
    one, two = emix.fit(WAITING, 2), emix.fit(FAITHFUL, 2)
    ax = one.goodness(WAITING).plot(kind=kind)
    assert ax.get_title() or ax.get_xlabel()
    if kind != "pit":
        points = ax.collections[-1].get_offsets()  # the first is the band
        assert len(points) == len(WAITING) and (np.diff(points[:, 0]) >= -1e-9).all()
        # Where the fit is good they lie near the diagonal.
        assert np.corrcoef(points.T)[0, 1] > 0.99
    assert two.goodness(FAITHFUL).plot(kind=kind, column=1).get_xlabel()


def test_arguments_without_meaning():
    good = emix.fit(WAITING, 2).goodness(WAITING)
    with pytest.raises(emix.ParameterError, match="qq, pp, pit"):
        good.plot(kind="box")
    with pytest.raises(emix.ParameterError, match="column=3"):
        good.plot(column=3)
    with pytest.raises(emix.ParameterError, match="bins=1"):
        emix.fit(WAITING, 2).goodness(WAITING, bins=1)
    with pytest.raises(emix.DataError, match="not the data"):
        emix.fit(WAITING, 2).goodness(WAITING[:-1])
