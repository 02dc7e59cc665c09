"""Many mixtures side by side, as arrays.

A selection makes thousands of short climbs, and as a value each mixture would cost more than its
climb does. Here they are rows of three arrays, climbed in one call of the native kernel; what is
left in the end becomes a `Mixture` again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Order, Units
from emix.climbing.climb import (
    NATIVE_OUTCOMES,
    Climb,
    Outcome,
    Stacks,
    Stop,
    climb_many,
    climb_stacks,
    climbs_natively,
    native_terms,
    runs_natively,
)
from emix.covariance import Dense, Isotropic
from emix.covariance.recovering import from_factors
from emix.kernels import NATIVE
from emix.mixture import Mixture

if NATIVE is not None:
    from emix.kernels import _native

if TYPE_CHECKING:
    from emix.covariance import Structure
    from emix.model import Model
    from emix.sources.array import ArraySource


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """s mixtures of k components in d columns: weights (s, k), means (s, k, d) and lower
    triangular factors (s, k, d, d) of their covariances."""

    weights: Floats
    means: Floats
    factors: Floats

    @classmethod
    def of(cls, mixtures: Sequence[Mixture]) -> Batch:
        return cls(
            np.stack([m.weights for m in mixtures]), np.stack([m.means for m in mixtures]),
            np.stack([m.covariance.factors for m in mixtures]),
        )

    @classmethod
    def joined(cls, batches: Sequence[Batch]) -> Batch:
        """All of them, one after the other."""
        if len(batches) == 1:
            return batches[0]
        return cls(
            np.concatenate([b.weights for b in batches]),
            np.concatenate([b.means for b in batches]),
            np.concatenate([b.factors for b in batches]),
        )

    def __len__(self) -> int:
        return len(self.weights)

    @property
    def n_components(self) -> int:
        return int(self.weights.shape[1])

    @property
    def n_features(self) -> int:
        return int(self.means.shape[2])

    @property
    def stacks(self) -> Stacks:
        """The three arrays."""
        return self.weights, self.means, self.factors

    def taken(self, rows: Order | Sequence[int]) -> Batch:
        """Some of them, in the order of `rows`."""
        return Batch(self.weights[rows], self.means[rows], self.factors[rows])

    def rescaled(self, factors: Floats) -> Batch:
        """The mixtures after column j is multiplied by factors[j] > 0 (d,), about 0."""
        return Batch(self.weights, self.means * factors, self.factors * factors[:, None])

    def plain(self, row: int) -> Mixture:
        """One of them as a value whose covariances are of no structure's form: quickly made."""
        weights, means, factors = (array[row].copy() for array in self.stacks)
        return Mixture.trusted(
            weights, means,
            Isotropic(factors[:, 0, 0]) if self.n_features == 1 else Dense(factors),
        )

    def mixture(self, row: int, structure: Structure) -> Mixture:
        """One of them as a value, its covariances in the form of `structure`, which they have."""
        weights, means = self.weights[row].copy(), self.means[row].copy()
        if self.n_features == 1:
            return Mixture.trusted(weights, means, Isotropic(self.factors[row, :, 0, 0].copy()))
        return Mixture.trusted(weights, means, from_factors(structure, self.factors[row]))


@dataclass(frozen=True, slots=True, eq=False)
class Ends:
    """Where s climbs ended: the mixtures, and for each objective, log-likelihood, gradient, steps
    (s,) and outcome."""

    batch: Batch
    objective: Floats
    loglik: Floats
    gradient: Floats
    iterations: Order
    outcome: tuple[Outcome, ...]

    @classmethod
    def of_climb(cls, climb: Climb) -> Ends:
        """The end of one climb."""
        return cls(
            Batch.of([climb.mixture]), np.array([climb.objective]), np.array([climb.loglik]),
            np.array([climb.gradient]), np.array([climb.iterations]), (climb.outcome,),
        )

    @classmethod
    def joined(cls, first: Ends, second: Ends) -> Ends:
        """The ends of two batches, one after the other."""
        return cls(
            Batch.joined([first.batch, second.batch]),
            np.concatenate([first.objective, second.objective]),
            np.concatenate([first.loglik, second.loglik]),
            np.concatenate([first.gradient, second.gradient]),
            np.concatenate([first.iterations, second.iterations]),
            first.outcome + second.outcome,
        )

    def by_height(self) -> list[int]:
        """All rows, the highest objective first, those not finite last."""
        height = np.where(np.isfinite(self.objective), self.objective, -np.inf)
        rows: list[int] = np.argsort(-height, kind="stable").tolist()
        return rows

    def taken(self, rows: Sequence[int]) -> Ends:
        """Some of them, in the order of `rows`."""
        index = list(rows)
        return Ends(
            self.batch.taken(index), self.objective[index], self.loglik[index],
            self.gradient[index], self.iterations[index],
            tuple(self.outcome[row] for row in index),
        )


