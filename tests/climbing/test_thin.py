"""Climbs of components that have hardly a digit of width left, found in ten thousand cases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from emix import Mixture, Outcome
from emix.arrays import Units
from emix.climbing.climb import Stop, climb, climb_many
from emix.model import FLOOR, Model
from emix.sources.array import ArraySource

ENDS = (Outcome.CONVERGED, Outcome.NOT_CONVERGED, Outcome.COLLAPSED)


def problem(name: str, seed: int):
    """Rows on a few values, or in a few tight groups, of very uneven weight."""
    rng = np.random.default_rng(seed)
    n, d, k = int(rng.integers(5, 14)), int(rng.integers(2, 4)), int(rng.integers(2, 4))
    if seed % 2:
        x = rng.normal(rng.integers(0, 3, n)[:, None] * 10.0, 0.1, (n, d))
    else:
        x = rng.integers(0, 4, (n, d)).astype(float)
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    source = ArraySource.of(x, rng.exponential(size=n) ** 2 + 1e-3)
    model = replace(Model.parse(k, d, name), floor=FLOOR)
    spread = [np.eye(d) * s for s in rng.uniform(0.05, 1, k)]
    start = Mixture(rng.dirichlet(np.full(k, 2.0)), rng.choice(x, k), spread)
    return source, model, model.conforming(start)


@pytest.mark.parametrize(("name", "seed"), [("VEE", 8347), ("EEV", 14447), ("VEV", 505858)])
def test_rounding_is_no_fall_and_squares_that_underflow_no_axes(name, seed):
    """VEE: a step with nothing left of a scatter is a collapse. EEV: what rounding takes of the
    shortest axis is no fall. VEV: a direction of 1e-160 is none, and not 0 / 0."""
    source, model, start = problem(name, seed)
    stop, units = Stop(1e-8, 300), Units.identity(source.n_features)
    for end in (climb(source, start, model, units, stop),
                climb_many(source, [start], model, units, stop)[0]):
        assert end.outcome in ENDS, end.outcome
        assert np.isfinite(end.objective) and np.isfinite(end.trace).all()
