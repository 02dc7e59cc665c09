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

A candidate with a degenerate component ranks behind every sound one at every stage. Ctrl-C raises
`Interrupted` with what has been found, as soon as there is something.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.accelerate import ROUNDING
from emix.climbing.climb import (
    NATIVE_OUTCOMES,
    Climb,
    Outcome,
    Stop,
    climbs_natively,
    continued,
    native_terms,
)
from emix.covariance import Isotropic
from emix.initialise import STARTS, Draws
from emix.kernels import NATIVE
from emix.mixture import Mixture
from emix.searching.candidates import SAME, Candidate, Interrupted, beats, cut_off, distinct
from emix.searching.plan import CHAINS, ON_THE_WAY, PATIENCE, SWAPS, Plan
from emix.searching.rounds import ROUND
from emix.searching.swapping import swap_tables
from emix.searching.terrain import ColumnTerrain, TableTerrain
from emix.soundness.degenerate import LEAST_WORTH

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.initialise import SortedColumn
    from emix.model import Model
    from emix.searching.terrain import Terrain

# The native kernel knows the kinds of start by their place in the table.
NUMBERS = {kind: number for number, kind in enumerate(STARTS)}


def search(
    terrain: Terrain, k: int, model: Model, plan: Plan, seed: int, stop: Stop, threads: int = 1
) -> list[Candidate]:
    """The optima found, best first, sound ones before others.

    Terrain, model and the climbs that come back are in internal units.
    """
    if NATIVE is not None and isinstance(terrain, ColumnTerrain):
        return _search_column(terrain.column, k, model, plan, seed, stop, threads)
    return search_portably(terrain, k, model, plan, seed, stop, threads)


def _search_column(
    column: SortedColumn, k: int, model: Model, plan: Plan, seed: int, stop: Stop, threads: int
) -> list[Candidate]:
    """One column: the native kernel searches by itself, as `search_portably` does, with the same
    draws."""
    summits, was_cut = _native.search(
        column.points, column.weight, column.sd, k, *native_terms(model),
        [NUMBERS[kind] for kind in plan.starts], plan.chains, plan.swaps, plan.settled,
        plan.short_run, plan.kept, max(stop.tol, plan.short_tol), seed, stop.tol, stop.max_iter,
        threads,
    )
    found = [
        Candidate(
            Climb(Mixture.trusted(weights, means, Isotropic(sds)), loglik, objective, slope,
                  iterations, NATIVE_OUTCOMES[outcome], trace),
            worth, starts,
        )
        for weights, means, sds, objective, loglik, slope, iterations, outcome, worth, starts,
        trace in summits
    ]
    if was_cut:
        raise Interrupted(found, float(column.weight.sum()))
    return found


def search_portably(
    terrain: Terrain, k: int, model: Model, plan: Plan, seed: int, stop: Stop, threads: int = 1
) -> list[Candidate]:
    """The search step by step in Python: for more columns, and the oracle for one."""
    starts = [
        terrain.conformed(terrain.started(kind, k, Draws(seed, stream)), model)
        for stream, kind in enumerate(plan.starts)
    ]
    short = Stop(max(stop.tol, plan.short_tol), plan.short_run)
    found = explore(terrain, starts, model, short, threads)
    try:
        if isinstance(terrain, TableTerrain) and climbs_natively(terrain.source, k, model):
            if swap_tables(terrain, found, model, plan, short, seed, threads):
                raise KeyboardInterrupt
        else:
            _swap(terrain, found, model, plan, short, seed, threads)
    except KeyboardInterrupt:
        raise Interrupted(found, terrain.total) from None
    return finish(distinct(found, terrain.total), terrain, model, plan.kept, stop, threads)


def explore(
    terrain: Terrain, starts: Sequence[Mixture], model: Model, short: Stop, threads: int
) -> list[Candidate]:
    """Short runs; one that is seen to come to where the first ended counts as ended there."""
    found = terrain.run(starts[:1], model, short, threads)
    first = found[0]
    if len(starts) > 1:
        homes = [first.climb.mixture] * (len(starts) - 1)
        try:
            runs = terrain.run_from_home(starts[1:], homes, model, short, threads)
        except KeyboardInterrupt:
            raise Interrupted(found, terrain.total) from None
        found += [Candidate(first.climb, first.worth) if run is None else run for run in runs]
    return distinct(found, terrain.total)


