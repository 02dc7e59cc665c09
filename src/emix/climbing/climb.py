"""From starts to optima: EM run until the gradient is small, from one start or from many.

`climb` is a consumer of the loop in `emix.em`. One column in memory and small enough that coming
back to Python would cost more than the step itself goes to the native kernel, which runs the
same steps; `tests/laws/test_loop.py` holds the two to the same numbers.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Units
from emix.climbing.accelerate import Accelerator
from emix.covariance import Isotropic
from emix.covariance.recovering import from_factors
from emix.em import Expect, Step, Walk, iterate
from emix.kernels import NATIVE
from emix.maximise import gradient
from emix.mixture import Mixture
from emix.model.conjugate import Imagined
from emix.sources.array import ArraySource
from emix.sources.several import reduce_each

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.em import EStep
    from emix.model import Model
    from emix.sources.protocol import Source
    from emix.sources.reading import Reading

# Rows times components up to which a whole climb runs natively: at most some 20 µs a step, so
# that Python's own cost per step would dominate, and Ctrl-C waits for no more than a moment.
NATIVE_CLIMB = 1 << 16

# The same for several columns, in rows times components times what a column costs: some
# milliseconds a step. More rows than a search looks at climb where progress is told.
NATIVE_TABLE = 1 << 22
NATIVE_ROWS = 1 << 14
WIDEST_NATIVE = 32
SEVERAL = {"E": "EII", "V": "VII"}
NATIVE_STRUCTURES = frozenset(("EII", "VII", "EEI", "VEI", "EVI", "VVI", "EEE", "VEE", "EVE",
                               "VVE", "EEV", "VEV", "EVV", "VVV", "E", "V"))

# From this step on a run may be seen to be hopeless: at so many times the pace of its last step it
# would not come to where it has to.
STEPS_TO_SHOW, HOPEFUL_PACE = 15, 5.0

# A fall of the objective larger than this share of it (and of the rows) is not rounding.
FALL = 1e-12
LOST = 1e-15
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


def is_hopeless(before: float, now: float, height: float, step: int, most: int) -> bool:
    """Whether a climb whose objective was `before` and is `now`, at one of `most` steps, is not
    likely to reach a height: not at several times its pace, for EM's steps mostly shrink."""
    return step >= STEPS_TO_SHOW and now + HOPEFUL_PACE * (most - step) * (now - before) < height


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


def climb(
    source: Source,
    start: Mixture,
    model: Model,
    units: Units,
    stop: Stop,
    threads: int = 1,
    watch: Callable[[Step, float], bool | None] | None = None,
    accelerator: Accelerator | None = None,
    e_step: EStep | None = None,
) -> Climb:
    """EM from `start`, which is in internal units, until `stop` says so.

    `watch` is told of each step and its gradient, and ends the climb by saying True. Ctrl-C ends
    it with the outcome "interrupted" and the last mixture scored. Without an `accelerator` it is
    plain EM. With an E-step of its own the objective is what that finds, and may fall by what it
    leaves out.
    """
    ascending = Ascending(model, stop, watch, e_step)
    try:
        for step in iterate(source, start, model, units, threads, accelerator, e_step):
            if not ascending.goes_on(step):
                break
    except KeyboardInterrupt:
        if not ascending.has_begun:
            raise
        ascending.interrupt()
    return ascending.climb()


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
        slope = float(np.abs(gradient(step.statistics, step.mixture, model)).max())
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
        self._outcome = Outcome.COLLAPSED if _collapsed(step.mixture, self._model) else outcome
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
    # Whitening loses digits as the inverse of what a column has to itself.
    factors = after.mixture.covariance.factors
    own = np.diagonal(factors, axis1=1, axis2=2) / np.sqrt((factors**2).sum(axis=2))
    return bool(fall > slack + LOST * total / own.min())


