"""Climbs of mixtures of many components: the E-step looks only at those near each row.

What is left out is measured: at every step some rows are scored against all components, each row in
its turn, which finds what lists lack and estimates by how much the log-likelihood is short; and at
the end one exact pass over all rows gives the log-likelihood itself, its gradient, and by how much
the last truncated step was short of it.

The M-step never lowers the truncated objective F, and F lies below the log-likelihood by what is
left out; so a step lowers the log-likelihood by no more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.climb import Climb, Outcome, Stop, climb
from emix.covariance import Dense
from emix.em import expect
from emix.kernels import kernel_for
from emix.maximise import steepest
from emix.mixture import Mixture
from emix.soundness.worth import own_parameters
from emix.vicinity import Vicinity, first_lists, missed, renewed, spread, taken_along, widened

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Units
    from emix.em import Step
    from emix.model import Model
    from emix.sources.array import ArraySource
    from emix.statistics import Statistics
    from emix.vicinity import Places

# Rows that are scored against all components: so many that it takes this many evaluations for each
# row of the data; at the start, at a step while lists lack more than what may be neglected, and
# while they do not. A step itself takes 50 to 400 for each row.
SURVEY_AT_START, SURVEY, CHECK = 64, 96, 12
# And no more rows than so many for each component.
MOST_SURVEYED = 128
# What a survey finds that a list lacks is also tried in so many of its neighbours' lists.
SPREAD = 3
# What lists were found to lack counts less from step to step: what was found they have now.
FORGET = 0.7
# A fall of the objective beyond this many times what is thought to be left out is none of it.
CAUTION = 4.0
# How often a climb goes on after components that collapsed have been put elsewhere.
MOST_ATTEMPTS = 30


class Truncation:
    """The E-step of a mixture of many components, with the lists that it learns on the way.

    `neglect` is the share of a row's density, on average over rows, that may be left out.
    """

    def __init__(
        self, source: ArraySource, model: Model, units: Units, neglect: float, seed: int,
        threads: int,
    ) -> None:
        self._source, self._model, self._units = source, model, units
        self._neglect, self._threads = neglect, threads
        self._rng = np.random.default_rng([seed, model.n_components])
        self._vicinity: Vicinity | None = None
        self._total = _total(source)
        self._turns: list[int] = []
        self._stride = 1
        self._left_out = 0.0

    @property
    def short(self) -> float:
        """Nats by which the last step may have been short, with caution."""
        return CAUTION * (self._left_out + self._neglect) * self._total

    @property
    def left_out(self) -> float:
        """Nats per unit of row weight that lists lacked before the last surveys widened them, an
        estimate from their rows."""
        return self._left_out

    @property
    def entries(self) -> int:
        """Components in all lists together."""
        return 0 if self._vicinity is None else len(self._vicinity.near)

    def __call__(self, mixture: Mixture) -> Statistics:
        vicinity = self._begun(mixture) if self._vicinity is None else \
            self._surveyed(mixture, self._vicinity)
        statistics, lead, share = kernel_for(mixture).expect_near(
            mixture, self._source.block, self._model.structure.scatter_form, vicinity,
            self._units, self._threads,
        )
        self._vicinity = widened(renewed(vicinity, lead, share, self._neglect / 2),
                                 taken_along(vicinity, lead, share))
        return statistics

    def follow(self, moves: Sequence[tuple[int, int]]) -> None:
        """Components have been moved to others, (which, where): it is looked at wherever those
        are, and looks at what they look at."""
        if self._vicinity is None:
            return
        keys, k = self._vicinity.keys, self._vicinity.n_components
        more = [np.array([which * k + which for which, _ in moves], np.int64)]
        for which, where in moves:
            more += [keys[keys % k == where] - where + which,
                     self._vicinity.near_of(where).astype(np.int64) + which * k]
        self._vicinity = widened(self._vicinity, np.concatenate(more))

    def begin_anew(self) -> None:
        """Forget the lists: the next step makes new ones."""
        self._vicinity = None

    def _begun(self, mixture: Mixture) -> Vicinity:
        outward = mixture.outward(self._units)
        labels = kernel_for(outward).labels(outward, self._source.points, self._threads)
        lead = labels.astype(np.int32)
        rows = self._rows(SURVEY_AT_START)
        found = kernel_for(mixture).survey(
            mixture, self._source.block, rows, self._least(), None, self._units, self._threads
        )
        return first_lists(found, lead[rows], lead, mixture.n_components)

    def _surveyed(self, mixture: Mixture, vicinity: Vicinity) -> Vicinity:
        """The lists, widened by what some rows were found to lack."""
        rows = self._rows(SURVEY if self._left_out > self._neglect else CHECK)
        found = kernel_for(mixture).survey(
            mixture, self._source.block, rows, self._least(), vicinity, self._units,
            self._threads,
        )
        weight = self._source.sample_weight
        w = np.ones(len(rows)) if weight is None else weight[rows]
        keys, left_out = missed(vicinity, found, vicinity.lead[rows], w, self._neglect / 2)
        if w.any():
            now = float(w @ -np.log1p(-np.minimum(left_out, 1 - 1e-9)) / w.sum())
            self._left_out = max(now, FORGET * self._left_out)
        return widened(vicinity, spread(vicinity, keys, SPREAD, self._rng))

    def _least(self) -> float:
        """Responsibilities below this are passed over: a hundred of them are within bounds."""
        return self._neglect / 100

    def _rows(self, evaluations: int) -> Places:
        """The rows whose turn it is: every so-manieth, from a place that all take in turn."""
        n, k = self._source.n_rows, self._model.n_components
        stride = max(k // evaluations, n // (MOST_SURVEYED * k), 1)
        if not self._turns or stride != self._stride:
            self._stride = stride
            self._turns = self._rng.permutation(stride).tolist()
        return np.arange(self._turns.pop(), n, stride, dtype=np.int64)


def climb_near(
    source: ArraySource, start: Mixture, model: Model, units: Units, stop: Stop, neglect: float,
    seed: int, threads: int, watch: Callable[[Step, float], bool | None] | None = None,
) -> Climb:
    """EM from `start`, in internal units, leaving out no more than `neglect` of a row's density.

    Components that collapse are put where the heaviest are, and the climb goes on. What comes back
    is exact: log-likelihood, objective and gradient of the mixture on all rows; with `neglected`,
    nats per unit of row weight by which the last truncated step was short of them, and `relocated`.
    The trace holds the truncated objective, except at its end.
    """
    # What is left out moves the gradient of a component by its share of that.
    reachable = Stop(max(stop.tol, neglect / model.n_components), stop.max_iter)
    run, moved = _until_it_stands(source, start, model, units, reachable, neglect, seed, threads,
                                  watch)
    if not neglect or not np.isfinite(run.objective):
        return replace(run, relocated=moved)
    statistics = expect(source, run.mixture, model, units, threads)
    objective = statistics.loglik + model.log_prior(run.mixture)
    slope = steepest(statistics, run.mixture, model)
    neglected = max(statistics.loglik - run.loglik, 0.0) / statistics.total
    if run.outcome is Outcome.CONVERGED and slope > max(stop.tol, neglect):
        # What was left out had hidden that there is further to go.
        run = replace(run, outcome=Outcome.NOT_CONVERGED)
    return replace(
        run, loglik=statistics.loglik, objective=objective, gradient=slope, neglected=neglected,
        relocated=moved, trace=np.append(run.trace[:-1], objective),
    )


def _total(source: ArraySource) -> float:
    weight = source.sample_weight
    return float(source.n_rows) if weight is None else float(weight.sum())


def _until_it_stands(
    source: ArraySource, start: Mixture, model: Model, units: Units, stop: Stop, neglect: float,
    seed: int, threads: int, watch: Callable[[Step, float], bool | None] | None,
) -> tuple[Climb, int]:
    """Climbs, one after another, until none ends in a collapse; how many components were moved."""
    mixture, moved, taken, total = start, 0, 0, _total(source)
    traces: list[Floats] = []
    e_step = Truncation(source, model, units, neglect, seed, threads) if neglect else None
    for attempt in range(MOST_ATTEMPTS + 1):
        left = Stop(stop.tol, stop.max_iter - taken)
        run = climb(source, mixture, model, units, left, threads, watch, e_step=e_step)
        taken += run.iterations
        traces.append(run.trace)
        weak = weak_components(run.mixture, model, total)
        if attempt == MOST_ATTEMPTS or taken >= stop.max_iter:
            break
        if run.outcome is Outcome.FELL and e_step is not None:
            # Lists that lacked too much are the likelier cause.
            e_step.begin_anew()
            mixture = run.mixture
            continue
        # A component that rests on the floor can look converged.
        stuck = run.outcome in (Outcome.COLLAPSED, Outcome.CONVERGED) and weak.any()
        if not stuck or not model.held.is_nothing or 2 * weak.sum() > len(weak):
            break
        mixture, moves = relocated(run.mixture, weak, model)
        moved += len(moves)
        if e_step is not None:
            e_step.follow(moves)
    trace = np.concatenate(traces)
    return replace(run, iterations=taken, trace=trace), moved


def weak_components(mixture: Mixture, model: Model, total: float) -> Mask:
    """Which components rest on the floor, or have of `total` points less than one for each of their
    own parameters, in numbers: (k,)."""
    d = mixture.n_features
    resting = mixture.covariance.at_floor(model.floor)
    lost = ~np.isfinite(mixture.covariance.log_determinants)
    few = mixture.weights * total * d < own_parameters(model.structure, d)
    weak: Mask = resting | lost | few
    return weak


def relocated(
    mixture: Mixture, weak: Mask, model: Model
) -> tuple[Mixture, list[tuple[int, int]]]:
    """The mixture with each `weak` component (k,) put on the heaviest there is, which is halved
    along the longest of its axes as its factor has them; and which was put where."""
    weights, means = mixture.weights.copy(), mixture.means.copy()
    factors = np.array(mixture.covariance.factors)
    weights[weak] = 0.0
    moves = []
    for j in np.flatnonzero(weak).tolist():
        heavy = int(weights.argmax())
        axis = factors[heavy][:, (factors[heavy] ** 2).sum(axis=0).argmax()]
        moves.append((j, heavy))
        weights[heavy] /= 2
        weights[j], factors[j] = weights[heavy], factors[heavy]
        means[j] = means[heavy] + axis / 2
        means[heavy] = means[heavy] - axis / 2
    moved = Mixture.trusted(weights / weights.sum(), means, Dense(factors))
    return model.conforming(moved), moves
