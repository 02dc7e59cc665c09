"""From starts to optima: EM run until the gradient is small, from one start or from many.

`climb` is a consumer of the loop in `emix.em`. One column in memory and small enough that coming
back to Python would cost more than the step itself goes to the native kernel, which runs the
same steps; `tests/laws/test_loop.py` holds the two to the same numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import Units
from emix.climbing.ascending import (
    FALL,
    ROUNDINGS,
    Abreast,
    Ascending,
    Climb,
    Outcome,
    Progress,
    Stop,
    continued,
)
from emix.covariance import Isotropic
from emix.covariance.recovering import from_factors
from emix.em import Step, iterate
from emix.kernels import NATIVE
from emix.mixture import Mixture
from emix.model.conjugate import Imagined
from emix.sources.array import ArraySource

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.arrays import Floats, Order
    from emix.climbing.accelerate import Accelerator
    from emix.em import EStep
    from emix.model import Model
    from emix.sources.protocol import Source

# What is handed on from `ascending`, with what climbs.
__all__ = [
    "CAME_HOME", "FALL", "NATIVE_OUTCOMES", "ROUNDINGS", "SEVERAL", "Abreast", "Ascending", "Climb",
    "Outcome", "Progress", "Stop", "climb", "climb_many", "climb_stacks", "climb_table",
    "climbs_natively", "continued", "is_hopeless", "native_terms", "runs_natively", "table_terms",
    "watcher",
]

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

def is_hopeless(before: float, now: float, height: float, step: int, most: int) -> bool:
    """Whether a climb whose objective was `before` and is `now`, at one of `most` steps, is not
    likely to reach a height: not at several times its pace, for EM's steps mostly shrink."""
    return step >= STEPS_TO_SHOW and now + HOPEFUL_PACE * (most - step) * (now - before) < height


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


def climb_many(
    source: Source,
    starts: Sequence[Mixture],
    model: Model,
    units: Units,
    stop: Stop,
    threads: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> list[Climb]:
    """Plain EM from each of several starts, in their order, all cut off by Ctrl-C."""
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
    trace = _parted(traces, lengths)
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


def _parted(traces: Floats, lengths: Order) -> list[Floats]:
    """Each of several traces (s,) that lie one after another."""
    ends = itertools.accumulate(lengths.tolist())
    return [traces[end - length:end] for end, length in zip(ends, lengths.tolist(), strict=True)]


def _stacked(mixtures: Sequence[Mixture]) -> Stacks:
    if len(mixtures) == 1:
        one = mixtures[0]
        return one.weights[None], one.means[None], one.covariance.factors[None]
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
    trace = _parted(traces, lengths)
    return [
        Climb(
            Mixture.trusted(weights[s].copy(), means[s][:, None].copy(), Isotropic(sds[s].copy())),
            float(loglik[s]), float(objective[s]), float(slope[s]), int(iterations[s]),
            NATIVE_OUTCOMES[int(outcome[s])], trace[s],
        )
        for s in range(len(starts))
    ]
