"""Climbs on many data sets of one size, each from the same start: what a bootstrap is made of.

In the native kernel they run side by side, one call for all; a climb on a few hundred rows takes
less time than coming to it from Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Units
from emix.climbing.batches import Batch, Ends
from emix.climbing.climb import (
    NATIVE_OUTCOMES,
    Outcome,
    Stop,
    climb_many,
    climbs_natively,
    native_terms,
    runs_natively,
)
from emix.covariance import STRUCTURES
from emix.kernels import NATIVE
from emix.model.conjugate import Imagined
from emix.sources.array import ArraySource

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.mixture import Mixture
    from emix.model import Model


def climb_each(
    points: Floats, weight: Floats | None, start: Mixture, model: Model, stop: Stop,
    threads: int = 1,
) -> Ends:
    """EM on each of s data sets of n rows from `start`, all in internal units.

    points (s, n, d) and row weights (s, n); of either there may be one, the same for all. Raises
    KeyboardInterrupt where a climb was stopped by it.
    """
    one = ArraySource(points[0], None if weight is None else weight[0])
    if one.n_features == 1 and runs_natively(one, start, model):
        return _columns(points, weight, start, model, stop, threads)
    if climbs_natively(one, model.n_components, model):
        return _tables(points, weight, start, model, stop, threads)
    size = max(len(points), 1 if weight is None else len(weight))
    units, ends = Units.identity(one.n_features), []
    for row in range(size):
        source = ArraySource(
            points[row % len(points)], None if weight is None else weight[row % len(weight)]
        )
        climb = climb_many(source, [start], model, units, stop, threads)[0]
        if climb.outcome is Outcome.INTERRUPTED:
            raise KeyboardInterrupt
        ends.append(Ends.of_climb(climb))
    return joined(ends)


def _columns(
    points: Floats, weight: Floats | None, start: Mixture, model: Model, stop: Stop, threads: int
) -> Ends:
    weights, means, sds, *rest = _native.climb_each(
        points, weight, start.weights, np.ascontiguousarray(start.means[:, 0]), start.sds,
        *native_terms(model), stop.max_iter, stop.tol, threads,
    )
    return _ends(Batch(weights, means[:, :, None], sds[:, :, None, None]), *rest)


def _tables(
    points: Floats, weight: Floats | None, start: Mixture, model: Model, stop: Stop, threads: int
) -> Ends:
    d, prior = points.shape[2], model.prior
    imagined = prior.imagined or Imagined(np.zeros(d), 0.0, 0.0, np.zeros((d, d)))
    # In one column volume is all there is.
    name = {"E": "EII", "V": "VII"}.get(model.structure.name, model.structure.name)
    weights, means, factors, *rest = _native.climb_each_table(
        points, weight, list(STRUCTURES).index(name), start.weights, start.means,
        np.ascontiguousarray(start.covariance.factors), model.held.weights, prior.concentration,
        imagined.mean, imagined.count, imagined.weight, imagined.scatter, model.floor,
        stop.max_iter, stop.tol, threads,
    )
    return _ends(Batch(weights, means, factors), *rest)


def _ends(
    batch: Batch, objective: Floats, loglik: Floats, gradient: Floats, iterations: Floats,
    outcome: Floats,
) -> Ends:
    return Ends(batch, objective, loglik, gradient, np.asarray(iterations, np.intp),
                tuple(NATIVE_OUTCOMES[int(each)] for each in outcome))


def joined(ends: list[Ends]) -> Ends:
    """All of them, one after the other."""
    if len(ends) == 1:
        return ends[0]
    return Ends(
        Batch.joined([e.batch for e in ends]), np.concatenate([e.objective for e in ends]),
        np.concatenate([e.loglik for e in ends]), np.concatenate([e.gradient for e in ends]),
        np.concatenate([e.iterations for e in ends]), sum((e.outcome for e in ends), ()),
    )