def climb_batch(
    source: ArraySource, batch: Batch, model: Model, stop: Stop, threads: int = 1
) -> Ends:
    """EM from each start, made to conform to the model first, until `stop` says so.

    Source, batch and model are in internal units; of a model only weights may be held. Raises
    KeyboardInterrupt where a climb was stopped by it.
    """
    if not model.held.is_nothing:
        held = np.repeat(model.held.weights[None], len(batch), axis=0)
        batch = Batch(held, batch.means, batch.factors)
    k = batch.n_components
    if NATIVE is not None and source.n_features > 1 and climbs_natively(source, k, model):
        return _climb_tables(source, batch, model, stop, threads)
    if source.n_features == 1 and runs_natively(source, batch.mixture(0, model.structure), model):
        return _climb_columns(source, batch, model, stop, threads)
    return _climb_portably(source, batch, model, stop, threads)


def _climb_tables(
    source: ArraySource, batch: Batch, model: Model, stop: Stop, threads: int
) -> Ends:
    weights, means, factors, objective, loglik, slope, iterations, outcome = climb_stacks(
        source, batch.stacks, model, stop, threads
    )
    return Ends(Batch(weights, means, factors), objective, loglik, slope, iterations,
                tuple([NATIVE_OUTCOMES[each] for each in outcome.tolist()]))


def _climb_columns(
    source: ArraySource, batch: Batch, model: Model, stop: Stop, threads: int
) -> Ends:
    sds = batch.factors[:, :, 0, 0]
    if model.structure.is_common:
        variance = (batch.weights * sds**2).sum(axis=1) / batch.weights.sum(axis=1)
        sds = np.repeat(np.sqrt(variance)[:, None], batch.n_components, axis=1)
    weights, means, sds, objective, loglik, slope, iterations, outcome = _native.climb(
        np.ascontiguousarray(source.points[:, 0]), source.sample_weight, 0.0, 1.0,
        np.ascontiguousarray(batch.weights), np.ascontiguousarray(batch.means[:, :, 0]),
        np.ascontiguousarray(sds), *native_terms(model), stop.max_iter, stop.tol, threads,
    )
    ends = Batch(weights, means[:, :, None], sds[:, :, None, None])
    return Ends(ends, objective, loglik, slope, iterations,
                tuple(NATIVE_OUTCOMES[each] for each in outcome.tolist()))


def _climb_portably(
    source: ArraySource, batch: Batch, model: Model, stop: Stop, threads: int
) -> Ends:
    d = source.n_features
    starts = [
        model.conforming(Mixture.trusted(
            weights, means, Isotropic(factors[:, 0, 0]) if d == 1 else Dense(factors)
        ))
        for weights, means, factors in zip(
            batch.weights.copy(), batch.means.copy(), batch.factors.copy(), strict=True
        )
    ]
    climbs = climb_many(source, starts, model, Units.identity(d), stop, threads)
    if climbs[-1].outcome is Outcome.INTERRUPTED:
        raise KeyboardInterrupt
    return Ends(
        Batch.of([c.mixture for c in climbs]),
        np.array([c.objective for c in climbs]), np.array([c.loglik for c in climbs]),
        np.array([c.gradient for c in climbs]), np.array([c.iterations for c in climbs]),
        tuple(c.outcome for c in climbs),
    )
