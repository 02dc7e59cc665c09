"""Many starts, and what comes of them.

The objective of a mixture is not convex, and one climb finds the summit nearest to its start.
The search runs in three stages, all deterministic for a seed:

1. *Short runs* from starts of varied kinds. One that is seen to come to where the first ended
   counts as ended there.
2. *Swaps*: from the best of these, each in its own chain, one component is taken out and put
   back at random elsewhere; a short run follows, and where it ends higher the chain goes on from
   there (random swap EM: Zhao, Hautamäki, Kärkkäinen & Fränti 2012,
   doi:10.1016/j.patrec.2012.06.017). A poor summit is mostly wrong in one place: this mends it.
   Most swaps come back to where they left; the run ends as soon as it is seen to.
3. *Climbs* to convergence from the best few, which give the distinct optima.

A candidate with a degenerate component ranks behind every sound one at every stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units
from emix.climbing import (
    NATIVE_OUTCOMES,
    Climb,
    Outcome,
    Stop,
    climb,
    climb_many,
    continued,
    native_terms,
)
from emix.covariance import Isotropic
from emix.initialise import STARTS, Draws, SortedColumn, named
from emix.kernels import NATIVE
from emix.mixture import Mixture
from emix.plan import CHAINS, Plan
from emix.soundness import LEAST_WORTH, least_worth
from emix.sources.array import ArraySource

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.em import Step
    from emix.model import Model

# Shares of the data's standard deviation for a component put back by a swap.
NARROWEST, WIDEST = 0.03, 0.7
# Two summits are one when their objectives agree to this per unit of row weight.
SAME = 1e-7
# How near to where it left, or to where the first start ended, a run has come home: means in
# standard deviations, spreads and weights as shares of themselves. EM then ends there again.
NEAR = 0.1
# What a component must be worth while a run is cut short: more than at a summit, or components
# that are about to become degenerate would draw the chains to them.
ON_THE_WAY = -1.0
# Streams of random numbers from here on belong to swaps, those below to starts.
SWAPS = 1 << 32

# The native kernel knows the kinds of start by their place in the table.
_NUMBERS = {kind: number for number, kind in enumerate(STARTS)}

IDENTITY = Units(np.zeros(1), np.ones(1))


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A climb, what its least worthy component is worth, and how many starts came to it."""

    climb: Climb
    worth: float
    starts: int = 1

    @property
    def is_sound(self) -> bool:
        return self.worth >= LEAST_WORTH


def search(
    column: SortedColumn, k: int, model: Model, plan: Plan, seed: int, stop: Stop, threads: int = 1
) -> list[Candidate]:
    """The optima found for one column, best first, sound ones before others.

    Column, model and the climbs that come back are in internal units. The native kernel searches
    by itself, as `search_portably` does here, with the same draws.
    """
    if NATIVE is None:
        return search_portably(column, k, model, plan, seed, stop, threads)
    summits = _native.search(
        column.points, column.weight, column.sd, k, *native_terms(model),
        [_NUMBERS[kind] for kind in plan.starts], plan.chains, plan.swaps, plan.settled,
        plan.short_run, plan.kept, max(stop.tol, plan.short_tol), seed, stop.tol, stop.max_iter,
        threads,
    )
    return [
        Candidate(
            Climb(Mixture.trusted(weights, means, Isotropic(sds)), loglik, objective, slope,
                  iterations, NATIVE_OUTCOMES[outcome], trace),
            worth, starts,
        )
        for weights, means, sds, objective, loglik, slope, iterations, outcome, worth, starts,
        trace in summits
    ]


def search_portably(
    column: SortedColumn, k: int, model: Model, plan: Plan, seed: int, stop: Stop, threads: int = 1
) -> list[Candidate]:
    """What `search` does, step by step in Python: the path without a compiler, and the oracle."""
    starts = [
        imposed(named(kind)(column, k, Draws(seed, stream)), model)
        for stream, kind in enumerate(plan.starts)
    ]
    short = Stop(max(stop.tol, plan.short_tol), plan.short_run)
    first, *others = starts
    found = _run(column, [first], model, short, threads)
    for start in others:
        # Another start may come to where the first has ended.
        run = _run_from_home(column, start, found[0].climb.mixture, model, short, threads)
        found.append(Candidate(found[0].climb, found[0].worth) if run is None else run)
    found = distinct(found, column)
    chains = found[: plan.chains]
    homecomings = [0] * len(chains)
    for trial in range(plan.swaps):
        for j, old in enumerate(chains):
            if plan.settled and homecomings[j] == plan.settled:
                continue
            home, draws = old.climb.mixture, Draws(seed, SWAPS + trial * CHAINS + j)
            start = imposed(_swap(column, home, draws), model)
            new = _run_from_home(column, start, home, model, short, threads)
            homecomings[j] = homecomings[j] + 1 if new is None else 0
            if new is None or not _beats(new, old, _slack(column)):
                continue
            found.append(new)
            if new.worth >= min(ON_THE_WAY, old.worth):
                chains[j] = new
    return _finish(distinct(found, column), column, model, plan.kept, stop, threads)


