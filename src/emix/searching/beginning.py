"""The short runs of a screening and the climb of the best of them, in one call of the native
kernel: `emix.selection.screening` says what is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.batches import Batch, Ends
from emix.climbing.climb import NATIVE_OUTCOMES, Stop, climbs_natively, table_terms
from emix.kernels import NATIVE
from emix.searching.terrain import TableTerrain
from emix.soundness.worth import is_judged, judges_natively, native_ground

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.model import Model
    from emix.searching.terrain import Terrain


def begins_natively(terrain: Terrain, k: int, model: Model) -> bool:
    """Whether mixtures of this model are climbed and judged in the native kernel."""
    if not isinstance(terrain, TableTerrain) or not climbs_natively(terrain.source, k, model):
        return False
    return judges_natively(model) or not is_judged(model)


def begin_natively(
    terrain: TableTerrain, starts: Batch, model: Model, runs: tuple[int, int], long: Stop,
    slack: float, above: float, most: int, threads: int,
) -> tuple[Ends | None, bool]:
    """The end that is left of `starts`, if any, and whether it is sound; `runs` are the steps that
    all take and those that the better half takes besides."""
    if not model.held.is_nothing:
        held = np.repeat(model.held.weights[None], len(starts), axis=0)
        starts = Batch(held, starts.means, starts.factors)
    begun, end = _native.begin_table(
        *table_terms(terrain.source, starts.stacks, model), *runs, long.max_iter, long.tol,
        native_ground(terrain.table, model), slack, above, most, threads,
    )
    if end is None:
        return None, False
    weights, means, factors, objective, loglik, gradient, iterations, outcome = end
    ends = Ends(Batch(weights, means, factors), objective, loglik, gradient, iterations,
                (NATIVE_OUTCOMES[int(outcome[0])],))
    return ends, begun == 0
