"""The swaps of `emix.searching.search` in several columns, where climbs run natively.

The same swaps with the same draws, in one call: a chain depends on no other, so that each has a
thread to itself. Only what leads somewhere comes back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.batches import Batch
from emix.climbing.climb import NATIVE_OUTCOMES, Climb, Stop, table_terms
from emix.covariance.recovering import from_factors
from emix.kernels import NATIVE
from emix.mixture import Mixture
from emix.searching.candidates import SAME, Candidate
from emix.searching.plan import CHAINS, ON_THE_WAY, SWAPS, Plan
from emix.searching.terrain import NARROWEST_OF_ROWS, WIDEST, TableTerrain
from emix.soundness.worth import native_ground

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.model import Model


def swap_tables(
    terrain: TableTerrain, found: list[Candidate], model: Model, plan: Plan, short: Stop,
    seed: int, threads: int,
) -> bool:
    """Adds to what was found what swaps find beyond it, in the order of the trials; whether Ctrl-C
    left some untried."""
    chains, table = found[: plan.chains], terrain.table
    if not chains or not plan.swaps:
        return False
    homes = Batch.of([c.climb.mixture for c in chains])
    runs, was_cut = _native.swap_table(
        *table_terms(terrain.source, homes.stacks, model), short.max_iter, short.tol,
        native_ground(table, model), table.factor,
        np.array([c.climb.objective for c in chains]), np.array([c.worth for c in chains]),
        table.cumulative, plan.swaps, plan.settled, seed, SWAPS, CHAINS, SAME * table.total,
        ON_THE_WAY, NARROWEST_OF_ROWS, WIDEST, threads,
    )
    found += [
        Candidate(
            Climb(Mixture.trusted(weights[0], means[0], from_factors(model.structure, factors[0])),
                  loglik, objective, gradient, iterations, NATIVE_OUTCOMES[outcome], trace),
            worth,
        )
        for _, weights, means, factors, objective, loglik, gradient, iterations, outcome, worth,
        trace in runs
    ]
    return was_cut
