"""Climbs on all the data of a fit, from wherever a search or its user has them begin; judged, and
kept in the journal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emix.arrays import Units
from emix.climbing.accelerate import Accelerator
from emix.climbing.climb import Abreast, Climb, Outcome, Progress, Stop, watcher
from emix.compression import Compression
from emix.mixture import Mixture
from emix.model import Model
from emix.searching.candidates import Candidate, cut_off, distinct
from emix.searching.checkpoint import Journal
from emix.searching.condensing import Condensed, condensed, joined, leads_on
from emix.searching.judging import least_worths_on, rests_on_floor, worths_on
from emix.searching.plan import is_crowd
from emix.searching.rounds import climb_all
from emix.searching.terrain import TableTerrain
from emix.searching.truncating import climb_near
from emix.soundness.degenerate import degenerate_components
from emix.sources.array import ArraySource
from emix.sources.device import DeviceSource

if TYPE_CHECKING:
    from emix.em import Step
    from emix.searching.terrain import Terrain
    from emix.soundness.degenerate import Degenerate
    from emix.sources.protocol import Source

# Steps over all rows, after the points', between two looks at whether they lead anywhere.
LAST_STEPS = 64


@dataclass(eq=False)
class Whole:
    """One fit's data and settings.

    source, units  the data, and the units that climbs take place in
    weight         Σ w
    within         the model in those units
    neglect        the share of a row's density that E-steps may leave out
    terrain        the data, or a sample of them, that is searched: `is_sampled` says which
    compression    what a long column was condensed to, once it has been climbed
    """

    source: Source
    units: Units
    weight: float
    within: Model
    stop: Stop
    seed: int
    threads: int
    progress: Callable[[Progress], None] | None
    neglect: float
    terrain: Terrain
    is_sampled: bool
    journal: Journal
    compression: Compression | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        # Where there are points that stand for the data, components are judged on those, and the
        # last steps take their curvature from them.
        self._judged_on, self._near = (self.source, self.units), self.terrain.source
        self.is_crowd = is_crowd(self.within.n_components, self.within.n_features)
        # A sorted column is not in the order in which its rows are summed.
        self.has_all_rows = isinstance(self.terrain, TableTerrain) and not self.is_crowd and \
            not self.is_sampled

    def climbed(self, starts: Sequence[Mixture], counts: Sequence[int]) -> list[Candidate]:
        """The optima that climbs from these starts, in internal units, lead to; `counts` says for
        how many runs of a search each of them stands."""
        if (self.is_crowd or self.neglect) and isinstance(self.source, ArraySource):
            climbs = self._climbed_near(self.source, starts)
            was_cut = climbs[-1].outcome is Outcome.INTERRUPTED
        else:
            short = self._condensed(starts)
            if isinstance(short, Condensed):
                return self._after(short, counts)
            self.compression = short
            rows, units = self.source, self.units
            if self.has_all_rows and isinstance(rows, ArraySource):
                # In internal units already: not brought there again for each round of steps.
                rows, units = self.terrain.source, Units.identity(rows.n_features)
            climbs, was_cut = climb_all(
                rows, starts, counts, self.within, units, self.stop, self.threads, self.progress,
                self.journal, self._near,
            )
        found = distinct(self.judged(climbs, counts), self.terrain.total)
        return self.done(cut_off(found) if was_cut else found, was_cut)

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
        source, model = self.source, self.within
        if source.n_features > 1 or not self.is_sampled:
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
        begun = distinct(self.judged(short.climbs, counts), self.terrain.total)
        ends = self._ended(begun)
        was_cut = any(end.climb.outcome is Outcome.INTERRUPTED for end in ends)
        found = distinct(ends, self.terrain.total)
        self.compression = short.compression(found[0].climb, self.within)
        return self.done(cut_off(found) if was_cut else found, was_cut)

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

    def judged(self, climbs: Sequence[Climb], starts: Sequence[int]) -> list[Candidate]:
        """Climbs, as many as have begun, and how many starts stand for each."""
        if self.has_all_rows:
            judged = self.terrain.judged(climbs, self.within, self.threads)
            return [Candidate(each.climb, each.worth, n)
                    for each, n in zip(judged, starts, strict=False)]
        source, units = self._judged_on
        worths = least_worths_on(source, units, [climb.mixture for climb in climbs], self.within,
                                 self.terrain.ground, self.threads)
        return [Candidate(*each) for each in zip(climbs, worths, starts, strict=False)]

    def degenerate(self, mixture: Mixture, model: Model) -> tuple[Degenerate, ...]:
        """The degenerate components of an optimum in internal units."""
        source, units = self._judged_on
        worth = worths_on(source, units, mixture, model, self.terrain.ground, self.threads)
        expected = mixture.weights * self.weight
        narrow = rests_on_floor(mixture, model, self.terrain.ground)
        return degenerate_components(narrow, worth, expected, mixture.n_features)

    def kept(self) -> list[Candidate]:
        """The optima of a finished fit."""
        assert self.journal.candidates is not None
        self.compression = self.journal.compression
        return self.journal.candidates

    def done(self, found: list[Candidate], was_cut: bool) -> list[Candidate]:
        """Optima in the journal, which need not know that they were cut off: it goes on."""
        if not was_cut:
            self.journal.keep_complete(found, self.compression)
        return found
