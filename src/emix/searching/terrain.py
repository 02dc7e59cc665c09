"""What is searched: data that can be started on, stirred, climbed and judged.

One column and many differ in how a start is made, how a component is put back at random, and how
worth is measured; the search is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from emix.arrays import Block, Floats, Units
from emix.climbing import leaping
from emix.climbing.accelerate import Accelerator
from emix.climbing.climb import (
    Climb,
    Outcome,
    Stop,
    climb,
    climb_many,
    climb_table,
    climbs_natively,
    is_hopeless,
)
from emix.covariance import Dense, Isotropic
from emix.initialise import SortedColumn, Table, named, named_of_rows
from emix.mixture import Mixture
from emix.searching.candidates import Candidate
from emix.soundness.degenerate import least_worth
from emix.soundness.worth import least_worths
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.em import Step
    from emix.initialise import Draws
    from emix.model import Model

# Shares of the data's standard deviation for a component put back by a swap.
NARROWEST, WIDEST = 0.03, 0.7
# In more columns: a component thinner than this in every direction would seldom live.
NARROWEST_OF_ROWS = 0.1
# How near to where it left, or to where the first start ended, a run has come home: means in
# standard deviations, spreads and weights as shares of themselves. EM then ends there again.
NEAR = 0.1


class Terrain(Protocol):
    """Data in internal units, and what a search does on it."""

    @property
    def ground(self) -> SortedColumn | Table:
        """The data."""
        ...

    @property
    def source(self) -> ArraySource:
        """The data, as climbs read it."""
        ...

    @property
    def total(self) -> float:
        """Σ w"""
        ...

    def started(self, kind: str, k: int, draws: Draws) -> Mixture:
        """A start of that kind."""
        ...

    def stirred(self, mixture: Mixture, draws: Draws) -> Mixture:
        """The mixture with one component, at random, put somewhere at random, of a random width
        and a fair weight."""
        ...

    def conformed(self, mixture: Mixture, model: Model) -> Mixture:
        """The mixture made to fit the model, as `run` asks of a start."""
        ...

    def run(
        self, starts: Sequence[Mixture], model: Model, stop: Stop, threads: int
    ) -> list[Candidate]:
        """Climbs from starts that conform to the model, judged."""
        ...

    def climb_on(self, start: Mixture, model: Model, stop: Stop, threads: int) -> Candidate:
        """One climb from where another stopped, accelerated, judged."""
        ...

    def judged(self, climbs: Sequence[Climb], model: Model, threads: int) -> list[Candidate]:
        """Climbs with what they are worth."""
        ...

    def run_from_home(
        self, starts: Sequence[Mixture], homes: Sequence[Mixture], model: Model, short: Stop,
        threads: int, heights: Sequence[float] | None = None,
    ) -> list[Candidate | None]:
        """Where short runs lead; None for one that is seen to come to its home. In several columns
        one that is not likely to come to its height ends early."""
        ...


def _fair(weights: Floats, component: int) -> Floats:
    weights = weights.copy()
    weights[component] = 1 / len(weights)
    fair: Floats = weights / weights.sum()
    return fair


@dataclass(frozen=True, slots=True)
class ColumnTerrain:
    """One column."""

    column: SortedColumn

    @property
    def ground(self) -> SortedColumn:
        return self.column

    @property
    def total(self) -> float:
        return float(self.column.weight.sum())

    @property
    def source(self) -> ArraySource:
        return ArraySource(self.column.points[:, None], self.column.weight)

    def started(self, kind: str, k: int, draws: Draws) -> Mixture:
        return named(kind)(self.column, k, draws)

    def stirred(self, mixture: Mixture, draws: Draws) -> Mixture:
        j = draws.below(mixture.n_components)
        means, sds = mixture.means.copy(), mixture.sds.copy()
        means[j] = self.column.drawn(draws.uniform())
        sds[j] = self.column.sd * NARROWEST * (WIDEST / NARROWEST) ** draws.uniform()
        return Mixture.trusted(_fair(mixture.weights, j), means, Isotropic(sds))

    def conformed(self, mixture: Mixture, model: Model) -> Mixture:
        return model.conforming(mixture)

    def run(
        self, starts: Sequence[Mixture], model: Model, stop: Stop, threads: int
    ) -> list[Candidate]:
        if leaping.serves(model):
            climbs = [leaping.climb_pair(self.source, start, model, stop) for start in starts]
        else:
            climbs = climb_many(self.source, starts, model, Units.identity(1), stop, threads)
        return self.judged(_all_of(climbs), model, threads)

    def climb_on(self, start: Mixture, model: Model, stop: Stop, threads: int) -> Candidate:
        end = _accelerated(self.source, start, model, stop, threads)
        return self.judged([end], model, threads)[0]

    def run_from_home(
        self, starts: Sequence[Mixture], homes: Sequence[Mixture], model: Model, short: Stop,
        threads: int, heights: Sequence[float] | None = None,
    ) -> list[Candidate | None]:
        # All of these steps together cost less than a few in several columns.
        runs = (_watched(self.source, *pair, model, short, threads)
                for pair in zip(starts, homes, strict=True))
        return [None if run is None else self.judged([run], model, threads)[0] for run in runs]

    def judged(self, climbs: Sequence[Climb], model: Model, threads: int) -> list[Candidate]:
        return [Candidate(run, least_worth(self.column, run.mixture, model)) for run in climbs]


@dataclass(frozen=True)
class TableTerrain:
    """Several columns."""

    table: Table

    @property
    def ground(self) -> Table:
        return self.table

    @property
    def total(self) -> float:
        return self.table.total

    @cached_property
    def source(self) -> ArraySource:
        weight = self.table.weight if self.table.is_weighted else None
        return ArraySource(self.table.points, weight)

    def started(self, kind: str, k: int, draws: Draws) -> Mixture:
        return named_of_rows(kind)(self.table, k, draws)

    def stirred(self, mixture: Mixture, draws: Draws) -> Mixture:
        """A component is put at a random row, in the shape of the data and of a random width."""
        j, row = draws.below(mixture.n_components), self.table.drawn(draws)
        means, factors = mixture.means.copy(), mixture.covariance.factors.copy()
        means[j] = self.table.points[row]
        width = NARROWEST_OF_ROWS * (WIDEST / NARROWEST_OF_ROWS) ** draws.uniform()
        factors[j] = width * self.table.factor
        return Mixture.trusted(_fair(mixture.weights, j), means, Dense(factors))

    def conformed(self, mixture: Mixture, model: Model) -> Mixture:
        if climbs_natively(self.source, model.n_components, model):
            # The kernel makes covariances conform, in a fraction of the time.
            return model.held.imposed_on(mixture)
        return model.conforming(mixture)

    def run(
        self, starts: Sequence[Mixture], model: Model, stop: Stop, threads: int
    ) -> list[Candidate]:
        climbs = _all_of(climb_many(
            self.source, starts, model, Units.identity(starts[0].n_features), stop, threads
        ))
        return self.judged(climbs, model, threads)

    def climb_on(self, start: Mixture, model: Model, stop: Stop, threads: int) -> Candidate:
        end = _accelerated(self.source, start, model, stop, threads)
        return self.judged([end], model, threads)[0]

    def run_from_home(
        self, starts: Sequence[Mixture], homes: Sequence[Mixture], model: Model, short: Stop,
        threads: int, heights: Sequence[float] | None = None,
    ) -> list[Candidate | None]:
        runs: list[Climb | None]
        if climbs_natively(self.source, model.n_components, model):
            runs = climb_table(self.source, starts, model, short, threads, homes, heights)
        else:
            known = [-np.inf] * len(starts) if heights is None else heights
            runs = [_watched(self.source, start, home, model, short, threads, height)
                    for start, home, height in zip(starts, homes, known, strict=True)]
        judged = iter(self.judged([r for r in runs if r is not None], model, threads))
        return [None if run is None else next(judged) for run in runs]

    def judged(self, climbs: Sequence[Climb], model: Model, threads: int) -> list[Candidate]:
        worth = least_worths(self.table, [c.mixture for c in climbs], model, threads)
        return [Candidate(c, w) for c, w in zip(climbs, worth.tolist(), strict=True)]


def terrain_of(rows: Block, units: Units, imagines: bool) -> Terrain:
    """The terrain that rows are; with a prior on covariances (`imagines`) no component is
    degenerate, and a column is a table."""
    if rows.n_features == 1 and not imagines:
        return ColumnTerrain(SortedColumn.of(rows, units))
    return TableTerrain(Table.of(rows, units))


def _watched(
    source: ArraySource, start: Mixture, home: Mixture, model: Model, short: Stop, threads: int,
    height: float = -np.inf,
) -> Climb | None:
    """A short run; None where it comes home."""
    came_home, before = False, -np.inf

    def watch(step: Step, slope: float) -> bool:
        nonlocal came_home, before
        goes_on = slope > short.tol and step.iteration < short.max_iter
        came_home = goes_on and is_near(step.mixture, home)
        hopeless = is_hopeless(before, step.objective, height, step.iteration, short.max_iter)
        before = step.objective
        return came_home or hopeless

    if leaping.serves(model):
        run = leaping.climb_pair(source, start, model, short, watch)
    else:
        run = climb(source, start, model, Units.identity(start.n_features), short, threads, watch)
    return None if came_home else _all_of([run])[0]


def _accelerated(
    source: ArraySource, start: Mixture, model: Model, stop: Stop, threads: int
) -> Climb:
    units = Units.identity(start.n_features)
    accelerator = Accelerator(model, source, (source, units))
    run = climb(source, start, model, units, stop, threads, None, accelerator)
    return _all_of([run])[0]


def _all_of(climbs: list[Climb]) -> list[Climb]:
    """The climbs, which Ctrl-C has not cut short: a search must not go on with the others."""
    if climbs[-1].outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return climbs


def is_near(mixture: Mixture, home: Mixture) -> bool:
    """Whether each component, in order of means in the first column, is as good as there."""
    here, there = (
        m.reordered(np.argsort(m.means[:, 0], kind="stable")) for m in (mixture, home)
    )
    if (abs(here.weights - there.weights) > NEAR * there.weights).any():
        return False
    if mixture.n_features == 1:
        close = abs(here.means[:, 0] - there.means[:, 0]) <= NEAR * there.sds
        return bool(close.all() and (abs(here.sds - there.sds) <= NEAR * there.sds).all())
    d, steps = mixture.n_features, here.means - there.means
    apart = here.covariance.log_determinants - there.covariance.log_determinants
    if (abs(np.expm1(apart / (2 * d))) > NEAR).any():
        return False
    # Of a matrix with determinant 1 the mean of the eigenvalues is 1 only where all of them are:
    # so shape and orientation are as they were there.
    factors = here.covariance.factors
    return all(
        float((there.covariance.whiten(steps[j][None], j) ** 2).sum()) <= NEAR**2
        and abs(float((there.covariance.whiten(factors[j].T, j) ** 2).sum()) / d - 1) <= 2 * NEAR
        for j in range(mixture.n_components)
    )
