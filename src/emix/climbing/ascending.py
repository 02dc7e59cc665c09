"""One climb on its way, or several abreast: what it is shown, how it ends, and what comes of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.factoring import OWN_SHARE
from emix.em import Expect, Step, Walk
from emix.maximise import steepest
from emix.sources.several import reduce_each

if TYPE_CHECKING:
    from emix.arrays import Floats, Units
    from emix.climbing.accelerate import Accelerator
    from emix.em import EStep
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source
    from emix.sources.reading import Reading

# A fall of the objective larger than this share of it (and of the rows) is not rounding.
FALL = 1e-12
LOST = 1e-15
# What the variance of a thin column may cost at most, per row: a larger fall is one.
MOST_LOST = 1e-10
# How near to the least that a column may have to itself its variance is mostly rounding.
NEARLY = 4.0
# A gradient of so many roundings is none, where sums have fewer digits than doubles.
ROUNDINGS = 16.0


class Outcome(enum.Enum):
    """How a climb ended; `prose` is what a report says of it."""

    CONVERGED = "converged"
    NOT_CONVERGED = "not converged"
    FELL = "objective fell"
    NOT_FINITE = "not finite"
    COLLAPSED = "collapsed"
    INTERRUPTED = "interrupted"

    @property
    def prose(self) -> str:
        return _PROSE[self]


_PROSE = {
    Outcome.CONVERGED: "converged: the gradient of the objective is small",
    Outcome.NOT_CONVERGED: "not converged: max_iter was reached, or rounding, before the gradient "
    "was small; raise max_iter or tol",
    Outcome.FELL: "stopped: the objective fell by more than rounding, which EM cannot do; the "
    "parameters are those before the fall. Please report the data",
    Outcome.NOT_FINITE: "stopped: the statistics are no longer finite; the data may be too far "
    "from the start for double precision",
    Outcome.COLLAPSED: "stopped: a component has collapsed onto points that lie in a plane, a line "
    "or one place; the likelihood grows without bound there and has no maximum",
    Outcome.INTERRUPTED: "interrupted: these are the best parameters so far",
}


@dataclass(frozen=True, slots=True, eq=False)
class Climb:
    """One run of EM, in the units it was made in.

    loglik and objective are those of `mixture`; gradient is its largest absolute component per
    unit of row weight; `trace` holds the objective at each step, the start's first. Where the
    E-step left components out, `neglected` is by how many nats per unit of row weight the last one
    was short; `relocated` counts components that collapsed and were put elsewhere.
    """

    mixture: Mixture
    loglik: float
    objective: float
    gradient: float
    iterations: int
    outcome: Outcome
    trace: Floats
    neglected: float = 0.0
    relocated: int = 0


def continued(first: Climb, second: Climb) -> Climb:
    """Two climbs as one, the second begun where the first ended."""
    trace = np.concatenate([first.trace, second.trace[1:]])
    iterations = first.iterations + second.iterations
    return replace(second, iterations=iterations, trace=trace)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a progress callback is told: the run, the step, and where it stands; and, of rows that
    are not in memory, how far the pass has come that is being made meanwhile."""

    run: int
    n_runs: int
    iteration: int
    objective: float
    gradient: float
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """When a climb ends: at a gradient of `tol`, or after `max_iter` steps."""

    tol: float
    max_iter: int


class Ascending:
    """One climb on its way: it is shown steps, and says when they are enough."""

    def __init__(
        self, model: Model, stop: Stop,
        watch: Callable[[Step, float], bool | None] | None = None, e_step: EStep | None = None,
    ) -> None:
        self._model, self._stop, self._watch, self._e_step = model, stop, watch, e_step
        self._trace: list[float] = []
        self._last: tuple[Step, float] | None = None
        self._outcome = Outcome.NOT_CONVERGED

    @property
    def has_begun(self) -> bool:
        """Whether there is something to stop at."""
        return self._last is not None

    def interrupt(self) -> None:
        """Ctrl-C came."""
        self._outcome = Outcome.INTERRUPTED

    def goes_on(self, step: Step) -> bool:
        """Whether another step is to follow this one."""
        model, stop = self._model, self._stop
        slope = steepest(step.statistics, step.mixture, model)
        if not (np.isfinite(step.objective) and np.isfinite(slope)):
            self._last = self._last or (step, slope)
            return self._ends(step, Outcome.NOT_FINITE)
        short = 0.0 if self._e_step is None else self._e_step.short
        if self._last is not None and _fell(self._last[0], step, short):
            # Of a component without width all sums are rounding.
            return self._ends(step, Outcome.FELL)
        self._last = (step, slope)
        self._trace.append(step.objective)
        enough = self._watch is not None and self._watch(step, slope)
        if slope <= max(stop.tol, ROUNDINGS * step.statistics.rounding):
            self._outcome = Outcome.CONVERGED
            return False
        if _collapsed(step.mixture, model):
            self._outcome = Outcome.COLLAPSED
            return False
        return not enough and step.iteration < stop.max_iter

    def _ends(self, step: Step, outcome: Outcome) -> bool:
        thin = _collapsed(step.mixture, self._model) or _nearly_collapsed(step.mixture, self._model)
        self._outcome = Outcome.COLLAPSED if thin else outcome
        return False

    def climb(self) -> Climb:
        """The climb as far as it has come."""
        assert self._last is not None
        step, slope = self._last
        return Climb(step.mixture, step.loglik, step.objective, slope, step.iteration,
                     self._outcome, np.array(self._trace))


