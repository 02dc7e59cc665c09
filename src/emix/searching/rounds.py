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

from emix.climbing.accelerate import MEMORY, Accelerator
from emix.climbing.climb import (
    Climb,
    Outcome,
    Progress,
    Stop,
    climb,
    climb_many,
    climbs_natively,
    continued,
    runs_natively,
)
from emix.searching.checkpoint import Ascent
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.searching.checkpoint import Journal
    from emix.sources.protocol import Source

# Steps of a native climb between two looks at the world, some seconds at most; the first rounds are
# shorter, so that there is soon something that Ctrl-C can leave.
FIRST_ROUND, ROUND, PATIENT = 16, 512, 512


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
                self._keep([end for end in ends if end is not None])
            begun = [end for end in ends if end is not None]
            for run, end in enumerate(begun):
                if self._goes_on(end):
                    begun[run] = ends[run] = self._climb(run, end, begun[:run], begun[run + 1:])
                    if _was_cut(ends[run]):
                        return self._left_off(ends), True
        except KeyboardInterrupt:
            if all(end is None for end in ends):
                raise
            return self._left_off(ends), True
        return [end for end in ends if end is not None], False

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
        steps = min(max(FIRST_ROUND, taken), ROUND, min(self.stop.max_iter, PATIENT) - taken)
        more = climb_many(self.source, starts, self.model, self.units,
                          Stop(self.stop.tol, steps), self.threads)
        for run, old, new in zip(waiting, begun, more, strict=True):
            ends[run] = new if old is None else continued(old, new)

    def step_by_step(self) -> tuple[list[Climb], bool]:
        """One climb after another, in Python's loop."""
        ends = list(self.ascent.climbs)
        begun = ends.pop() if ends and self._goes_on(ends[-1]) else None
        for run in range(len(ends), len(self.ascent.starts)):
            try:
                ends.append(self._climb(run, begun, ends))
            except KeyboardInterrupt:
                # It came before the first step was scored.
                ends += [] if begun is None else [replace(begun, outcome=Outcome.INTERRUPTED)]
                if not ends:
                    raise
                return ends, True
            begun = None
            if _was_cut(ends[-1]):
                return ends, True
            self._keep(ends)
        return ends, False

    def _climb(
        self, run: int, begun: Climb | None, ends: list[Climb], later: Sequence[Climb] = ()
    ) -> Climb:
        """One in Python's loop. It can be taken up from its mixture alone where the accelerator
        forgets: as it was there it is kept, so that going on ends with the same bits."""
        start = self.ascent.starts[run] if begun is None else begun.mixture
        taken = 0 if begun is None else begun.iterations
        trace: list[float] = []
        resumable = begun

        def watch(step: Step, slope: float) -> None:
            nonlocal resumable
            trace.append(step.objective)
            now = Climb(step.mixture, step.loglik, step.objective, slope, step.iteration,
                        Outcome.NOT_CONVERGED, np.zeros(0))
            self._tell(run, now, taken)
            if step.iteration % MEMORY == 0:
                now = replace(now, trace=np.array(trace))
                resumable = now if begun is None else continued(begun, now)
                if self.journal.is_due:
                    self._keep([*ends, resumable, *later])

        left = Stop(self.stop.tol, self.stop.max_iter - taken)
        end = climb(self.source, start, self.model, self.units, left, self.threads, watch,
                    Accelerator(self.model, self.near))
        if _was_cut(end) and resumable is not None:
            self._keep([*ends, resumable, *later], now=True)
        return end if begun is None else continued(begun, end)

    def _goes_on(self, end: Climb | None, most: int | None = None) -> bool:
        most = self.stop.max_iter if most is None else min(most, self.stop.max_iter)
        return end is None or (end.outcome in (Outcome.NOT_CONVERGED, Outcome.INTERRUPTED)
                               and end.iterations < most)

    def _tell(self, run: int, end: Climb | None, taken: int = 0) -> None:
        if self.progress is not None and end is not None:
            self.progress(Progress(run + 1, len(self.ascent.starts), taken + end.iterations,
                                   end.objective, end.gradient))

    def _keep(self, ends: list[Climb], now: bool = False) -> None:
        self.journal.keep_ascent(replace(self.ascent, climbs=tuple(ends)), now)


def _was_cut(end: Climb | None) -> bool:
    return end is not None and end.outcome is Outcome.INTERRUPTED
