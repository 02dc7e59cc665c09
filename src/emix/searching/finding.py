"""Finding the optima of one fit: the search on a sample or on all rows, then the climbs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Labels, Units
from emix.climbing.accelerate import Accelerator
from emix.climbing.climb import (
    Abreast,
    Climb,
    Outcome,
    Progress,
    Stop,
    climbs_natively,
    watcher,
)
from emix.compression import Compression
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
from emix.searching.condensing import Condensed, condensed, joined, leads_on
from emix.searching.judging import least_worths_on, rests_on_floor, worths_on
from emix.searching.plan import CROWD_ROWS, PATIENCE, SEARCH_ROWS, Plan, is_crowd
from emix.searching.rounds import climb_all
from emix.searching.search import follow, search
from emix.searching.terrain import ColumnTerrain, TableTerrain, terrain_of
from emix.searching.truncating import climb_near
from emix.soundness.degenerate import degenerate_components
from emix.sources.array import ArraySource
from emix.sources.device import DeviceSource

if TYPE_CHECKING:
    from emix.em import Step
    from emix.searching.terrain import Terrain
    from emix.soundness.degenerate import Degenerate
    from emix.sources.protocol import Source

# Candidates that are climbed to the end on all the data when it is more than that.
FINALISTS = 3
# On a sample a search need not be exact: its optima are only where the climbs begin.
SAMPLE_STOP = Stop(1e-6, 500)
# Steps over all rows, after the points', between two looks at whether they lead anywhere.
LAST_STEPS = 64
# A held spread narrower than so many bins of a thinned sample would see the gaps between points.
NARROW = 4.0


class Finder:
    """One fit's data and settings, so that its stages need not hand them on one by one."""

    def __init__(
        self, source: Source, name: str, model: Model, units: Units, weight: float,
        stop: Stop, seed: int, threads: int, progress: Callable[[Progress], None] | None,
        terrain: Terrain | None = None, journal: Journal | None = None, neglect: float = 0.0,
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
        self.journal = Journal(None, {}, "") if journal is None else journal
        # Where there are points that stand for the data, components are judged on those, and the
        # last steps take their curvature from them.
        self._judged_on, self._near = (source, units), terrain.source
        self.compression: Compression | None = None
        # A sorted column is not in the order in which its rows are summed.
        self._has_all_rows = isinstance(terrain, TableTerrain) and not self.is_crowd and \
            source.n_rows <= SEARCH_ROWS

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
            return self._kept()
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
        return self._done(found, found[0].climb.outcome is Outcome.INTERRUPTED)

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
            return self._on_all_data(ascent.starts, ascent.counts)
        try:
            found = self._found_on_sample(plan)
        except Interrupted as cut:
            return self._as_it_stands(cut.found[0])
        best = [c for c in found if c.is_sound][:FINALISTS] or found[:1]
        return self._on_all_data([c.climb.mixture for c in best] + list(known),
                                 [c.starts for c in best] + [1] * len(known))

    def _as_it_stands(self, found: Candidate) -> list[Candidate]:
        """What a search on a sample had found when it was cut off, scored on all rows."""
        nowhere = Journal(None, {}, "")
        ends, _ = climb_all(
            self.source, [found.climb.mixture], [found.starts], self.within, self.units,
            Stop(self.stop.tol, 0), self.threads, None, nowhere, self.terrain.source,
        )
        return cut_off(self._judged(ends, [found.starts]))

    def _told(self, found: list[Candidate]) -> None:
        """Of optima of which the best has come a round further."""
        best = found[0].climb
        if self.progress is not None:
            self.progress(Progress(1, 1, best.iterations, best.objective, best.gradient))
        self.journal.keep_candidates(found)

    def _kept(self) -> list[Candidate]:
        """The optima of a finished fit."""
        assert self.journal.candidates is not None
        self.compression = self.journal.compression
        return self.journal.candidates

    def _done(self, found: list[Candidate], was_cut: bool) -> list[Candidate]:
        """Optima in the journal, which need not know that they were cut off: it goes on."""
        if not was_cut:
            self.journal.keep_complete(found, self.compression)
        return found

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
        return self._on_all_data(starts, [1] * len(starts))

    def _from(self, start: Mixture, n_starts: int | None) -> list[Candidate]:
        """One climb on all the data, from the user's own start."""
        refuse_unlike(start, n_starts, self.model.n_components, self.source.n_features)
        self.journal.open()
        if self.journal.is_complete:
            return self._kept()
        return self._on_all_data([self.within.conforming(start.inward(self.units))], [1])

    def _on_all_data(self, starts: Sequence[Mixture], counts: Sequence[int]) -> list[Candidate]:
        if (self.is_crowd or self.neglect) and isinstance(self.source, ArraySource):
            climbs = self._climbed_near(self.source, starts)
            was_cut = climbs[-1].outcome is Outcome.INTERRUPTED
        else:
            short = self._condensed(starts)
            if isinstance(short, Condensed):
                return self._after(short, counts)
            self.compression = short
            rows, units = self.source, self.units
            if self._has_all_rows and isinstance(rows, ArraySource):
                # In internal units already: not brought there again for each round of steps.
                rows, units = self.terrain.source, Units.identity(rows.n_features)
            climbs, was_cut = climb_all(
                rows, starts, counts, self.within, units, self.stop, self.threads, self.progress,
                self.journal, self._near,
            )
        found = distinct(self._judged(climbs, counts), self.terrain.total)
        return self._done(cut_off(found) if was_cut else found, was_cut)

    def _climbed_near(self, source: ArraySource, starts: Sequence[Mixture]) -> list[Climb]:
        """Climbs that look only at what is near each row."""
        climbs = []
        for run, start in enumerate(starts):
            watch = None if self.progress is None else watcher(self.progress, run, len(starts))
            climbs.append(climb_near(source, start, self.within, self.units, self.stop,
                                     self.neglect, self.seed + run, self.threads, watch))
            if climbs[-1].outcome is Outcome.INTERRUPTED:
                break
        return climbs

    def _condensed(self, starts: Sequence[Mixture]) -> Condensed | Compression | None:
        """Climbs of a long column on a few points; else why not, or None where there is nothing
        to make shorter."""
        source, model = self.source, self.model
        if source.n_features > 1 or source.n_rows <= SEARCH_ROWS:
            return None
        if isinstance(source, DeviceSource):
            # Bins are gathered on the host, which would read all of it.
            return None
        if model.n_components == 1 or model.n_parameters == 0:
            return None
        return condensed(source, starts, self.within, self.units, self.stop, self.threads)

    def _after(self, short: Condensed, counts: Sequence[int]) -> list[Candidate]:
        """Climbs on a few points, brought to their ends on all the data. They take so little time
        that a checkpoint keeps nothing of them on their way."""
        self._near = short.near.source
        self._judged_on = short.surrogate.source, Units.identity(1)
        begun = distinct(self._judged(short.climbs, counts), self.terrain.total)
        ends = self._ended(begun)
        was_cut = any(end.climb.outcome is Outcome.INTERRUPTED for end in ends)
        found = distinct(ends, self.terrain.total)
        self.compression = short.compression(found[0].climb, self.within)
        return self._done(cut_off(found) if was_cut else found, was_cut)

    def _ended(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Candidates from a few points, climbed to their ends on all the data."""
        climbs, most = [each.climb for each in candidates], self.stop.max_iter
        waiting = list(range(len(climbs)))
        while waiting:
            begun = [climbs[run] for run in waiting]
            left = [max(most - each.iterations, 0) for each in begun]
            ends = Abreast(
                self.source, [each.mixture for each in begun], [self.within] * len(begun),
                [self.units] * len(begun),
                [Stop(self.stop.tol, min(steps, LAST_STEPS)) for steps in left], self.threads,
                [self._last_steps(run, len(climbs), each) for run, each in
                 zip(waiting, begun, strict=True)],
                [Accelerator(self.within, self._near) for _ in begun],
            ).run()
            going = zip(tuple(waiting), begun, ends, left, strict=True)
            waiting = []
            for run, before, climb, steps in going:
                climbs[run] = joined(before, climb)
                goes_on = climb.outcome is Outcome.NOT_CONVERGED and steps > LAST_STEPS
                if goes_on and leads_on(before, climb):
                    waiting.append(run)
        return [Candidate(climb, each.worth, each.starts)
                for climb, each in zip(climbs, candidates, strict=True)]

    def _last_steps(
        self, run: int, n_runs: int, begun: Climb
    ) -> Callable[[Step, float], None] | None:
        """What tells of the steps of a climb that go on from where another ended."""
        tell = self.progress
        if tell is None:
            return None

        def watch(step: Step, slope: float) -> None:
            tell(Progress(run + 1, n_runs, begun.iterations + step.iteration, step.objective,
                          slope))

        return watch

    def _judged(self, climbs: Sequence[Climb], starts: Sequence[int]) -> list[Candidate]:
        """Climbs, as many as have begun, and how many starts stand for each."""
        if self._has_all_rows:
            judged = self.terrain.judged(climbs, self.within, self.threads)
            return [Candidate(each.climb, each.worth, n)
                    for each, n in zip(judged, starts, strict=False)]
        source, units = self._judged_on
        worths = least_worths_on(source, units, [climb.mixture for climb in climbs], self.within,
                                 self.ground, self.threads)
        return [Candidate(*each) for each in zip(climbs, worths, starts, strict=False)]

    def degenerate(self, mixture: Mixture, model: Model) -> tuple[Degenerate, ...]:
        """The degenerate components of an optimum in internal units."""
        source, units = self._judged_on
        worth = worths_on(source, units, mixture, model, self.ground, self.threads)
        expected = mixture.weights * self.weight
        narrow = rests_on_floor(mixture, model, self.ground)
        return degenerate_components(narrow, worth, expected, mixture.n_features)
