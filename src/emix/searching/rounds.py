"""Climbs on all the data, which may take long: told of, kept in a checkpoint, ended by Ctrl-C.

Where climbs run natively they do so in rounds of a number of steps that nothing but the request
decides; between two of them there is time for all that. Native climbs are plain EM: one that has
not arrived after `PATIENT` steps goes on in Python's loop, where it is accelerated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units
from emix.climbing.accelerate import MEMORY, Accelerator
from emix.climbing.climb import (
    Abreast,
    Climb,
    Outcome,
    Progress,
    Stop,
    climb_many,
    climbs_natively,
    continued,
    runs_natively,
)
from emix.errors import ClusterError
from emix.searching.checkpoint import Ascent
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.searching.checkpoint import Journal
    from emix.sources.protocol import Source

# Steps of a native climb between two looks at the world, some seconds at most; the first rounds are
# shorter, so that there is soon something that Ctrl-C can leave, unless a whole round takes no time
# to notice: rows times components times columns up to so many, some ten milliseconds.
FIRST_ROUND, ROUND, PATIENT = 16, 512, 512
AT_ONCE = 1 << 13


def climb_all(
    source: Source, starts: Sequence[Mixture], counts: Sequence[int], model: Model, units: Units,
    stop: Stop, threads: int, progress: Callable[[Progress], None] | None, journal: Journal,
    near: Source,
) -> tuple[list[Climb], bool]:
    """A climb from each of several starts, in their order, as far as the journal has not done them
    already; and whether Ctrl-C ended them, which leaves those so far. Curvature is taken from data
    `near`, in the units of the climbs."""
    begun = journal.ascent.climbs if journal.ascent is not None else ()
    ascent = Ascent(tuple(starts), tuple(counts), begun)
    journal.keep_ascent(ascent)
    climber = _Climber(source, model, units, stop, threads, progress, journal, ascent, near)
    k = model.n_components
    if isinstance(source, ArraySource) and (runs_natively(source, starts[0], model)
                                            or climbs_natively(source, k, model)):
        return climber.natively()
    return climber.step_by_step()


class _Climber:
    """One call's arguments, and how far its climbs have come."""

    def __init__(
        self, source: Source, model: Model, units: Units, stop: Stop, threads: int,
        progress: Callable[[Progress], None] | None, journal: Journal, ascent: Ascent, near: Source,
    ) -> None:
        self.near = near
        self.source, self.model, self.units, self.stop = source, model, units, stop
        self.threads, self.progress, self.journal, self.ascent = threads, progress, journal, ascent

    def natively(self) -> tuple[list[Climb], bool]:
        """All climbs side by side, a round at a time."""
        ends: list[Climb | None] = [*self.ascent.climbs]
        ends += [None] * (len(self.ascent.starts) - len(ends))
        try:
            while waiting := [run for run, end in enumerate(ends) if self._goes_on(end, PATIENT)]:
                self._round(ends, waiting)
                for run in waiting:
                    self._tell(run, ends[run])
                self._keep(ends)
        except KeyboardInterrupt:
            if all(end is None for end in ends):
                raise
            return self._left_off(ends), True
        return self._abreast(ends)

    def _left_off(self, ends: list[Climb | None]) -> list[Climb]:
        """Those begun, with what has not arrived "interrupted"."""
        begun = [end for end in ends if end is not None]
        return [replace(end, outcome=Outcome.INTERRUPTED) if self._goes_on(end) else end
                for end in begun]

    def _round(self, ends: list[Climb | None], waiting: list[int]) -> None:
        begun = [ends[run] for run in waiting]
        starts = [self.ascent.starts[run] if end is None else end.mixture
                  for run, end in zip(waiting, begun, strict=True)]
        # They all set out together, and so have taken the same number of steps.
        taken = max(0 if end is None else end.iterations for end in begun)
        steps = min(max(self._first_round(), taken), ROUND,
                    min(self.stop.max_iter, PATIENT) - taken)
        more = climb_many(self.source, starts, self.model, self.units,
                          Stop(self.stop.tol, steps), self.threads)
        for run, old, new in zip(waiting, begun, more, strict=True):
            ends[run] = new if old is None else continued(old, new)

    def _first_round(self) -> int:
        work = self.source.n_rows * self.source.n_features * self.model.n_components
        return ROUND if work <= AT_ONCE else FIRST_ROUND

    def step_by_step(self) -> tuple[list[Climb], bool]:
        """All climbs in Python's loop."""
        ends: list[Climb | None] = [*self.ascent.climbs]
        return self._abreast(ends + [None] * (len(self.ascent.starts) - len(ends)))

    def _abreast(self, ends: list[Climb | None]) -> tuple[list[Climb], bool]:
        """Those that go on, in Python's loop, accelerated. They can be taken up from their mixtures
        alone where accelerators forget: as they were there they are kept, so that going on ends
        with the same bits."""
        runs = [run for run, end in enumerate(ends) if self._goes_on(end)]
        kept = list(ends)
        trails = [_Trail(run, ends[run], kept, self._tell) for run in runs]
        taken = [0 if end is None else end.iterations for end in (ends[run] for run in runs)]
        starts = [self.ascent.starts[trail.run] if trail.begun is None else trail.begun.mixture
                  for trail in trails]
        abreast = Abreast(
            self.source, starts, [self.model] * len(runs), [self.units] * len(runs),
            [Stop(self.stop.tol, self.stop.max_iter - steps) for steps in taken], self.threads,
            trails, [Accelerator(self.model, self.near, self._all_of_it(), steps)
                     for steps in taken],
        )

        def passed() -> None:
            for place, trail in enumerate(trails):
                if abreast.has_ended(place):
                    kept[trail.run] = trail.joined(abreast.climb(place))
            if self.journal.is_due and any(trail.is_resumable for trail in trails):
                self._keep(kept)

        try:
            climbs = abreast.run(passed)
        except KeyboardInterrupt:
            # It came before the first steps were scored.
            if all(end is None for end in ends):
                raise
            return self._left_off(ends), True
        except ClusterError:
            self._keep(kept, now=True)
            raise
        for trail, climb in zip(trails, climbs, strict=True):
            ends[trail.run] = trail.joined(climb)
        was_cut = any(map(_was_cut, ends))
        self._keep(kept if was_cut else ends, now=was_cut)
        return [end for end in ends if end is not None], was_cut

    def _all_of_it(self) -> tuple[Source, Units]:
        """The data, which are near where there is no more of them."""
        if self.source.n_rows > self.near.n_rows:
            return self.source, self.units
        return self.near, Units.identity(self.near.n_features)

    def _goes_on(self, end: Climb | None, most: int | None = None) -> bool:
        most = self.stop.max_iter if most is None else min(most, self.stop.max_iter)
        return end is None or (end.outcome in (Outcome.NOT_CONVERGED, Outcome.INTERRUPTED)
                               and end.iterations < most)

    def _tell(self, run: int, end: Climb | None, taken: int = 0) -> None:
        if self.progress is not None and end is not None:
            self.progress(Progress(run + 1, len(self.ascent.starts), taken + end.iterations,
                                   end.objective, end.gradient))

    def _keep(self, ends: Sequence[Climb | None], now: bool = False) -> None:
        """As far as all have come: those that begin together have come to the first of their steps
        that is kept together."""
        begun = tuple(end for end in ends if end is not None)
        if len(begun) in (0, len(ends)):
            self.journal.keep_ascent(replace(self.ascent, climbs=begun), now)


class _Trail:
    """What is told, and kept, of one climb in Python's loop, which may go on from where one
    begun before ended."""

    def __init__(
        self, run: int, begun: Climb | None, kept: list[Climb | None],
        tell: Callable[[int, Climb, int], None],
    ) -> None:
        self.run, self.begun, self._kept, self._tell = run, begun, kept, tell
        self._trace: list[float] = []
        self.is_resumable = False

    def joined(self, climb: Climb) -> Climb:
        """This climb as one with what came before it."""
        return climb if self.begun is None else continued(self.begun, climb)

    def __call__(self, step: Step, slope: float) -> None:
        self._trace.append(step.objective)
        now = Climb(step.mixture, step.loglik, step.objective, slope, step.iteration,
                    Outcome.NOT_CONVERGED, np.zeros(0))
        self._tell(self.run, now, 0 if self.begun is None else self.begun.iterations)
        self.is_resumable = step.iteration % MEMORY == 0
        if self.is_resumable:
            self._kept[self.run] = self.joined(replace(now, trace=np.array(self._trace)))


def _was_cut(end: Climb | None) -> bool:
    return end is not None and end.outcome is Outcome.INTERRUPTED