def _collapsed(mixture: Mixture, model: Model) -> bool:
    """Whether a component of several columns has no width left in some direction: it would only
    grow thinner. (One column has a floor that EM can rest on.)"""
    if mixture.n_features == 1 or model.prior.imagined is not None:
        return False
    lost = ~np.isfinite(mixture.covariance.log_determinants)
    resting = mixture.covariance.at_floor(model.floor) | lost
    return bool((model.held.learned_covariances & resting).any())


def climb_many(
    source: Source,
    starts: Sequence[Mixture],
    model: Model,
    units: Units,
    stop: Stop,
    threads: int = 1,
    progress: Callable[[Progress], None] | None = None,
    near: Source | None = None,
) -> list[Climb]:
    """A climb from each of several starts, in their order, all of them cut off by Ctrl-C.

    Natively they are plain EM. Those in Python's loop are accelerated where there are data `near`
    to take curvature from, in the units of the climb.
    """
    if isinstance(source, ArraySource) and runs_natively(source, starts[0], model):
        return _climb_natively(source, starts, model, units, stop, threads)
    if isinstance(source, ArraySource) and climbs_natively(source, model.n_components, model):
        within = source
        if units is not Units.identity(source.n_features):
            within = ArraySource(units.inward(source.points), source.sample_weight)
        runs = climb_table(within, starts, model, stop, threads)
        return [run for run in runs if run is not None]
    several = len(starts)
    return Abreast(
        source, starts, [model] * several, [units] * several, [stop] * several, threads,
        None if progress is None else [watcher(progress, j, several) for j in range(several)],
        None if near is None else [Accelerator(model, near) for _ in starts],
    ).run()


def watcher(
    progress: Callable[[Progress], None], run: int, n_runs: int
) -> Callable[[Step, float], None]:
    """What tells `progress` of each step of a run."""
    def watch(step: Step, slope: float) -> None:
        progress(Progress(run + 1, n_runs, step.iteration, step.objective, slope))

    return watch


def runs_natively(source: ArraySource, start: Mixture, model: Model) -> bool:
    """Whether whole climbs of one column, of this size, run in the native kernel."""
    native = NATIVE is not None and source.n_features == 1 and model.prior.imagined is None
    return native and source.n_rows * start.n_components <= NATIVE_CLIMB


def climbs_natively(source: ArraySource, k: int, model: Model) -> bool:
    """The same in several columns, and in one with a prior on its spreads: for models without held
    means or covariances and without a normal prior on means."""
    if NATIVE is None or model.structure.name not in NATIVE_STRUCTURES:
        return False
    if source.n_features == 1 and model.prior.imagined is None:
        return False
    held, d = model.held, source.n_features
    plain = model.prior.means is None and (held.is_nothing or bool(
        held.learned_means.all() and held.learned_covariances.all()))
    work = source.n_rows * k * (d + d * d / 8)
    return plain and d <= WIDEST_NATIVE and work <= NATIVE_TABLE and source.n_rows <= NATIVE_ROWS


def climb_table(
    source: ArraySource, starts: Sequence[Mixture], model: Model, stop: Stop, threads: int,
    homes: Sequence[Mixture] | None = None, heights: Sequence[float] | None = None,
) -> list[Climb | None]:
    """Climbs in several columns by the native kernel, on data in internal units; None for one
    that is seen to come to its home before it has converged. One that is not likely to reach its
    height (see `is_hopeless`) ends early."""
    weights, means, factors, objective, loglik, slope, iterations, outcome, lengths, traces = \
        climb_stacks(source, _stacked(starts), model, stop, threads,
                     None if homes is None else _stacked(homes), True, heights)
    trace = np.split(traces, np.cumsum(lengths)[:-1])
    return [
        None if outcome[s] == CAME_HOME else Climb(
            Mixture.trusted(
                weights[s].copy(), means[s].copy(), from_factors(model.structure, factors[s])
            ),
            float(loglik[s]), float(objective[s]), float(slope[s]), int(iterations[s]),
            NATIVE_OUTCOMES[int(outcome[s])], trace[s],
        )
        for s in range(len(starts))
    ]


