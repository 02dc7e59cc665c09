"""Terrain: how one column and several are started on, stirred, climbed and judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emix import Mixture, Outcome
from emix.arrays import Units
from emix.climbing.climb import Stop
from emix.covariance import STRUCTURES, Dense, Isotropic
from emix.initialise import (
    STARTS,
    STARTS_OF_ROWS,
    Draws,
    SortedColumn,
    Table,
    named,
    named_of_rows,
)
from emix.model import FLOOR, Model
from emix.searching.terrain import (
    NARROWEST,
    NARROWEST_OF_ROWS,
    WIDEST,
    ColumnTerrain,
    TableTerrain,
    is_near,
)
from emix.soundness.degenerate import least_worth
from emix.soundness.worth import least_worths
from emix.sources.array import ArraySource

RNG = np.random.default_rng(6)
X = np.concatenate([RNG.normal(size=(40, 2)) + m for m in ([0.0, 0.0], [5.0, 1.0], [1.0, 6.0])])
X = (X - X.mean(axis=0)) / X.std(axis=0)
WEIGHT = RNG.exponential(size=len(X))


def column() -> ColumnTerrain:
    return ColumnTerrain(SortedColumn.of(ArraySource.of(X[:, 0], WEIGHT).block, Units.identity(1)))


def table(weight=WEIGHT) -> TableTerrain:
    return TableTerrain(Table.of(ArraySource.of(X, weight).block, Units.identity(2)))


def model_of(k: int, d: int, name: str = "VVV", **arguments) -> Model:
    return replace(Model.parse(k, d, name, **arguments), floor=FLOOR)


def test_the_total_is_all_the_row_weight():
    assert column().total == pytest.approx(WEIGHT.sum())
    assert table().total == pytest.approx(WEIGHT.sum())
    assert table(None).total == len(X) and table(None).source.sample_weight is None
    # Weights that are all 1 are none.
    assert table(np.ones(len(X))).source.sample_weight is None


def test_starts_are_those_of_the_table_of_starts():
    for kind in STARTS:
        wanted = named(kind)(column().column, 3, Draws(1, 2))
        assert column().started(kind, 3, Draws(1, 2)) == wanted
    for kind in STARTS_OF_ROWS:
        wanted = named_of_rows(kind)(table().table, 3, Draws(1, 2))
        assert table().started(kind, 3, Draws(1, 2)) == wanted


HOME = {
    1: Mixture.univariate([0.2, 0.3, 0.5], [-1.0, 0.0, 1.0], [0.1, 0.2, 0.3]),
    2: Mixture([0.2, 0.3, 0.5], [[-1.0, 0.0], [0.0, 0.5], [1.0, 1.0]],
               [np.eye(2) * 0.1, np.eye(2) * 0.2, [[0.3, 0.1], [0.1, 0.3]]]),
}


@pytest.mark.parametrize("d", [1, 2])
def test_one_component_is_stirred_and_the_others_stay(d):
    terrain, home = (column() if d == 1 else table()), HOME[d]
    points = terrain.source.points
    spread = np.linalg.det(np.cov(points.T, bias=True, aweights=terrain.source.sample_weight)
                           .reshape(d, d))
    seen, widths = np.zeros(3), []
    for stream in range(200):
        found = terrain.stirred(home, Draws(0, stream))
        assert found == terrain.stirred(home, Draws(0, stream))
        [j] = [j for j in range(3) if (found.means[j] != home.means[j]).any()]
        seen[j] += 1
        assert (points == found.means[j]).all(axis=1).any()
        rest = [i for i in range(3) if i != j]
        np.testing.assert_array_equal(found.covariance.factors[rest], home.covariance.factors[rest])
        # A fair share of the weight, before all are scaled to sum to 1.
        assert found.weights.sum() == pytest.approx(1, abs=1e-15)
        np.testing.assert_allclose(found.weights[rest] / found.weights[j], 3 * home.weights[rest])
        widths.append((np.linalg.det(found.covariances[j]) / spread) ** (0.5 / d))
    assert seen.min() > 40
    least = NARROWEST if d == 1 else NARROWEST_OF_ROWS
    assert least * 0.999 < min(widths) < least * 1.2 and WIDEST * 0.85 < max(widths) < WIDEST * 1.01
    # Evenly on the log scale.
    assert np.median(np.log(widths)) == pytest.approx(0.5 * np.log(least * WIDEST), abs=0.25)


def test_heavy_rows_are_drawn_more_often():
    weight = np.ones(len(X))
    weight[7] = 1e6
    drawn = [table(weight).stirred(HOME[2], Draws(0, s)).means for s in range(20)]
    assert all((means == X[7]).all(axis=1).any() for means in drawn)


def test_climbs_are_judged():
    """The worth beside each climb is that of its mixture."""
    for terrain, d in ((column(), 1), (table(), 2)):
        model = model_of(3, d)
        starts = [model.conforming(terrain.started("kmeans++", 3, Draws(0, s))) for s in range(3)]
        found = terrain.run(starts, model, Stop(1e-8, 400), 1)
        for begun, candidate in zip(starts, found, strict=True):
            mixture = candidate.climb.mixture
            worth = least_worth(terrain.column, mixture, model) if d == 1 else \
                least_worths(terrain.table, [mixture], model)[0]
            assert candidate.worth == pytest.approx(worth, rel=1e-9) or \
                candidate.worth == worth
            assert candidate.starts == 1
            x, w = terrain.source.points, terrain.source.sample_weight
            assert candidate.climb.trace[0] == pytest.approx(w @ begun.logpdf(x), rel=1e-10)
            assert candidate.climb.loglik == pytest.approx(w @ mixture.logpdf(x), rel=1e-10)


@pytest.mark.parametrize("name", ["VVV", "VEV", "VVI", "EII"])
@pytest.mark.parametrize("held", [False, True])
def test_a_run_that_comes_home_is_none(name, held):
    """From near home it does, from elsewhere it does not, whether climbs are native or not."""
    terrain = table()
    arguments = {"means": [[NAN, 0.0], NAN, NAN]} if held else {}
    model = model_of(3, 2, name, **arguments)
    begun = model.conforming(terrain.started("hierarchical", 3, Draws(0, 0)))
    [summit] = terrain.run([begun], model, Stop(1e-10, 2000), 1)
    home = summit.climb.mixture
    near = model.conforming(Mixture.trusted(home.weights, home.means + 0.01, home.covariance))
    far = model.conforming(Mixture.trusted(
        home.weights, home.means[:1] + np.array([[0.0, 0.0], [0.1, 0.0], [0.0, 0.1]]),
        home.covariance))
    short = Stop(0.0, 25)
    found = terrain.run_from_home([near, far], [home, home], model, short, 1)
    assert found[0] is None
    assert found[1] is None or found[1].climb.iterations == 25
    # A home it never comes to.
    away = Mixture.trusted(home.weights, home.means + 50.0, home.covariance)
    [run] = terrain.run_from_home([near], [away], model, short, 1)
    assert run.climb.iterations == 25 and run.climb.outcome is Outcome.NOT_CONVERGED
    # One that has converged before it was seen to come home counts as it is.
    [done] = terrain.run_from_home([home], [home], model, Stop(1e-6, 25), 1)
    assert done is None or done.climb.outcome is Outcome.CONVERGED


NAN = np.nan


def test_near_is_a_tenth_in_everything():
    for home in HOME.values():
        d = home.n_features
        assert is_near(home, home)
        # In another order of components it is the same mixture.
        assert is_near(home.reordered(np.array([2, 0, 1])), home)
        w, mu = home.weights, home.means

        def changed(weights=w, means=mu, spread=home.covariance) -> Mixture:
            return Mixture.trusted(np.array(weights), np.array(means), spread)

        assert is_near(changed(weights=[0.21, 0.29, 0.5]), home)
        assert not is_near(changed(weights=[0.23, 0.27, 0.5]), home)
        sd = home.covariance.factors[:, 0, 0]
        step = np.zeros((3, d))
        step[1, 0] = sd[1]
        assert is_near(changed(means=mu + 0.09 * step), home)
        assert not is_near(changed(means=mu + 0.11 * step), home)
        for factor, near in ((1.09, True), (1.12, False), (0.92, True), (0.88, False)):
            spread = Isotropic(home.sds * factor) if d == 1 else \
                Dense(home.covariance.factors * factor)
            assert is_near(changed(spread=spread), home) == near


def test_what_is_turned_or_stretched_is_not_near():
    """With the same volume and another shape or orientation it is another place."""
    home = Mixture([0.5, 0.5], [[-1.0, 0.0], [1.0, 0.0]], [np.diag([4.0, 1.0]), np.eye(2)])

    def with_first(covariance) -> Mixture:
        return Mixture(home.weights, home.means, [covariance, np.eye(2)])

    for angle, near in ((0.1, True), (0.5, False), (np.pi / 2, False)):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        assert is_near(with_first(turn @ np.diag([4.0, 1.0]) @ turn.T), home) == near
    for stretch, near in ((1.1, True), (2.0, False)):
        assert is_near(with_first(np.diag([4.0 * stretch, 1.0 / stretch])), home) == near


@pytest.mark.parametrize("name", STRUCTURES)
def test_runs_of_every_structure_end_in_its_family(name):
    terrain, model = table(None), model_of(3, 2, name)
    starts = [model.conforming(terrain.started("random", 3, Draws(0, s))) for s in range(2)]
    for candidate in terrain.run(starts, model, Stop(1e-6, 300), 2):
        mixture = candidate.climb.mixture
        again = model.conforming(mixture)
        np.testing.assert_allclose(again.covariances, mixture.covariances, rtol=1e-5, atol=1e-9)
