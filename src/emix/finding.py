"""Finding the optima of one fit: the search on a sample or on all rows, then the climbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Labels, is_whole
from emix.candidates import Candidate, distinct
from emix.climbing import (
    Climb,
    Outcome,
    Progress,
    Stop,
    climb_many,
    climbs_natively,
    watcher,
)
from emix.errors import DataError, ParameterError
from emix.initialise import Draws, SortedColumn, Table, crowd, named, named_of_rows
from emix.judging import least_worth_on, rests_on_floor, worths_on
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.plan import CROWD_ROWS, PATIENCE, Plan, is_crowd
from emix.search import follow, search
from emix.soundness import degenerate_components
from emix.terrain import TableTerrain, terrain_of
from emix.truncating import climb_near

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.soundness import Degenerate
    from emix.sources.array import ArraySource
    from emix.terrain import Terrain

# Rows above which starts are judged on a sample: enough to tell summits apart.
SEARCH_ROWS = 1 << 14
# Candidates that are climbed to the end on all the data when it is more than that.
FINALISTS = 3
# On a sample a search need not be exact: its optima are only where the climbs begin.
SAMPLE_STOP = Stop(1e-6, 500)


class Finder:
    """One fit's data and settings, so that its stages need not hand them on one by one."""

    def __init__(
        self, source: ArraySource, name: str, model: Model, units: Units, weight: float,
        stop: Stop, seed: int, threads: int, progress: Callable[[Progress], None] | None,
        terrain: Terrain | None = None, neglect: float = 0.0,
    ) -> None:
        self.name, self.neglect = name, neglect
        self.source, self.model, self.units, self.weight = source, model, units, weight
        self.within = model.inward(units, FLOOR)
        self.stop, self.seed, self.threads, self.progress = stop, seed, threads, progress
        self.is_crowd = is_crowd(model.n_components, model.n_features)
        if terrain is None:
            rows = CROWD_ROWS * model.n_components if self.is_crowd else 0
            sample = source.sample(max(SEARCH_ROWS, rows), seed)
            terrain = terrain_of(sample, units, self.within.prior.imagined is not None)
        self.terrain, self.ground = terrain, terrain.ground

    def candidates(
        self, start: Mixture | Labels | str | None, n_starts: int | None,
        known: Sequence[Mixture] = (),
    ) -> list[Candidate]:
        """The optima found, in internal units, best first; a search also climbs from what is
        `known`, in internal units."""
        if isinstance(start, Mixture):
            return self._from(start, n_starts)
        self._refuse_few_values()
        if isinstance(start, np.ndarray):
            return self._from_labels(start, n_starts)
        if self.is_crowd:
            return self._from_crowds(start, n_starts)
        plan = self._plan(start, n_starts)
        k, terrain = self.model.n_components, self.terrain
        if self.source.n_rows > SEARCH_ROWS:
            found = search(terrain, k, self.within, plan, self.seed, SAMPLE_STOP, self.threads)
            best = found[:FINALISTS]
            return self._on_all_data([c.climb.mixture for c in best] + list(known),
                                     [c.starts for c in best] + [1] * len(known))
        # Short run and climb together take max_iter steps at most.
        if plan.short_run > self.stop.max_iter:
            plan = replace(plan, short_run=self.stop.max_iter)
        left = min(self.stop.max_iter - plan.short_run, PATIENCE)
        patient = Stop(self.stop.tol, left)
        found = search(terrain, k, self.within, plan, self.seed, patient, self.threads)
        if known:
            found = distinct(
                found + terrain.run(known, self.within, patient, self.threads), terrain.total
            )
        return follow(found, terrain, self.within, self.stop, self.threads)

    def _plan(self, start: str | None, n_starts: int | None) -> Plan:
        if n_starts is not None and not is_whole(n_starts, 1):
            raise ParameterError(f"n_starts={n_starts!r}; expected 1 or more")
        several = isinstance(self.terrain, TableTerrain)
        if start is not None:
            named_of_rows(start) if several else named(start)
        elif n_starts is None:
            return self._default_plan()
        return Plan.of_starts(n_starts or 10, start, several)

    def _default_plan(self) -> Plan:
        k, ground = self.model.n_components, self.ground
        n = len(ground.points)
        if isinstance(ground, SortedColumn):
            return Plan.default(k, n)
        d = ground.points.shape[1]
        natively = climbs_natively(TableTerrain(ground).source, k, self.within)
        return Plan.of_rows(k, n, d, natively)

    def _from_crowds(self, kind: str | None, n_starts: int | None) -> list[Candidate]:
        """One start, or as many as are asked for, each climbed on all the data."""
        if n_starts is not None and not is_whole(n_starts, 1):
            raise ParameterError(f"n_starts={n_starts!r}; expected 1 or more")
        k, table = self.model.n_components, self.ground
        assert isinstance(table, Table)
        make = None if kind is None else named_of_rows(kind)
        starts = []
        for stream in range(n_starts or 1):
            draws = Draws(self.seed, stream)
            start = crowd(table, k, draws, self.threads) if make is None else make(table, k, draws)
            starts.append(self.within.conforming(start))
        return self._on_all_data(starts, [1] * len(starts))

    def _from(self, start: Mixture, n_starts: int | None) -> list[Candidate]:
        """One climb on all the data, from the user's own start."""
        k, d = self.model.n_components, self.source.n_features
        if n_starts not in (None, 1):
            raise ParameterError("a start that is a Mixture, or labels, is one start; leave "
                                 "n_starts out")
        if (start.n_components, start.n_features) != (k, d):
            raise ParameterError(
                f"start has {start.n_components} components in {start.n_features} columns; "
                f"expected {k} in {d}"
            )
        return self._on_all_data([self.within.conforming(start.inward(self.units))], [1])

    def _from_labels(self, labels: Labels, n_starts: int | None) -> list[Candidate]:
        """One climb from the division of the rows that labels (n,) make."""
        k, n = self.model.n_components, self.source.n_rows
        whole = bool((np.isfinite(labels) & (labels == np.floor(labels))).all())
        if labels.shape != (n,) or not whole:
            raise ParameterError(f"start is an array of shape {labels.shape} and dtype "
                                 f"{labels.dtype}; expected a label 0 to {k - 1} for each of {n} "
                                 f"rows")
        groups, inverse = np.unique(labels, return_inverse=True)
        if len(groups) > k:
            raise ParameterError(f"start labels {len(groups)} groups, k is {k}")
        weight = self.source.sample_weight
        table = Table.of(self.source.block, self.units)
        counted = slice(None) if weight is None else weight > 0
        start = table.mixture_of(inverse[counted], k)
        return self._from(start.outward(self.units), n_starts)

    def _refuse_few_values(self) -> None:
        """Raise `DataError` for more components than values, unless their spreads are held."""
        k = self.model.n_components
        several = isinstance(self.ground, Table)
        enough = not several and len(self.ground.points) >= k
        if enough or k == 1 or not self.model.held.learned_covariances.any():
            return
        values = self._distinct_values(k)
        if values < k:
            what = "row" if several else "value"
            raise DataError(
                f"{self.name} has {values} distinct {what}{'s' * (values > 1)} in "
                f"{self.source.n_rows} rows, which cannot tell {k} components apart: at most "
                f"k={values} can be learned; hold the standard deviations (sds=...) to fit more"
            )

    def _distinct_values(self, k: int) -> int:
        """How many different rows there are; k where it is seen that there are so many."""
        points, weight = self.source.points, self.source.sample_weight
        # Mostly the first few rows are different already.
        few = points[: 4 * k] if weight is None else points[weight > 0][: 4 * k]
        if len(np.unique(few, axis=0)) >= k:
            return k
        return len(np.unique(points if weight is None else points[weight > 0], axis=0))

    def _on_all_data(self, starts: list[Mixture], counts: list[int]) -> list[Candidate]:
        climbs = climb_many(
            self.source, starts, self.within, self.units, self.stop, self.threads, self.progress
        ) if not (self.is_crowd or self.neglect) else self._near(starts)
        return distinct(
            [
                Candidate(c, self._least_worth(c.mixture), count)
                for c, count in zip(climbs, counts, strict=False)
            ],
            self.terrain.total,
        )

    def _near(self, starts: Sequence[Mixture]) -> list[Climb]:
        climbs = []
        for run, start in enumerate(starts):
            watch = None if self.progress is None else watcher(self.progress, run, len(starts))
            climbs.append(climb_near(self.source, start, self.within, self.units, self.stop,
                                     self.neglect, self.seed + run, self.threads, watch))
            if climbs[-1].outcome is Outcome.INTERRUPTED:
                break
        return climbs

    def _least_worth(self, mixture: Mixture) -> float:
        return least_worth_on(
            self.source, self.units, mixture, self.within, self.ground, self.threads
        )

    def degenerate(self, mixture: Mixture, model: Model) -> tuple[Degenerate, ...]:
        """The degenerate components of an optimum in internal units."""
        worth = worths_on(self.source, self.units, mixture, model, self.ground, self.threads)
        expected = mixture.weights * self.weight
        narrow = rests_on_floor(mixture, model, self.ground)
        return degenerate_components(narrow, worth, expected, mixture.n_features)
