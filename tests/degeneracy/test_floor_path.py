"""Floor paths: exact where the answer is known, honest where the likelihood has no bound."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

import emix
from emix.degeneracy import FloorPath

FAITHFUL = emix.datasets.load("faithful")
WAITING = FAITHFUL["waiting"]
GALAXIES = emix.datasets.load("galaxies")["velocity"]


def quietly(*args, **kwargs) -> emix.Fit:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return emix.fit(*args, **kwargs)


def test_one_column_by_a_general_optimiser():
    """The best σ above a floor, by a solver that knows bounds and nothing of EM."""
    fit = emix.fit(WAITING, 2)
    sd = WAITING.std()
    row, = fit.floor_path(WAITING, [0.46]).rows

    def lacking(p: np.ndarray) -> float:
        share = 1 / (1 + np.exp(-p[0]))
        mixture = emix.Mixture.univariate([share, 1 - share], p[1:3], p[3:5])
        return -float(mixture.logpdf(WAITING).sum())

    m = fit.mixture
    start = [np.log(m.weights[0] / m.weights[1]), *m.means[:, 0], 0.5 * sd, 0.5 * sd]
    free, low = (None, None), (0.46 * sd, None)
    found = optimize.minimize(lacking, start, bounds=[free, free, free, low, low],
                              method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-8})
    assert row.loglik == pytest.approx(-found.fun, abs=1e-5)
    assert row.loglik < fit.loglik and row.resting == (0, 1) and not row.is_fit
    np.testing.assert_allclose(row.mixture.sds, 0.46 * sd, rtol=1e-9)


def test_a_spike_is_found_with_its_floor_and_its_pace():
    """Each point under a spike on one value gains log 2 with each halving."""
    fit = emix.fit(GALAXIES, 4)
    path = fit.floor_path(GALAXIES)
    assert path.depends_on_floor and not path.is_bounded
    low, high = path.stable
    assert low < path.smallest < 2 * high
    counts = np.unique(GALAXIES, return_counts=True)[1]
    assert path.pace() == pytest.approx(round(path.pace() / np.log(2)) * np.log(2), abs=1e-3)
    assert 1 <= round(path.pace() / np.log(2)) <= counts.max()
    assert all(row.floor < low for row in path.above) and path.above[-1].resting
    objectives = [row.objective for row in path.rows]
    assert objectives == sorted(objectives)
    said = path.report()
    assert "without bound" in said and "depends on the floor" in said
    assert said.splitlines()[0].startswith("x: the best fit")


def test_a_narrow_component_that_hardly_pays_for_its_place_is_told_before_a_higher_spike():
    """Six galaxies between 20.166 and 20.221: half a nat higher, and not worth their place."""
    fit = emix.fit(GALAXIES, 4)
    path = fit.floor_path(GALAXIES, [2.0**-9, 2.0**-14])
    row, spike = path.rows
    (doubtful,) = row.doubtful
    assert not row.degenerate and spike.degenerate and spike.objective > row.objective
    assert fit.loglik + 0.5 < row.loglik < fit.loglik + 0.7
    assert row.mixture.sds[doubtful.component] == row.mixture.sds.min()
    (told,) = [s for s in path.statements() if "sound optimum" in s]
    assert doubtful.reason in told and "component 2" in told
    assert "doubtful: 2" in path.report()
    assert path.to_dict()["rows"][0]["doubtful"] == [
        {"component": doubtful.component, "reason": doubtful.reason}
    ]


def test_ties_win_over_a_lonely_point_in_the_end():
    """Fifteen equal waiting times are worth fifteen log 2 with each halving, one point one."""
    path = emix.fit(WAITING, 2).floor_path(WAITING, [2.0**-14, 2.0**-15, 2.0**-16])
    most = np.unique(WAITING, return_counts=True)[1].max()
    assert path.pace() == pytest.approx(most * np.log(2), rel=0.02)
    assert path.stable is None and path.depends_on_floor
    assert "not the best found" in path.statements()[0]


def test_one_spread_for_all_has_a_maximum_without_a_floor():
    path = emix.fit(WAITING, 2, covariance="E").floor_path(WAITING)
    assert path.is_bounded and not path.depends_on_floor and path.stable[0] == 2.0**-16
    assert "even without a floor" in path.report()
    assert all(row.is_fit for row in path.rows if row.floor < path.smallest)


@pytest.mark.parametrize("covariance", ["VVV", "VVI", "EEE", "VEE", "EVV", "EEV"])
def test_several_columns_agree_with_the_fit_below_its_smallest_spread(covariance):
    fit = emix.fit(FAITHFUL, 2, covariance=covariance)
    above, below, far = (1.2, 0.8, 0.05)
    floors = [share * fit.floor_path(FAITHFUL, [0.5]).smallest for share in (above, below, far)]
    rows = fit.floor_path(FAITHFUL, floors).rows
    assert rows[0].loglik < fit.loglik and rows[0].resting and rows[0].outcome.value
    assert rows[0].smallest == pytest.approx(floors[0], rel=1e-9)
    for row in rows[1:]:
        assert row.is_fit and row.loglik == pytest.approx(fit.loglik, abs=1e-6)
        assert row.smallest > row.floor and not row.resting and not row.degenerate


def test_whole_ellipsoids_by_a_general_optimiser():
    """VVV with eigenvalues above a floor: the axes of both components, by L-BFGS-B."""
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.normal(size=(60, 2)) * [1.0, 0.15], rng.normal(7, 1, (60, 2))])
    fit = emix.fit(x, 2)
    floor = 1.3 * fit.floor_path(x, [0.5]).smallest
    row, = fit.floor_path(x, [floor]).rows
    z = (x - x.mean(axis=0)) / x.std(axis=0)

    def mixture(p: np.ndarray) -> emix.Mixture:
        share = 1 / (1 + np.exp(-p[0]))
        turns = [np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in p[5:7]]
        axes = p[7:].reshape(2, 2)
        return emix.Mixture([share, 1 - share], p[1:5].reshape(2, 2),
                            [t * a**2 @ t.T for t, a in zip(turns, axes, strict=True)])

    def lacking(p: np.ndarray) -> float:
        return -float(mixture(p).logpdf(z).sum())

    means = (fit.mixture.means - x.mean(axis=0)) / x.std(axis=0)
    found = optimize.minimize(
        lacking, [0.0, *means.ravel(), 0.0, 0.3, 0.4, floor, 0.4, 0.3],
        bounds=[(None, None)] * 7 + [(floor, None)] * 4, method="L-BFGS-B",
        options={"ftol": 1e-13, "gtol": 1e-6})
    wanted = -found.fun - len(x) * np.log(x.std(axis=0)).sum()
    assert row.loglik == pytest.approx(wanted, abs=1e-4) and row.outcome.value == "converged"


@settings(max_examples=12)
@given(st.integers(-30, 30), st.floats(-1e3, 1e3), st.integers(0, 9))
def test_units_change_nothing(power, shift, seed):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(0, 1, 40), rng.normal(6, 0.4, 30)])
    floors = [0.3, 0.02, 1e-4]
    one = quietly(x, 2, n_starts=3).floor_path(x, floors)
    moved = (x + shift) * 2.0**power
    other = quietly(moved, 2, n_starts=3).floor_path(moved, floors)
    change = len(x) * power * np.log(2)
    for here, there in zip(one.rows, other.rows, strict=True):
        assert there.loglik + change == pytest.approx(here.loglik, abs=1e-4)
        assert (here.resting, here.is_fit) == (there.resting, there.is_fit)


def test_weights_are_repetition_and_threads_change_no_bit():
    x, weight = np.unique(np.round(GALAXIES), return_counts=True)
    weighted = quietly(x, 3, sample_weight=weight.astype(float))
    again = np.repeat(x, weight)
    floors = [0.25, 0.05, 0.001]
    one = weighted.floor_path(x, floors, sample_weight=weight.astype(float), threads=1)
    other = weighted.floor_path(x, floors, sample_weight=weight.astype(float), threads=2)
    repeated = quietly(again, 3).floor_path(again, floors)
    assert one.to_dict() == other.to_dict()
    for a, b in zip(one.rows, repeated.rows, strict=True):
        assert a.loglik == pytest.approx(b.loglik, abs=1e-5)


def test_held_values_stay_and_a_prior_counts():
    fit = emix.fit(WAITING, 2, weights=[0.4, np.nan], means=[np.nan, 80.0],
                   prior=emix.NormalPrior(70.0, 20.0))
    for row in fit.floor_path(WAITING, [0.5, 0.2, 1e-3]).rows:
        assert row.mixture.weights[0] == 0.4 or row.mixture.weights[1] == 0.4
        assert 80.0 in row.mixture.means
        gap = row.objective - row.loglik
        assert gap == pytest.approx(-np.log(20 * np.sqrt(2 * np.pi)) - 0.5 * (
            (row.mixture.means[:, 0][row.mixture.means[:, 0] != 80.0] - 70) / 20) ** 2, abs=1e-8)


def test_what_is_no_floor():
    fit = emix.fit(WAITING, 2)
    for floors in ([], [0.0], [2.0], [np.nan], "low", [[0.1]], [1e-9]):
        with pytest.raises(emix.ParameterError, match="shares of the data's standard deviation"):
            fit.floor_path(WAITING, floors)
    with pytest.raises(emix.ParameterError, match="threads=0"):
        fit.floor_path(WAITING, threads=0)
    with pytest.raises(emix.DataError, match="not the data of the fit"):
        fit.floor_path(WAITING[1:])
    with pytest.raises(emix.ParameterError, match="are held"):
        emix.fit(WAITING, 2, sds=6.0).floor_path(WAITING)


def test_a_better_optimum_is_pointed_out():
    """A fit from one start that ended low; the path finds higher ground at wide floors."""
    low = quietly(GALAXIES, 3, start=emix.Mixture.univariate(
        [0.3, 0.4, 0.3], [19.0, 20.0, 21.0], [3.0, 3.0, 3.0]))
    best = quietly(GALAXIES, 3)
    if low.loglik > best.loglik - 1.0:
        pytest.fail("the start was meant to end at a lower optimum")
    path = low.floor_path(GALAXIES, [0.3, 0.1, 0.05])
    assert isinstance(path, FloorPath) and path.above
    assert any("higher than the fit" in statement for statement in path.statements())
