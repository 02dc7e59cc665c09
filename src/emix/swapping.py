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
from emix.candidates import SAME, Candidate, beats
from emix.climbing import CAME_HOME, NATIVE_OUTCOMES, Climb, Stop, climb_stacks
from emix.initialise import Draws
from emix.plan import CHAINS, ON_THE_WAY, SWAPS, Plan
from emix.terrain import NARROWEST_OF_ROWS, WIDEST, TableTerrain
from emix.worth import is_judged, least_worths_natively

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order
    from emix.model import Model


def swap_tables(
    terrain: TableTerrain, found: list[Candidate], model: Model, plan: Plan, short: Stop,
    seed: int, threads: int,
) -> None:
    """Adds to what was found what swaps find beyond it; the chains take their swaps in step."""
    slack = SAME * terrain.total
    chains = found[: plan.chains]
    if not chains or not plan.swaps:
        return
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
        # What is no higher than a sound chain need not be judged.
        rows = [row for row, j in enumerate(awake.tolist()) if not runs.is_home[row] and (
            not chains[j].is_sound or runs.objective[row] > chains[j].climb.objective + slack)]
        for row, new in zip(rows, runs.judged(rows, terrain, model, threads), strict=True):
            j = int(awake[row])
            if not beats(new, chains[j], slack):
                continue
            found.append(new)
            if new.worth >= min(ON_THE_WAY, chains[j].worth):
                chains[j] = new
                at = runs.at.into(at, row, j)


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
    """Where short runs ended, side by side."""

    at: Batch
    objective: Floats
    loglik: Floats
    gradient: Floats
    iterations: Order
    outcome: Order
    lengths: Order
    traces: Floats

    @property
    def is_home(self) -> Mask:
        home: Mask = self.outcome == CAME_HOME
        return home

    def judged(
        self, rows: list[int], terrain: TableTerrain, model: Model, threads: int
    ) -> list[Candidate]:
        """Some of them, as values that have been judged."""
        worth = np.full(len(rows), np.inf)
        if rows and is_judged(model):
            some = self.at.taken(rows)
            worth = least_worths_natively(terrain.table, *some.stacks, model, threads)
        return [Candidate(self._climb(row, model), float(w))
                for row, w in zip(rows, worth, strict=True)]

    def _climb(self, row: int, model: Model) -> Climb:
        last = int(self.lengths[: row + 1].sum())
        return Climb(
            self.at.mixture(row, model.structure), float(self.loglik[row]),
            float(self.objective[row]), float(self.gradient[row]), int(self.iterations[row]),
            NATIVE_OUTCOMES[int(self.outcome[row])],
            self.traces[last - int(self.lengths[row]): last].copy(),
        )


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
    return _Runs(at, objective, loglik, gradient, iterations, outcome, lengths, traces)
