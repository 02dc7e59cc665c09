"""Down the floors: at each the best of several climbs, the first begun where the floor before it
ended.

Where every component has its own spread the likelihood has no maximum, and what a fit reports is a
local one above some floor. Hathaway (1985, doi:10.1214/aos/1176349557) keeps spreads within a ratio
of each other, and for each ratio there is a maximum; which ratio is right nobody knows. So all
floors are tried, and what does not change with them is what the data says.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units, is_whole
from emix.climbing.climb import Stop, climb_many, runs_natively
from emix.covariance import Isotropic
from emix.covariance.factoring import RESTS
from emix.covariance.family import in_form
from emix.degeneracy.ellipsoids import by_axes, shortest_axes
from emix.degeneracy.path import FloorPath, FloorRow, slack_of
from emix.degeneracy.resting import End, resting_climb
from emix.degeneracy.spikes import Spikes
from emix.errors import ParameterError
from emix.ground import ground_of
from emix.initialise import SortedColumn, Table
from emix.kernels import available_threads
from emix.mixture import Mixture
from emix.moments import moments_of
from emix.searching.judging import worths_on
from emix.soundness.coinciding import counted
from emix.soundness.degenerate import degenerate_components, doubtful_components
from emix.soundness.worth import is_judged

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.model import Model
    from emix.result import Fit
    from emix.sources.array import ArraySource

# Halvings of the data's standard deviation. Below the last, in several columns, axes drown in the
# rounding of the longest.
FLOORS = tuple(2.0**-e for e in range(1, 17))
LOWEST = 2.0**-20
STOP, SEVERAL_STOP = Stop(1e-8, 5000), Stop(1e-8, 500)
# Other optima of the fit that are climbed from at each floor.
MOST_OPTIMA = 4


def floor_path(
    x: object, fit: Fit, floors: object = None, sample_weight: object = None,
    threads: int | None = None,
) -> FloorPath:
    """See `Fit.floor_path`."""
    chosen = _checked(floors)
    if threads is not None and not is_whole(threads, 1):
        raise ParameterError(f"threads={threads!r}; expected a number of processors, 1 or more")
    if not fit.model.held.learned_covariances.any():
        raise ParameterError("all standard deviations are held, so no floor is under any of them")
    source = ground_of(x, fit, sample_weight).source
    moments = moments_of(source, 1)
    units = _units(moments.mean, moments.sd, fit)
    follower = _Follower(source, fit, units, threads or available_threads())
    rows, before = [], follower.fitted
    for floor in chosen:
        row, before = follower.row(floor, before)
        rows.append(row)
    return FloorPath(fit.columns, tuple(rows), fit.loglik, fit.objective, follower.smallest,
                     not is_judged(fit.model))


def _checked(floors: object) -> tuple[float, ...]:
    """Floors, the highest first. Raises `ParameterError` for what is none."""
    if floors is None:
        return FLOORS
    try:
        given = np.atleast_1d(np.asarray(floors, np.float64))
    except (TypeError, ValueError):
        given = np.empty(0)
    inside = given.ndim == 1 and given.size > 0 and bool(((given >= LOWEST) & (given <= 1)).all())
    if not inside:
        raise ParameterError(
            f"floors={floors!r}; expected shares of the data's standard deviation, from 1 down to "
            f"{LOWEST:.2g}, such as [0.5, 0.1, 0.01]"
        )
    return tuple(sorted(set(given.tolist()), reverse=True))


def _units(mean: Floats, sd: Floats, fit: Fit) -> Units:
    """Units in which the data has the standard deviation 1: each column for itself, or all of them
    in their root mean square where the structure does not survive anything else."""
    d = len(sd)
    largest = float(sd.max())
    if d > 1 and not fit.model.structure.is_scale_free:
        sd = np.full(d, largest * math.sqrt(float(np.mean((sd / largest) ** 2))))
    # A constant column is as wide as it is: not at all.
    return Units(np.asarray(mean, np.float64), 1 / np.where(sd > 0, sd, 1.0))


class _Follower:
    """The climbs at one floor after another, of one fit."""

    def __init__(self, source: ArraySource, fit: Fit, units: Units, threads: int) -> None:
        self.source, self.fit, self.units, self.threads = source, fit, units, threads
        self.is_column = fit.mixture.n_features == 1
        self.model = replace(fit.model, structure=by_axes(fit.model.structure))
        self.fitted = fit.mixture.inward(units)
        self.others = [o.mixture.inward(units) for o in fit.optima[1:1 + MOST_OPTIMA]]
        self.ground: SortedColumn | Table = SortedColumn.of(source.block, units) \
            if self.is_column else Table.of(source.block, units)
        points = self.ground.points.reshape(len(self.ground.points), -1)
        self.spikes = None if not is_judged(fit.model) else \
            Spikes(points, self.ground.weight, self.fitted)

    @property
    def smallest(self) -> float:
        """The least standard deviation that the fit learned, as a share of the data's."""
        learned = self.model.held.learned_covariances
        return float(shortest_axes(self.fitted.covariance)[learned].min())

    def row(self, floor: float, before: Mixture) -> tuple[FloorRow, Mixture]:
        """The best at this floor, and its mixture in the units of the climbs."""
        within = self.model.inward(self.units, floor)
        starts = [before, self.fitted, *self.others]
        if self.spikes is not None:
            starts += self.spikes.starts(floor)
        ends: list[End] = []
        for start in starts:
            end = self._climbed(self._made_to_fit(start, within), within, ends)
            ends += [] if end is None else [end]
        best = max(ends, key=lambda end: end.objective)
        return self._row(floor, within, best), best.mixture

    def _made_to_fit(self, start: Mixture, within: Model) -> Mixture:
        """The start as the model allows it: conforming, and above the floor."""
        start = within.conforming(start)
        learned, floor = within.held.learned_covariances, within.floor
        if (shortest_axes(start.covariance) >= floor)[learned].all():
            return start
        if self.is_column:
            sds = np.where(learned, np.maximum(start.sds, floor), start.sds)
            return Mixture.trusted(start.weights, start.means, Isotropic(sds))
        # What components have in common stays common: an M-step on the covariances themselves.
        weights, form = start.weights, within.structure.scatter_form
        scatter = in_form(start.covariance.dense() * weights[:, None, None], form)
        covariance = within.structure.maximise(start.covariance, scatter, weights, learned, floor)
        return Mixture.trusted(weights, start.means, covariance)

    def _climbed(self, start: Mixture, within: Model, known: list[End]) -> End | None:
        """One column rests on its floor by itself; in several a climb would end there."""
        if self.is_column and runs_natively(self.source, start, within):
            climb = climb_many(self.source, [start], within, self.units, STOP, self.threads)[0]
            return End(climb.mixture, climb.loglik, climb.objective, climb.outcome)
        return resting_climb(
            self.source, start, within, self.units, SEVERAL_STOP, self.threads, known)

    def _row(self, floor: float, within: Model, end: End) -> FloorRow:
        mixture = end.mixture
        order = mixture.canonical_order()
        outward = self.fit.model.held.imposed_on(mixture.outward(self.units)).reordered(order)
        ordered, within = mixture.reordered(order), within.reordered(order)
        learned = within.held.learned_covariances
        shortest = shortest_axes(ordered.covariance)
        resting = learned & (shortest <= floor * RESTS)
        worth = worths_on(self.source, self.units, ordered, within, self.ground, self.threads)
        expected = ordered.weights * self.fit.n
        # What rests on a floor that is wide may be sound all the same.
        degenerate = degenerate_components(
            np.zeros(len(worth), np.bool_), worth, expected, self.fit.mixture.n_features)
        # In several columns what just pays for its place is sound, and all else degenerate.
        doubtful = doubtful_components(worth, expected) if self.is_column else ()
        loglik = end.loglik + self.fit.n * self.units.log_jacobian
        objective = loglik + self.fit.model.reordered(order).log_prior(outward)
        near = abs(objective - self.fit.objective) <= slack_of(self.fit.objective)
        return FloorRow(
            floor, loglik, objective, float(shortest[learned].min(initial=np.inf)),
            tuple(np.flatnonzero(resting).tolist()), degenerate, doubtful,
            counted(outward, self.fit.n).effective, end.outcome, outward, near,
        )