def _swap(
    terrain: Terrain, found: list[Candidate], model: Model, plan: Plan, short: Stop, seed: int,
    threads: int,
) -> None:
    """Adds to what was found what swaps find beyond it; the chains take their swaps in step."""
    slack = SAME * terrain.total
    chains = found[: plan.chains]
    homecomings = [0] * len(chains)
    for trial in range(plan.swaps):
        awake = [j for j in range(len(chains)) if not (plan.settled and
                                                      homecomings[j] == plan.settled)]
        if not awake:
            break
        homes, first = [chains[j].climb.mixture for j in awake], SWAPS + trial * CHAINS
        starts = [
            terrain.conformed(_stirred(terrain, chains[j], trial, Draws(seed, first + j)), model)
            for j in awake
        ]
        # What is no higher than a sound chain would not be kept.
        heights = [chains[j].climb.objective if chains[j].is_sound else -np.inf for j in awake]
        runs = terrain.run_from_home(starts, homes, model, short, threads, heights)
        for j, new in zip(awake, runs, strict=True):
            # What is not sound is no place to rest.
            rests = new is None and chains[j].is_sound
            homecomings[j] = homecomings[j] + 1 if rests else 0
            if new is None or not beats(new, chains[j], slack):
                continue
            found.append(new)
            if new.worth >= min(ON_THE_WAY, chains[j].worth):
                chains[j] = new


def _stirred(terrain: Terrain, chain: Candidate, trial: int, draws: Draws) -> Mixture:
    """A chain's mixture with a component put elsewhere. Of two in one column either may be the
    degenerate one, where one is: by turns both are drawn anew."""
    home = chain.climb.mixture
    is_pair = isinstance(terrain, ColumnTerrain) and home.n_components == 2
    if is_pair and not chain.is_sound and trial % 2 == 1:
        return terrain.started("random", 2, draws)
    return terrain.stirred(home, draws)


def finish(
    found: Sequence[Candidate], terrain: Terrain, model: Model, kept: int, stop: Stop,
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
        try:
            ends = terrain.run([c.climb.mixture for c in batch], model, stop, threads)
        except KeyboardInterrupt:
            raise Interrupted([*finished, *batch, *queue], terrain.total) from None
        finished += [
            Candidate(continued(begun.climb, end.climb), end.worth, begun.starts)
            for begun, end in zip(batch, ends, strict=True)
        ]
    return distinct(finished, terrain.total)


def follow(
    found: list[Candidate], terrain: Terrain, model: Model, stop: Stop, threads: int = 1,
    told: Callable[[list[Candidate]], None] | None = None,
) -> list[Candidate]:
    """The same optima, accelerated to where they lead: the best of them until it has converged or
    taken max_iter steps in all, the others, which are there to be listed, for one round.

    `told` hears of them after each round of steps; Ctrl-C leaves them as the last round did.
    """
    try:
        while (on_the_way := _on_the_way(found, stop, terrain.total)) is not None:
            begun = on_the_way.climb
            steps = Stop(stop.tol, min(stop.max_iter - begun.iterations, ROUND))
            more = terrain.climb_on(begun.mixture, model, steps, threads)
            climbed = Candidate(continued(begun, more.climb), more.worth, on_the_way.starts)
            found = distinct([climbed, *(c for c in found if c is not on_the_way)], terrain.total)
            if told is not None:
                told(found)
    except KeyboardInterrupt:
        return cut_off(found)
    return found


def _on_the_way(found: Sequence[Candidate], stop: Stop, total: float) -> Candidate | None:
    """The first that has not arrived, has steps left, and went up in its last round."""
    for place, candidate in enumerate(found):
        climb = candidate.climb
        if climb.outcome is Outcome.NOT_CONVERGED and climb.iterations < most_steps(stop, place) \
                and _leads_on(climb, total):
            return candidate
    return None


def _leads_on(climb: Climb, total: float) -> bool:
    """Whether more than rounding came of the last round of accelerated steps, where there was one:
    a tolerance of 0, say, is never met."""
    if climb.iterations < PATIENCE + ROUND:
        return True
    last = climb.trace[-1 - ROUND:]
    return bool(last[-1] - last[0] > ROUNDING * (abs(last[-1]) + total))


def most_steps(stop: Stop, place: int) -> int:
    """How many steps in all an optimum is followed for: the best, at place 0, or another."""
    return stop.max_iter if place == 0 else min(PATIENCE + ROUND, stop.max_iter)