def _finish(
    found: Sequence[Candidate], column: SortedColumn, model: Model, kept: int, stop: Stop,
    threads: int,
) -> list[Candidate]:
    """Climbs to convergence from the best, until `kept` of them end sound.

    What was sound on the way can be degenerate at its summit; then the next best has its turn,
    four times `kept` turns in all. The best that are near degenerate are tried as well; of those
    degenerate already only the first is climbed: they are named in the result, not explored.
    """
    firm = [c for c in found if c.worth >= ON_THE_WAY][: 4 * kept]
    doubtful = [c for c in found if LEAST_WORTH <= c.worth < ON_THE_WAY][:kept]
    degenerate = [c for c in found if not c.is_sound][: 1 if firm else kept]
    queue = [*doubtful, *degenerate, *firm]
    finished: list[Candidate] = []
    size = len(doubtful) + len(degenerate) + kept
    while queue and sum(f.is_sound for f in finished) < kept:
        batch, queue, size = queue[:size], queue[size:], kept
        ends = _run(column, [c.climb.mixture for c in batch], model, stop, threads)
        finished += [
            Candidate(continued(begun.climb, end.climb), end.worth, begun.starts)
            for begun, end in zip(batch, ends, strict=True)
        ]
    return distinct(finished, column)


def follow(
    found: list[Candidate], column: SortedColumn, model: Model, stop: Stop, threads: int = 1
) -> list[Candidate]:
    """The same optima, the best of them climbed on until it has converged or taken max_iter
    steps in all; should another be the best then, that one as well."""
    while True:
        best = found[0]
        left = stop.max_iter - best.climb.iterations
        if best.climb.outcome is not Outcome.NOT_CONVERGED or left <= 0:
            return found
        more = _run(column, [best.climb.mixture], model, Stop(stop.tol, left), threads)[0]
        climbed = Candidate(continued(best.climb, more.climb), more.worth, best.starts)
        found = distinct([climbed, *found[1:]], column)


def _run(
    column: SortedColumn, starts: Sequence[Mixture], model: Model, stop: Stop, threads: int
) -> list[Candidate]:
    climbs = climb_many(_source(column), starts, model, IDENTITY, stop, threads)
    return [Candidate(c, least_worth(column, c.mixture, model)) for c in climbs]


def _source(column: SortedColumn) -> ArraySource:
    return ArraySource(column.points[:, None], column.weight)


def imposed(start: Mixture, model: Model) -> Mixture:
    """The start with held values written over it and, where one spread serves all, one spread."""
    if model.structure.is_common:
        sds = start.sds
        pooled = float(np.sqrt((start.weights * sds**2).sum()))
        covariance = Isotropic(np.full(len(sds), pooled))
        start = Mixture.trusted(start.weights, start.means, covariance)
    return model.held.imposed_on(start)


def _run_from_home(
    column: SortedColumn, start: Mixture, home: Mixture, model: Model, short: Stop, threads: int
) -> Candidate | None:
    """Where a short run leads; None where it comes home."""
    came_home = False

    def watch(step: Step, slope: float) -> bool:
        nonlocal came_home
        goes_on = slope > short.tol and step.iteration < short.max_iter
        came_home = goes_on and _is_near(step.mixture, home)
        return came_home

    run = climb(_source(column), start, model, IDENTITY, short, threads, watch)
    return None if came_home else Candidate(run, least_worth(column, run.mixture, model))


def _is_near(mixture: Mixture, home: Mixture) -> bool:
    """Whether each component, in order of means, is as good as there."""
    here, there = (
        m.reordered(np.argsort(m.means[:, 0], kind="stable")) for m in (mixture, home)
    )
    return all(
        bool((abs(a - b) <= NEAR * unit).all())
        for a, b, unit in (
            (here.means[:, 0], there.means[:, 0], there.sds), (here.sds, there.sds, there.sds),
            (here.weights, there.weights, there.weights),
        )
    )


def _swap(column: SortedColumn, mixture: Mixture, draws: Draws) -> Mixture:
    """One component, at random, put at a random point with a random spread and a fair weight."""
    k = mixture.n_components
    j = draws.below(k)
    means, sds = mixture.means.copy(), mixture.sds.copy()
    means[j] = column.drawn(draws.uniform())
    sds[j] = column.sd * NARROWEST * (WIDEST / NARROWEST) ** draws.uniform()
    weights = mixture.weights.copy()
    weights[j] = 1 / k
    return Mixture.trusted(weights / weights.sum(), means, Isotropic(sds))


def _rank(candidate: Candidate) -> tuple[bool, float]:
    return candidate.is_sound, candidate.climb.objective


def _beats(new: Candidate, old: Candidate, slack: float) -> bool:
    if new.is_sound != old.is_sound:
        return new.is_sound
    return new.climb.objective > old.climb.objective + slack


def _slack(column: SortedColumn) -> float:
    """Objectives nearer than this are those of one summit."""
    return SAME * float(column.weight.sum())


def distinct(candidates: Sequence[Candidate], column: SortedColumn) -> list[Candidate]:
    """Best first, those of one summit merged into one with the count of all their starts.

    The one nearest to stationary stands for them: which is highest is a matter of rounding.
    """
    slack = _slack(column)
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=_rank, reverse=True):
        for i, other in enumerate(kept):
            if other.is_sound == candidate.is_sound and \
                    abs(other.climb.objective - candidate.climb.objective) <= slack:
                nearer = candidate if candidate.climb.gradient < other.climb.gradient else other
                kept[i] = Candidate(nearer.climb, nearer.worth, other.starts + candidate.starts)
                break
        else:
            kept.append(candidate)
    return kept
