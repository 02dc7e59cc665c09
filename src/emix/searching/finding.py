"""Finding the optima of one fit: the search on a sample or on all rows, then the climbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Labels, Units
from emix.climbing.climb import (
    Outcome,
    Progress,
    Stop,
    climbs_natively,
)
from emix.compression.thinning import thinned
from emix.initialise import Draws, SortedColumn, Table, crowd, named_of_rows
from emix.mixture import Mixture
from emix.model import FLOOR, Model
from emix.searching.asked import (
    plan_of,
    refuse_few_values,
    refuse_number,
    refuse_unlike,
    start_of_labels,
)
from emix.searching.candidates import Candidate, Interrupted, cut_off, distinct
from emix.searching.checkpoint import Journal
from emix.searching.plan import CROWD_ROWS, PATIENCE, SEARCH_ROWS, Plan, is_crowd
from emix.searching.rounds import climb_all
from emix.searching.search import follow, search
from emix.searching.terrain import ColumnTerrain, TableTerrain, terrain_of
from emix.searching.whole import Whole

if TYPE_CHECKING:
    from emix.searching.terrain import Terrain
    from emix.sources.protocol import Source

# Candidates that are climbed to the end on all the data when it is more than that.
FINALISTS = 3
# On a sample a search need not be exact: its optima are only where the climbs begin.
SAMPLE_STOP = Stop(1e-6, 500)
# A held spread narrower than so many bins of a thinned sample would see the gaps between points.
NARROW = 4.0


class Finder:
    """Where the climbs of one fit begin; `whole` is what takes them to their ends."""

    def __init__(
        self, source: Source, name: str, model: Model, units: Units, weight: float,
        stop: Stop, seed: int, threads: int, progress: Callable[[Progress], None] | None,
        terrain: Terrain | None = None, journal: Journal | None = None, neglect: float = 0.0,
    ) -> None:
        self.name, self.source, self.model, self.units = name, source, model, units
        self.within = model.inward(units, FLOOR)
        self.stop, self.seed, self.threads, self.progress = stop, seed, threads, progress
        self.is_crowd = is_crowd(model.n_components, model.n_features)
        if terrain is None:
            rows = CROWD_ROWS * model.n_components if self.is_crowd else 0
            sample = source.sample(max(SEARCH_ROWS, rows), seed)
            terrain = terrain_of(sample, units, self.within.prior.imagined is not None)
        self.terrain, self.ground = terrain, terrain.ground
        self.journal = Journal(None, {}, "") if journal is None else journal
        self.whole = Whole(source, units, weight, self.within, stop, seed, threads, progress,
                           neglect, terrain, source.n_rows > SEARCH_ROWS, self.journal)

    def candidates(
        self, start: Mixture | Labels | str | None, n_starts: int | None,
        known: Sequence[Mixture] = (),
    ) -> list[Candidate]:
        """The optima found, in internal units, best first; a search also climbs from what is
        `known`, in internal units. Ctrl-C ends it with what has been found, if anything has, the
        first of them "interrupted"."""
        if isinstance(start, Mixture):
            return self._from(start, n_starts)
        refuse_few_values(self.source, self.model, self.ground, self.name)
        if isinstance(start, np.ndarray):
            k = self.model.n_components
            return self._from(start_of_labels(start, self.source, self.units, k), n_starts)
        plan = None if self.is_crowd else self._plan(start, n_starts)
        self.journal.open()
        if self.journal.is_complete:
            return self.whole.kept()
        if plan is None:
            return self._from_crowds(start, n_starts)
        if self.source.n_rows > SEARCH_ROWS:
            return self._on_sample_then_all(plan, known)
        try:
            found = self.journal.candidates or self._search(plan, known)
        except Interrupted as cut:
            return cut.found
        self.journal.keep_candidates(found)
        found = follow(found, self.terrain, self.within, self.stop, self.threads, self._told)
        return self.whole.done(found, found[0].climb.outcome is Outcome.INTERRUPTED)

    def _search(self, plan: Plan, known: Sequence[Mixture]) -> list[Candidate]:
        """The optima of all rows; the best of them may not have arrived."""
        terrain = self.terrain
        # Short run and climb together take max_iter steps at most.
        if plan.short_run > self.stop.max_iter:
            plan = replace(plan, short_run=self.stop.max_iter)
        left = min(self.stop.max_iter - plan.short_run, PATIENCE)
        patient, k = Stop(self.stop.tol, left), self.model.n_components
        found = search(terrain, k, self.within, plan, self.seed, patient, self.threads)
        if known:
            found = distinct(
                found + terrain.run(known, self.within, patient, self.threads), terrain.total
            )
        return found

    def _on_sample_then_all(self, plan: Plan, known: Sequence[Mixture]) -> list[Candidate]:
        """The best of a sample, climbed on all rows; those begun already, where some are."""
        ascent = self.journal.ascent
        if ascent is not None:
            return self.whole.climbed(ascent.starts, ascent.counts)
        try:
            found = self._found_on_sample(plan)
        except Interrupted as cut:
            return self._as_it_stands(cut.found[0])
        best = [c for c in found if c.is_sound][:FINALISTS] or found[:1]
        return self.whole.climbed([c.climb.mixture for c in best] + list(known),
                                 [c.starts for c in best] + [1] * len(known))

    def _as_it_stands(self, found: Candidate) -> list[Candidate]:
        """What a search on a sample had found when it was cut off, scored on all rows."""
        nowhere = Journal(None, {}, "")
        ends, _ = climb_all(
            self.source, [found.climb.mixture], [found.starts], self.within, self.units,
            Stop(self.stop.tol, 0), self.threads, None, nowhere, self.terrain.source,
        )
        return cut_off(self.whole.judged(ends, [found.starts]))

    def _told(self, found: list[Candidate]) -> None:
        """Of optima of which the best has come a round further."""
        best = found[0].climb
        if self.progress is not None:
            self.progress(Progress(1, 1, best.iterations, best.objective, best.gradient))
        self.journal.keep_candidates(found)

    def _found_on_sample(self, plan: Plan) -> list[Candidate]:
        """What a search of the sample finds; of a column on fewer points, where they serve."""
        k, within = self.model.n_components, self.within
        if isinstance(self.terrain, ColumnTerrain):
            fewer = thinned(self.terrain.column, k)
            if fewer is not None and not (within.held.sds < NARROW * fewer[1]).any():
                column, width = fewer
                found = search(ColumnTerrain(column), k, replace(within, floor=width), plan,
                               self.seed, SAMPLE_STOP, self.threads)
                # One that rests on this floor and is higher may have found what is narrower.
                highest = max(found, key=lambda candidate: candidate.climb.objective)
                if highest.is_sound:
                    return found
        return search(self.terrain, k, within, plan, self.seed, SAMPLE_STOP, self.threads)

    def _plan(self, start: str | None, n_starts: int | None) -> Plan:
        several = isinstance(self.terrain, TableTerrain)
        return plan_of(start, n_starts, several) or self._default_plan()

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
        refuse_number(n_starts)
        k, table = self.model.n_components, self.ground
        assert isinstance(table, Table)
        make = None if kind is None else named_of_rows(kind)
        starts = []
        for stream in range(n_starts or 1):
            draws = Draws(self.seed, stream)
            start = crowd(table, k, draws, self.threads) if make is None else make(table, k, draws)
            starts.append(self.within.conforming(start))
        return self.whole.climbed(starts, [1] * len(starts))

    def _from(self, start: Mixture, n_starts: int | None) -> list[Candidate]:
        """One climb on all the data, from the user's own start."""
        refuse_unlike(start, n_starts, self.model.n_components, self.source.n_features)
        self.journal.open()
        if self.journal.is_complete:
            return self.whole.kept()
        return self.whole.climbed([self.within.conforming(start.inward(self.units))], [1])
