"""Mixtures side by side climb as they would one by one."""

from __future__ import annotations

import numpy as np
import pytest

import emix
from emix.arrays import Units
from emix.climbing.batches import Batch, Ends, climb_batch
from emix.climbing.climb import Outcome, Stop, climb_many
from emix.covariance import STRUCTURES
from emix.initialise import Draws, Table
from emix.kernels import NATIVE
from emix.model import FLOOR, Model
from emix.moments import moments_of
from emix.searching.swapping import swap_tables
from emix.searching.terrain import terrain_of
from emix.sources.array import ArraySource

ROWS = emix.datasets.load("faithful").data
COLUMN = np.ascontiguousarray(ROWS[:, 1:])


def prepared(x: np.ndarray, k: int, name: str, weights: object = None):
    source = ArraySource.of(x)
    moments = moments_of(source)
    units = Units.of_spread(moments.mean, moments.sd)
    model = Model.parse(k, x.shape[1], name, weights).inward(units, FLOOR)
    return terrain_of(source.block, units, False), model


def started(terrain, k: int) -> list[emix.Mixture]:
    kinds = ("random", "kmeans++", "random")
    return [terrain.started(kind, k, Draws(3, i)) for i, kind in enumerate(kinds)]


def assert_as_one_by_one(x: np.ndarray, k: int, name: str, weights: object = None) -> None:
    terrain, model = prepared(x, k, name, weights)
    starts = [model.held.imposed_on(start) for start in started(terrain, k)]
    stop = Stop(1e-9, 40)
    d = x.shape[1]
    ends = climb_batch(terrain.source, Batch.of(starts), model, stop)
    climbs = climb_many(terrain.source, [model.conforming(s) for s in starts], model,
                        Units.identity(d), stop)
    for row, climb in enumerate(climbs):
        assert ends.outcome[row] is climb.outcome
        assert ends.iterations[row] == climb.iterations
        assert ends.objective[row] == pytest.approx(climb.objective, rel=1e-10)
        assert ends.loglik[row] == pytest.approx(climb.loglik, rel=1e-10)
        assert ends.gradient[row] == pytest.approx(climb.gradient, rel=1e-3, abs=1e-12)
        made = ends.batch.mixture(row, model.structure)
        assert type(made.covariance) is type(climb.mixture.covariance)
        np.testing.assert_allclose(made.weights, climb.mixture.weights, rtol=1e-7)
        np.testing.assert_allclose(made.means, climb.mixture.means, atol=1e-7)
        np.testing.assert_allclose(made.covariances, climb.mixture.covariances, atol=1e-7)


@pytest.mark.parametrize("name", STRUCTURES if NATIVE is not None else ["EII", "EEE"])
def test_rows_in_two_columns(name):
    assert_as_one_by_one(ROWS, 3, name)


@pytest.mark.parametrize("name", ["E", "V"])
@pytest.mark.parametrize("weights", [None, "equal"])
def test_one_column(name, weights):
    assert_as_one_by_one(COLUMN, 3, name, weights)


def test_held_weights_are_written_over_the_starts():
    assert_as_one_by_one(ROWS, 2, "VVV", "equal")


def test_batches_are_joined_taken_and_rescaled():
    terrain, _ = prepared(ROWS, 2, "VVV")
    one, two, three = started(terrain, 2)
    batch = Batch.joined([Batch.of([one]), Batch.of([two, three])])
    assert len(batch) == 3 and (batch.n_components, batch.n_features) == (2, 2)
    np.testing.assert_array_equal(batch.taken([2, 0]).means, [three.means, one.means])
    factors = np.array([2.0, 0.5])
    np.testing.assert_array_equal(batch.rescaled(factors).means[1], two.means * factors)
    expected = two.covariances * np.multiply.outer(factors, factors)
    found = batch.rescaled(factors).factors[1]
    np.testing.assert_allclose(found @ found.transpose(0, 2, 1), expected, rtol=1e-12)


def test_the_end_of_one_climb_is_a_batch_of_one():
    terrain, model = prepared(ROWS, 2, "VVV")
    start = model.conforming(started(terrain, 2)[0])
    (climb,) = climb_many(terrain.source, [start], model, Units.identity(2), Stop(1e-6, 200))
    ends = Ends.of_climb(climb)
    assert ends.outcome == (Outcome.CONVERGED,) and ends.objective[0] == climb.objective
    assert ends.batch.mixture(0, model.structure) == climb.mixture


@pytest.mark.skipif(NATIVE is None, reason="native kernel not built: swaps then run one by one")
@pytest.mark.parametrize(("name", "weights"), [
    ("EEI", None), ("VEE", None), ("VVE", None), ("VVV", None), ("VVV", "equal"),
])
def test_chains_of_swaps_lead_where_they_do_one_by_one(name, weights):
    from emix.searching.plan import Plan
    from emix.searching.search import _swap, explore

    terrain, model = prepared(ROWS, 4, name, weights)
    short, plan = Stop(1e-6, 20), Plan(("random",), chains=3, swaps=10)
    starts = [model.conforming(s) for s in started(terrain, 4)]
    found = explore(terrain, starts, model, short, 1)
    before, together, apart = len(found), list(found), list(found)
    assert not swap_tables(terrain, together, model, plan, short, 5, 1)
    for threads in (2, 3):
        again = list(found)
        swap_tables(terrain, again, model, plan, short, 5, threads)
        assert [c.climb.objective for c in again] == [c.climb.objective for c in together]
        assert all(one.climb.mixture == other.climb.mixture
                   for one, other in zip(again, together, strict=True))
    _swap(terrain, apart, model, plan, short, 5, 1)
    assert len(together) == len(apart) > before
    for one, other in zip(together, apart, strict=True):
        assert one.climb.objective == pytest.approx(other.climb.objective, abs=1e-5)
        assert one.worth == pytest.approx(other.worth, abs=1e-3)
        assert one.climb.trace[-1] == one.climb.objective


def test_a_table_of_a_block_is_a_table():
    terrain, _ = prepared(ROWS, 2, "VVV")
    assert isinstance(terrain.ground, Table) and terrain.total == len(ROWS)