class Abreast:
    """Climbs from several starts side by side: a pass over the data takes each a step further, and
    each takes the steps that it would take alone, to the bit. Models, units, stops, watches and
    accelerators are one for each start."""

    def __init__(
        self, source: Source, starts: Sequence[Mixture], models: Sequence[Model],
        units: Sequence[Units], stops: Sequence[Stop], threads: int = 1,
        watches: Sequence[Callable[[Step, float], bool | None] | None] | None = None,
        accelerators: Sequence[Accelerator | None] | None = None,
    ) -> None:
        self._source, self._models, self._units, self._threads = source, models, units, threads
        none = (None,) * len(starts)
        self._walks = [Walk(*each) for each in
                       zip(starts, models, accelerators or none, strict=True)]
        self._climbs = [Ascending(*each) for each in
                        zip(models, stops, watches or none, strict=True)]
        self._on_the_way = list(range(len(starts)))

    def has_ended(self, run: int) -> bool:
        return run not in self._on_the_way

    def climb(self, run: int) -> Climb:
        """One of them as far as it has come."""
        return self._climbs[run].climb()

    def run(self, passed: Callable[[], None] | None = None) -> list[Climb]:
        """All of them to their ends; `passed` is called after each pass. Ctrl-C leaves those on
        their way "interrupted", once they have begun."""
        try:
            while self._on_the_way:
                self._pass()
                if passed is not None:
                    passed()
        except KeyboardInterrupt:
            if not all(each.has_begun for each in self._climbs):
                raise
            for run in self._on_the_way:
                self._climbs[run].interrupt()
        return [each.climb() for each in self._climbs]

    def _pass(self) -> None:
        walks = [self._walks[run] for run in self._on_the_way]
        maps = [Expect(walk.asks(), self._models[run].structure.scatter_form, self._units[run],
                       self._threads) for walk, run in zip(walks, self._on_the_way, strict=True)]
        found = reduce_each(self._source, maps, [each.zero for each in maps])
        steps = [walk.told(each) for walk, each in zip(walks, found, strict=True)]
        was_cut = False
        for run, step in zip(tuple(self._on_the_way), steps, strict=True):
            try:
                if not self._climbs[run].goes_on(step):
                    self._on_the_way.remove(run)
            except KeyboardInterrupt:
                # What has been scored is shown to all of them first.
                was_cut = True
        if was_cut:
            raise KeyboardInterrupt


def _fell(before: Step, after: Step, short: float = 0.0) -> bool:
    total, fall = before.statistics.total, before.objective - after.objective
    share = max(FALL, ROUNDINGS * after.statistics.rounding)
    slack = share * (abs(before.objective) + total) + short
    if fall <= slack:
        return False
    # Whitening loses digits as the inverse of what a column has to itself; the variance that a
    # scatter leaves it, as the square, but near its best, where errors count by their squares.
    own = float(_own(after.mixture).min())
    return fall > slack + total * (LOST / own + min((2 * LOST / own**2) ** 2, MOST_LOST))


def _own(mixture: Mixture) -> Floats:
    """The share of its standard deviation that each column has to itself, (k, d)."""
    factors = mixture.covariance.factors
    shares: Floats = np.diagonal(factors, axis1=1, axis2=2) / np.sqrt((factors**2).sum(axis=2))
    return shares


def _collapsed(mixture: Mixture, model: Model) -> bool:
    """Whether a component of several columns has no width left in some direction: it would only
    grow thinner. (One column has a floor that EM can rest on.)"""
    if mixture.n_features == 1 or model.prior.imagined is not None:
        return False
    lost = ~np.isfinite(mixture.covariance.log_determinants)
    resting = mixture.covariance.at_floor(model.floor) | lost
    return bool((model.held.learned_covariances & resting).any())


def _nearly_collapsed(mixture: Mixture, model: Model) -> bool:
    """Whether a component is so near to that that its scatter has hardly a digit left: a step of it
    may go any way."""
    if mixture.n_features == 1 or model.prior.imagined is not None:
        return False
    thin = _own(mixture).min(axis=1) <= NEARLY * OWN_SHARE
    return bool((model.held.learned_covariances & thin).any())
