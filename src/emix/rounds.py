"""Climbs on all the data, which may take long: told of, kept in a checkpoint, ended by Ctrl-C.

Where climbs run natively they do so in rounds of a number of steps that nothing but the request
decides; between two of them there is time for all that. Python's own loop has it at each step,
and forgets what its acceleration has learned every `MEMORY` steps: there a climb goes on from its
mixture alone, and only there it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.accelerate import MEMORY, Accelerator
from emix.checkpoint import Ascent
from emix.climbing import (
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
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.checkpoint import Journal
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source

# Steps of a native climb between two looks at the world, some seconds at most; the first rounds are
# shorter, so that there is soon something that Ctrl-C can leave.
FIRST_ROUND, ROUND = 16, 512


def climb_all(
    source: Source, starts: Sequence[Mixture], counts: Sequence[int], model: Model, units: Units,
    stop: Stop, threads: int, progress: Callable[[Progress], None] | None, journal: Journal,
    near: Source | None = None,
) -> tuple[list[Climb], bool]:
    """A climb from each of several starts, in their order, as far as the journal has not done them
    already; and whether Ctrl-C ended them, which leaves those so far.

    Natively they are plain EM. Those in Python's loop are accelerated where there are data `near`
    to take curvature from, in the units of the climb.
    """
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
        progress: Callable[[Progress], None] | None, journal: Journal, ascent: Ascent,
        near: Source | None,
    ) -> None:
        self.near = near
        self.source, self.model, self.units, self.stop = source, model, units, stop
        self.threads, self.progress, self.journal, self.ascent = threads, progress, journal, ascent

    def natively(self) -> tuple[list[Climb], bool]:
        """All climbs side by side, a round at a time."""
        was_cut = False
        ends: list[Climb | None] = [*self.ascent.climbs]
        ends += [None] * (len(self.ascent.starts) - len(ends))
        try:
            while waiting := [run for run, end in enumerate(ends) if self._goes_on(end)]:
                self._round(ends, waiting)
                for run in waiting:
                    self._tell(run, ends[run])
                self._keep([end for end in ends if end is not None])
        except KeyboardInterrupt:
            if all(end is None for end in ends):
                raise
            was_cut = True
            ends = [_cut(end) if self._goes_on(end) else end for end in ends]
            self._keep([end for end in ends if end is not None], now=True)
        return [end for end in ends if end is not None], was_cut

    def _round(self, ends: list[Climb | None], waiting: list[int]) -> None:
        begun = [ends[run] for run in waiting]
        starts = [self.ascent.starts[run] if end is None else end.mixture
                  for run, end in zip(waiting, begun, strict=True)]
        # They all set out together, and so have taken the same number of steps.
        taken = max(0 if end is None else end.iterations for end in begun)
        steps = min(max(FIRST_ROUND, taken), ROUND, self.stop.max_iter - taken)
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
                end, kept = self._climb(run, begun, ends)
            except KeyboardInterrupt:
                # It came before the first step was scored.
                ends += [] if begun is None else [replace(begun, outcome=Outcome.INTERRUPTED)]
                if not ends:
                    raise
                return ends, True
            begun = None
            was_cut = end.outcome is Outcome.INTERRUPTED
            self._keep([*ends, kept if was_cut else end], now=was_cut)
            ends.append(end)
            if was_cut:
                return ends, True
        return ends, False

    def _climb(self, run: int, begun: Climb | None, ends: list[Climb]) -> tuple[Climb, Climb]:
        """Where one climb ends, and the last step of it that it can go on from."""
        start = self.ascent.starts[run] if begun is None else begun.mixture
        taken = 0 if begun is None else begun.iterations
        trace: list[float] = []
        kept = begun

        def watch(step: Step, slope: float) -> None:
            nonlocal kept
            trace.append(step.objective)
            here = Climb(step.mixture, step.loglik, step.objective, slope, step.iteration,
                         Outcome.NOT_CONVERGED, np.zeros(0))
            is_whole = step.iteration % MEMORY == 0
            if is_whole:
                traced = replace(here, trace=np.array(trace))
                kept = traced if begun is None else continued(begun, traced)
            self._tell(run, here, taken)
            if is_whole and kept is not None and self.journal.is_due:
                self._keep([*ends, kept])

        left = Stop(self.stop.tol, self.stop.max_iter - taken)
        accelerator = None if self.near is None else Accelerator(self.model, self.near)
        end = climb(self.source, start, self.model, self.units, left, self.threads, watch,
                    accelerator)
        assert kept is not None
        return (end if begun is None else continued(begun, end)), kept

    def _goes_on(self, end: Climb | None) -> bool:
        return end is None or (end.outcome in (Outcome.NOT_CONVERGED, Outcome.INTERRUPTED)
                               and end.iterations < self.stop.max_iter)

    def _tell(self, run: int, end: Climb | None, taken: int = 0) -> None:
        if self.progress is not None and end is not None:
            self.progress(Progress(run + 1, len(self.ascent.starts), taken + end.iterations,
                                   end.objective, end.gradient))

    def _keep(self, ends: list[Climb], now: bool = False) -> None:
        self.journal.keep_ascent(replace(self.ascent, climbs=tuple(ends)), now)


def _cut(end: Climb | None) -> Climb | None:
    return None if end is None else replace(end, outcome=Outcome.INTERRUPTED)
