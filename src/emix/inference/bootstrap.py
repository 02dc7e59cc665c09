"""Standard errors and intervals from refits: bootstrap in three kinds, and the jackknife.

Every refit is climbed from the fitted mixture, and its components are matched to those of the fit
(Kullback-Leibler divergence, the best assignment), so that an exchange of labels is no spread.
Efron & Tibshirani 1993; for mixtures McLachlan & Peel 2000, section 2.16; O'Hagan, Murphy, Scrucca
& Gormley 2019, doi:10.1007/s00180-019-00897-9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.climb import Outcome, Stop
from emix.inference.quantities import KINDS, Quantity, Uncertainty, natural
from emix.inference.resampling import (
    Draw,
    Rows,
    chunks,
    from_mixture,
    refits,
    with_replacement,
    with_weights,
    without_one,
)
from emix.inference.standard_errors import Notes, component_reasons, note_known

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Units
    from emix.climbing.batches import Batch, Ends
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.soundness.degenerate import Degenerate
    from emix.sources.array import ArraySource

# A refit's own error need only be small beside the spread of the refits.
STOP = Stop(1e-6, 5000)
# How far above the floor a spread still rests on it.
RESTS = 1 + 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrap:
    """What is refitted: data, the mixture in internal units and its model there."""

    source: ArraySource
    mixture: Mixture
    model: Model
    units: Units

    def draws(self, kind: str, n_replicates: int, seed: int) -> tuple[Iterator[Draw], int]:
        """The data sets of a kind, and how many there are."""
        rng = np.random.default_rng(seed)
        rows = Rows.of(self.source.block, self.units)
        size = rows.count * self.source.n_features
        if kind == "jackknife":
            count = len(rows.points)
            return (without_one(rows, first, s) for first, s in chunks(count, size)), count
        several = chunks(n_replicates, size)
        if kind == "parametric":
            return (from_mixture(self.mixture, rows.count, rng, s) for _, s in several), \
                n_replicates
        draw = with_replacement if kind == "bootstrap" else with_weights
        return (draw(rows, rng, s) for _, s in several), n_replicates


def bootstrapped(
    data: Bootstrap, fitted: Mixture, columns: tuple[str, ...],
    degenerate: tuple[Degenerate, ...], kind: str, level: float, n_replicates: int, seed: int,
    threads: int, progress: Callable[[int, int], None] | None,
) -> Uncertainty:
    """How refits spread; `fitted` is the mixture in the units of the data."""
    draws, count = data.draws(kind, n_replicates, seed)
    told = None if progress is None else lambda done: progress(done, count)
    ends, is_interrupted = refits(draws, data.mixture, data.model, STOP, threads, told)
    if ends is None:
        raise KeyboardInterrupt
    usable = _usable(ends, data.model)
    batch, n_exchanged = matched(ends.batch.taken(np.flatnonzero(usable)), data.mixture)
    notes: Notes = {name: {} for name in KINDS}
    note_known(data.model, component_reasons(data.mixture, data.model, degenerate), fitted, notes)
    weight = None
    if kind == "jackknife":
        weight = Rows.of(data.source.block, data.units).weight[: len(usable)][usable]
    quantities = _spread(batch, fitted, data.units, level, notes, weight)
    remarks = _remarks(ends, usable, n_exchanged)
    if is_interrupted:
        remarks = (*remarks, f"interrupted after {len(ends.batch)} of {count} refits")
    return Uncertainty(kind, level, columns, quantities, remarks, int(usable.sum()))


def _usable(ends: Ends, model: Model) -> Mask:
    """The refits that ended at a mixture, not at a spike."""
    factors = ends.batch.factors
    ended = [o in (Outcome.CONVERGED, Outcome.NOT_CONVERGED) for o in ends.outcome]
    pivots = np.diagonal(factors, axis1=2, axis2=3).min(axis=2)
    on_floor = (pivots <= model.floor * RESTS) & model.held.learned_covariances
    usable: Mask = np.array(ended) & np.isfinite(ends.loglik) & ~on_floor.any(axis=1)
    return usable


def _remarks(ends: Ends, usable: Mask, n_exchanged: int) -> tuple[str, ...]:
    many, remarks = len(usable), []
    if not usable.all():
        remarks.append(f"{many - int(usable.sum())} of {many} refits are left out: a component "
                       f"collapsed")
    slow = sum(o is Outcome.NOT_CONVERGED for o in ends.outcome)
    if slow:
        remarks.append(f"{slow} of {many} refits had not converged after {STOP.max_iter} steps")
    if n_exchanged:
        remarks.append(f"in {n_exchanged} of {many} refits components had changed places, and were "
                       f"put back")
    return tuple(remarks)


def matched(batch: Batch, home: Mixture) -> tuple[Batch, int]:
    """The mixtures with components in the order of those of `home` that they are nearest to, and
    in how many the order was another."""
    k, n_exchanged = home.n_components, 0
    if k == 1 or not len(batch):
        return batch, 0
    divergence = _divergences(batch, home)
    weights, means, factors = (array.copy() for array in batch.stacks)
    stays = (divergence.argmin(axis=1) == np.arange(k)).all(axis=1)
    for row in np.flatnonzero(~stays):
        from scipy.optimize import linear_sum_assignment

        _, order = linear_sum_assignment(divergence[row])
        if (order != np.arange(k)).any():
            n_exchanged += 1
            for array in (weights, means, factors):
                array[row] = array[row][order]
    return type(batch)(weights, means, factors), n_exchanged


def _divergences(batch: Batch, home: Mixture) -> Floats:
    """KL(N of the mixture's component j ‖ N of home's component i), (s, i, j)."""
    s, k, d = batch.means.shape
    logs = 2 * np.log(np.abs(np.diagonal(batch.factors, axis1=2, axis2=3))).sum(axis=2)
    found = np.empty((s, k, k))
    for i in range(k):
        away = home.covariance.whiten((batch.means - home.means[i]).reshape(s * k, d), i)
        turned = np.swapaxes(batch.factors, 2, 3).reshape(s * k * d, d)
        spread = home.covariance.whiten(turned, i).reshape(s, k, d * d)
        squares = (away**2).sum(axis=1).reshape(s, k) + (spread**2).sum(axis=2)
        found[:, i] = 0.5 * (squares - d - logs + home.covariance.log_determinants[i])
    return np.nan_to_num(found, nan=np.inf, posinf=1e300)


def _spread(
    batch: Batch, fitted: Mixture, units: Units, level: float, notes: Notes, weight: Floats | None
) -> tuple[Quantity, ...]:
    """Standard deviations and percentiles of the refits; with weights (s,), the jackknife's."""
    factors = batch.factors / units.scale[:, None]
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        refitted = {
            "weights": batch.weights, "means": units.outward(batch.means),
            "sds": np.sqrt((batch.factors**2).sum(axis=3)) / units.scale,
            "covariances": factors @ np.swapaxes(factors, 2, 3),
        }
    estimates, quantities = natural(fitted), []
    tails = 0.5 - level / 2, 0.5 + level / 2
    for kind in KINDS:
        values, own = refitted[kind], notes[kind]
        if len(values) < 2:
            own.update(dict.fromkeys(np.ndindex(values.shape[1:]), "fewer than two refits ended"))
        if weight is None:
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                se = values.std(axis=0, ddof=1) if len(values) > 1 else \
                    np.full(values.shape[1:], np.nan)
            low, high = np.quantile(values, tails, axis=0) if len(values) else (se, se)
            low, high = np.array(low), np.array(high)
        else:
            n = weight.sum()
            share = (weight / n).reshape(-1, *[1] * (values.ndim - 1))
            away = values - (share * values).sum(axis=0)
            se = np.sqrt((n - 1) * (share * away**2).sum(axis=0))
            quantity = Quantity.of(kind, estimates[kind], se, level, own)
            low, high = np.array(quantity.low), np.array(quantity.high)
        se = np.array(se)
        for index in own:
            se[index] = low[index] = high[index] = np.nan
        quantities.append(Quantity(kind, estimates[kind], se, low, high, own))
    return tuple(quantities)
