"""Many starts, and what comes of them.

The objective of a mixture is not convex, and one climb finds the summit nearest to its start.
The search runs in three stages, all deterministic for a seed:

1. *Short runs* from starts of varied kinds.
2. *Swaps*: from the best of these, each in its own chain, one component is taken out and put
   back at random elsewhere; a short run follows, and where it ends higher the chain goes on from
   there (random swap EM: Zhao, Hautamäki, Kärkkäinen & Fränti 2012,
   doi:10.1016/j.patrec.2012.06.017). A poor summit is mostly wrong in one place: this mends it.
3. *Climbs* to convergence from the best few, which give the distinct optima.

A candidate with a degenerate component ranks behind every sound one at every stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Units
from emix.climbing import Climb, Stop, climb_many, continued
from emix.covariance import Isotropic
from emix.initialise import DETERMINISTIC, Draws, SortedColumn, named
from emix.mixture import Mixture
from emix.soundness import LEAST_WORTH, least_worth
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.model import Model

# The varied kinds, in turn, after the two that chance has no part in.
VARIED = ("responsibilities", "random", "kmeans++")
SHORT_RUN = 60
CHAINS = 8
KEPT = 6
# Shares of the data's standard deviation for a component put back by a swap.
NARROWEST, WIDEST = 0.03, 0.7
# Two summits are one when their objectives agree to this per unit of row weight.
SAME = 1e-7
# Point-component evaluations that all swaps together may cost: about a second natively.
WORK = 2e9
# What a component must be worth while a run is cut short: more than at a summit, or components
# that are about to become degenerate would draw the chains to them.
ON_THE_WAY = -1.0
# Streams of random numbers from here on belong to swaps, those below to starts.
SWAPS = 1 << 32

IDENTITY = Units(np.zeros(1), np.ones(1))


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to search: starts by name, swaps per chain, climbs to convergence."""

    starts: tuple[str, ...]
    chains: int
    swaps: int
    short_run: int = SHORT_RUN
    kept: int = KEPT

    @classmethod
    def default(cls, k: int, n: int) -> Plan:
        """Few starts where there is little to find, more as k grows; n is the number of rows."""
        if k == 1:
            return cls(("quantiles",), chains=0, swaps=0)
        starts = _varied(4 + 2 * k)
        chains, swaps = (1, 8) if k == 2 else (CHAINS, 12 * (k - 1) * (k - 2))
        afford = int(WORK / (n * k * SHORT_RUN * chains))
        return cls(starts, chains, min(swaps, max(afford, 1)))

    @classmethod
    def of_starts(cls, n_starts: int, kind: str | None = None) -> Plan:
        """Just so many starts, of one kind or varied, and no swaps."""
        if kind is None:
            return cls(_varied(n_starts), chains=0, swaps=0)
        repeats = 1 if kind in DETERMINISTIC else n_starts
        return cls((kind,) * repeats, chains=0, swaps=0)


def _varied(n_starts: int) -> tuple[str, ...]:
    varied = (VARIED[i % len(VARIED)] for i in range(max(n_starts - len(DETERMINISTIC), 0)))
    return (*DETERMINISTIC, *varied)[:n_starts]


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

    Column, model and the climbs that come back are in internal units.
    """
    starts = [
        imposed(named(kind)(column, k, Draws(seed, stream)), model)
        for stream, kind in enumerate(plan.starts)
    ]
    short = Stop(stop.tol, plan.short_run)
    found = distinct(_run(column, starts, model, short, threads), column)
    chains = found[: plan.chains]
    for trial in range(plan.swaps):
        swapped = [
            imposed(_swap(column, c.climb.mixture, Draws(seed, SWAPS + trial * CHAINS + j)), model)
            for j, c in enumerate(chains)
        ]
        trials = _run(column, swapped, model, short, threads)
        for j, (old, new) in enumerate(zip(chains, trials, strict=True)):
            if _rank(new) > _rank(old):
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


def _run(
    column: SortedColumn, starts: Sequence[Mixture], model: Model, stop: Stop, threads: int
) -> list[Candidate]:
    source = ArraySource(column.points[:, None], column.weight)
    climbs = climb_many(source, starts, model, IDENTITY, stop, threads)
    return [Candidate(c, least_worth(column, c.mixture, model)) for c in climbs]


def _worth_finishing(candidates: Sequence[Candidate], kept: int) -> list[Candidate]:
    """The best `kept`, of which at most one is degenerate: those are named, not explored."""
    sound = [c for c in candidates if c.is_sound][:kept]
    degenerate = [c for c in candidates if not c.is_sound]
    return [*sound, *degenerate[: 1 if sound else kept]]


def imposed(start: Mixture, model: Model) -> Mixture:
    """The start with held values written over it and, where one spread serves all, one spread."""
    if model.structure.is_common:
        sds = start.sds
        pooled = float(np.sqrt((start.weights * sds**2).sum()))
        covariance = Isotropic(np.full(len(sds), pooled))
        start = Mixture.trusted(start.weights, start.means, covariance)
    return model.held.imposed_on(start)


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


def distinct(candidates: Sequence[Candidate], column: SortedColumn) -> list[Candidate]:
    """Best first, those of one summit merged into one with the count of all their starts."""
    slack = SAME * float(column.weight.sum())
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=_rank, reverse=True):
        for i, other in enumerate(kept):
            if other.is_sound == candidate.is_sound and \
                    abs(other.climb.objective - candidate.climb.objective) <= slack:
                kept[i] = Candidate(other.climb, other.worth, other.starts + candidate.starts)
                break
        else:
            kept.append(candidate)
    return kept