# Mixtures side by side: weights (s, k), means (s, k, d) and factors (s, k, d, d).
Stacks = tuple["Floats", "Floats", "Floats"]


def climb_stacks(
    source: ArraySource, starts: Stacks, model: Model, stop: Stop, threads: int,
    homes: Stacks | None = None, with_trace: bool = False,
    heights: Sequence[float] | None = None,
) -> Any:
    """Climbs in several columns, their starts made to conform to the model, as arrays: weights,
    means and factors; objective, loglik, gradient, iterations and outcome (s,), the latter a place
    in `NATIVE_OUTCOMES` or `CAME_HOME`; with a trace its lengths (s,), and all of them in one."""
    return _native.climb_table(
        *table_terms(source, starts, model), stop.max_iter, stop.tol, threads, homes, with_trace,
        None if heights is None else np.array(heights, dtype=np.float64),
    )


# Points and their weights, a structure, mixtures, held weights, concentrations, the rows that a
# prior imagines (mean, count, weight, scatter), the floor.
TableTerms = tuple[Any, "Floats | None", str, "Floats", "Floats", "Floats", "Floats", "Floats",
                   "Floats", float, float, "Floats", float]


def table_terms(source: ArraySource, starts: Stacks, model: Model) -> TableTerms:
    """Data, mixtures, and what is learned, held and believed beforehand, in the order in which the
    native kernel takes them for several columns."""
    prior, name, d = model.prior, model.structure.name, source.n_features
    imagined = prior.imagined or _nothing_imagined(d)
    return (
        source.points, source.sample_weight, SEVERAL.get(name, name), *starts, model.held.weights,
        prior.concentration, imagined.mean, imagined.count, imagined.weight, imagined.scatter,
        model.floor,
    )


def _stacked(mixtures: Sequence[Mixture]) -> Stacks:
    return (np.stack([m.weights for m in mixtures]), np.stack([m.means for m in mixtures]),
            np.stack([m.covariance.factors for m in mixtures]))


@cache
def _nothing_imagined(n_features: int) -> Imagined:
    nothing = np.zeros(n_features)
    return Imagined(nothing, 0.0, 0.0, np.zeros((n_features, n_features)))


NATIVE_OUTCOMES = (Outcome.CONVERGED, Outcome.NOT_CONVERGED, Outcome.FELL, Outcome.NOT_FINITE,
                   Outcome.COLLAPSED)
CAME_HOME = len(NATIVE_OUTCOMES)


def native_terms(model: Model) -> tuple[bool, Floats, Floats, Floats, float, float, Floats, float]:
    """What is learned, held and believed beforehand, in the order the native kernel takes it."""
    held, normal = model.held, model.prior.means
    centre, spread = (math.nan, math.nan) if normal is None else \
        (float(normal.mean[0]), float(normal.sd[0]))
    return (model.structure.is_common, held.weights, held.means[:, 0], held.sds, centre, spread,
            model.prior.concentration, model.floor)


def _climb_natively(
    source: ArraySource, starts: Sequence[Mixture], model: Model, units: Units, stop: Stop,
    threads: int,
) -> list[Climb]:
    weights, means, sds, objective, loglik, slope, iterations, outcome, lengths, traces = \
        _native.climb(
            np.ascontiguousarray(source.points[:, 0]), source.sample_weight,
            units.shift[0], units.scale[0],
            np.stack([start.weights for start in starts]),
            np.stack([start.means[:, 0] for start in starts]),
            np.stack([start.sds for start in starts]),
            *native_terms(model), stop.max_iter, stop.tol, threads, True,
        )
    trace = np.split(traces, np.cumsum(lengths)[:-1])
    return [
        Climb(
            Mixture.trusted(weights[s].copy(), means[s][:, None].copy(), Isotropic(sds[s].copy())),
            float(loglik[s]), float(objective[s]), float(slope[s]), int(iterations[s]),
            NATIVE_OUTCOMES[int(outcome[s])], trace[s],
        )
        for s in range(len(starts))
    ]
