"""Newton's steps for two components: never down, to EM's own summits, in far fewer steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emix import DirichletPrior, Mixture, NormalPrior, Outcome
from emix.arrays import Units
from emix.climbing.climb import Stop, climb
from emix.climbing.leaping import climb_pair, serves
from emix.model import FLOOR, Model
from emix.sources.array import ArraySource

MODEL = replace(Model.parse(2, 1), floor=FLOOR)
AS_GIVEN = Units.identity(1)


@st.composite
def climbs(draw: st.DrawFn):
    """Data near unit spread, weighted or not, and a start that may lie anywhere among it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(3, 80))
    x = np.concatenate([rng.normal(-1, 0.6, n), rng.normal(1, rng.uniform(0.2, 1), n)])
    if draw(st.booleans()):
        x = x.round(1)
    weight = rng.exponential(size=len(x)) if draw(st.booleans()) else None
    start = Mixture.univariate(rng.dirichlet([1, 1]), rng.choice(x, 2), rng.uniform(0.02, 2, 2))
    return ArraySource.of(x, weight), start


@settings(max_examples=150, deadline=None)
@given(climbs())
def test_the_objective_never_falls_and_the_end_is_stationary(given_climb):
    source, start = given_climb
    run = climb_pair(source, start, MODEL, Stop(1e-9, 300))
    assert len(run.trace) == run.iterations + 1 and run.trace[-1] == run.objective
    assert (np.diff(run.trace) >= -1e-11 * (np.abs(run.trace[:-1]) + len(source.points))).all()
    assert run.mixture.weights.sum() == pytest.approx(1, abs=1e-12)
    assert (run.mixture.sds >= MODEL.floor).all()
    if run.outcome is Outcome.CONVERGED:
        # EM has nothing to add.
        more = climb(source, run.mixture, MODEL, AS_GIVEN, Stop(0.0, 3))
        assert more.objective == pytest.approx(run.objective, rel=1e-9, abs=1e-6)


def test_the_same_summit_as_em_in_far_fewer_steps():
    rng = np.random.default_rng(5)
    x = np.concatenate([rng.normal(-0.8, 0.7, 150), rng.normal(0.9, 0.6, 100)])
    source, stop = ArraySource.of(x), Stop(1e-10, 20_000)
    start = Mixture.univariate([0.5, 0.5], [-1.0, 1.0], [0.5, 0.5])
    quick = climb_pair(source, start, MODEL, stop)
    slow = climb(source, start, MODEL, AS_GIVEN, stop)
    assert quick.outcome is slow.outcome is Outcome.CONVERGED
    assert 10 * quick.iterations < slow.iterations
    assert quick.objective == pytest.approx(slow.objective, rel=1e-12)
    np.testing.assert_allclose(quick.mixture.means, slow.mixture.means, atol=1e-6)
    np.testing.assert_allclose(quick.mixture.sds, slow.mixture.sds, atol=1e-6)
    assert quick.gradient <= 1e-10


@pytest.mark.parametrize("seed", [2, 7, 8, 9])
def test_a_saddle_is_left_soon(seed):
    # With a quarter of the curvature of known labels added, as once was the least, these took from
    # 213 to 839 steps.
    x = np.random.default_rng(seed).normal(size=200)
    start = Mixture.univariate([0.5, 0.5], [-0.1, 0.1], [1.0, 1.02])
    run = climb_pair(ArraySource.of(x), start, MODEL, Stop(1e-9, 1500))
    assert run.outcome is Outcome.CONVERGED
    assert run.iterations < 60


def test_it_ends_when_it_is_told_to():
    x = np.linspace(-2, 2, 50) ** 3
    start = Mixture.univariate([0.5, 0.5], [-1.0, 1.0], [0.5, 0.5])
    source = ArraySource.of(x)
    none = climb_pair(source, start, MODEL, Stop(0.0, 0))
    assert (none.iterations, none.outcome, none.mixture) == (0, Outcome.NOT_CONVERGED, start)
    told = []

    def watch(step, slope):
        told.append(step.iteration)
        return step.iteration == 2

    run = climb_pair(source, start, MODEL, Stop(0.0, 99), watch)
    assert told == [0, 1, 2] and run.iterations == 2 and run.outcome is Outcome.NOT_CONVERGED


@pytest.mark.parametrize(("arguments", "served"), [
    ({"k": 2}, True), ({"k": 1}, False), ({"k": 3}, False), ({"k": 2, "covariance": "E"}, False),
    ({"k": 2, "weights": "equal"}, False), ({"k": 2, "means": [0.0, np.nan]}, False),
    ({"k": 2, "sds": [1.0, np.nan]}, False), ({"k": 2, "prior": NormalPrior(0, 1)}, False),
    ({"k": 2, "prior": DirichletPrior(2.0)}, False),
])
def test_it_serves_what_is_free(arguments, served):
    assert serves(Model.parse(n_features=1, **arguments)) is served
    assert not serves(Model.parse(2, 2))
