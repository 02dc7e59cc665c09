"""The swaps of `emix.search` in several columns, where climbs run natively.

The same swaps with the same draws; but mixtures stay rows of arrays from one call of the kernel to
the next, and only those that lead somewhere become values. The kernel climbs in less time than
values of all would take to make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.batches import Batch
from emix.candidates import SAME, Candidate
from emix.climbing import CAME_HOME, NATIVE_OUTCOMES, Climb, Stop, climb_stacks
from emix.initialise import Draws
from emix.plan import CHAINS, ON_THE_WAY, SWAPS, Plan
from emix.soundness import LEAST_WORTH
from emix.terrain import NARROWEST_OF_ROWS, WIDEST, TableTerrain
from emix.worth import is_judged, least_worths_natively

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order
    from emix.model import Model


def swapped_tables(
    terrain: TableTerrain, found: list[Candidate], model: Model, plan: Plan, short: Stop,
    seed: int, threads: int,
) -> list[Candidate]:
    """What was found, and what swaps found beyond it; the chains take their swaps in step."""
    slack = SAME * terrain.total
    found = list(found)
    chains = found[: plan.chains]
    if not chains or not plan.swaps:
        return found
    at = Batch.of([c.climb.mixture for c in chains])
    homecomings = np.zeros(len(chains), dtype=np.int64)
    for trial in range(plan.swaps):
        awake = np.arange(len(chains))
        if plan.settled:
            awake = awake[homecomings != plan.settled]
        if len(awake) == 0:
            break
        homes = at.taken(awake)
        draws = [Draws(seed, SWAPS + trial * CHAINS + j) for j in awake.tolist()]
        starts = stirred_tables(terrain, homes, draws)
        runs = _run(terrain, starts, homes, model, short, threads)
        homecomings[awake] = np.where(runs.is_home, homecomings[awake] + 1, 0)
        for row, j in enumerate(awake.tolist()):
            if runs.is_home[row] or not runs.beats(row, chains[j], slack):
                continue
            new = runs.candidate(row, model)
            found.append(new)
            if new.worth >= min(ON_THE_WAY, chains[j].worth):
                chains[j] = new
                at = runs.at.into(at, row, j)
    return found


def stirred_tables(terrain: TableTerrain, batch: Batch, draws: list[Draws]) -> Batch:
    """`TableTerrain.stirred`, of each mixture with its own draws."""
    table, k = terrain.table, batch.n_components
    weights, means, factors = (array.copy() for array in batch.stacks)
    for s, each in enumerate(draws):
        j, row = each.below(k), table.drawn(each)
        means[s, j] = table.points[row]
        width = NARROWEST_OF_ROWS * (WIDEST / NARROWEST_OF_ROWS) ** each.uniform()
        factors[s, j] = width * table.factor
        weights[s, j] = 1 / k
    return Batch(weights / weights.sum(axis=1, keepdims=True), means, factors)


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Where short runs ended, side by side; the worth of what came home means nothing."""

    at: Batch
    objective: Floats
    loglik: Floats
    gradient: Floats
    iterations: Order
    outcome: Order
    lengths: Order
    traces: Floats
    worth: Floats

    @property
    def is_home(self) -> Mask:
        home: Mask = self.outcome == CAME_HOME
        return home

    def beats(self, row: int, old: Candidate, slack: float) -> bool:
        """As `emix.candidates.beats`."""
        is_sound = bool(self.worth[row] >= LEAST_WORTH)
        if is_sound != old.is_sound:
            return is_sound
        return bool(self.objective[row] > old.climb.objective + slack)

    def candidate(self, row: int, model: Model) -> Candidate:
        """One of them as a value."""
        last = int(self.lengths[: row + 1].sum())
        climb = Climb(
            self.at.mixture(row, model.structure), float(self.loglik[row]),
            float(self.objective[row]), float(self.gradient[row]), int(self.iterations[row]),
            NATIVE_OUTCOMES[int(self.outcome[row])],
            self.traces[last - int(self.lengths[row]): last].copy(),
        )
        return Candidate(climb, float(self.worth[row]))


def _run(
    terrain: TableTerrain, starts: Batch, homes: Batch, model: Model, short: Stop, threads: int
) -> _Runs:
    held = model.held
    if not held.is_nothing:
        weights = np.where(held.learned_weights, starts.weights, held.weights)
        starts = Batch(weights, starts.means, starts.factors)
    weights, means, factors, objective, loglik, gradient, iterations, outcome, lengths, traces = \
        climb_stacks(
            terrain.source, starts.stacks, model, short, threads, homes.stacks, with_trace=True
        )
    at = Batch(weights, means, factors)
    worth = np.full(len(weights), np.inf)
    away = np.flatnonzero(outcome != CAME_HOME)
    if len(away) and is_judged(model):
        worth[away] = least_worths_natively(
            terrain.table, *at.taken(away).stacks, model, threads
        )
    return _Runs(at, objective, loglik, gradient, iterations, outcome, lengths, traces, worth)
