"""Coordinates without units in which a mixture is free to move, and the way back to it.

Weights on the logistic scale (the logarithm of each learned weight over the largest learned one),
means in their component's standard deviations (whitened, or along the columns where some are held),
covariances as `emix.covariance.directions` has them. What is held has no coordinate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.directions import Directions
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats, Order
    from emix.model import Model


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """The p coordinates of `mixture`, which is 0 in them, under `model`: weights first, then
    means component by component, then covariances.

    rated    the components (w,) whose weight has a coordinate
    shares   (k,) weights relative to what the learned ones share, 0 where held
    frames   for each component the columns of M (d, m): μ = μ₀ + M θ
    at       for each component where its mean (m,) is among the p
    spreads  `Directions`; those of the covariances begin at `first_spread`
    """

    mixture: Mixture
    model: Model
    rated: Order
    shares: Floats
    frames: tuple[Floats, ...]
    at: tuple[Order, ...]
    spreads: Directions
    first_spread: int

    @classmethod
    def of(cls, mixture: Mixture, model: Model) -> Coordinates:
        """Mixture and model in the same units, the mixture such as the model allows."""
        held, k = model.held, mixture.n_components
        learned = np.flatnonzero(held.learned_weights)
        rated, shares = np.zeros(0, np.intp), np.zeros(k)
        if len(learned) > 1:
            weights = mixture.weights[learned]
            shares[learned] = weights / weights.sum()
            rated = np.delete(learned, int(np.argmax(weights)))
        frames, at, size = [], [], len(rated)
        for component, free in enumerate(held.learned_means):
            frames.append(_frame(mixture, component, free))
            at.append(np.arange(size, size + frames[-1].shape[1]))
            size += frames[-1].shape[1]
        spreads = Directions.of(model.structure, mixture.covariance, held.learned_covariances)
        return cls(mixture, model, rated, shares, tuple(frames), tuple(at), spreads, size)

    @property
    def size(self) -> int:
        """p"""
        return self.first_spread + self.spreads.size

    def spread_at(self, component: int) -> Order:
        """Where among the p those are that move the component's covariance."""
        return self.spreads.positions[component] + self.first_spread

    def weight_slopes(self) -> Floats:
        """∂ log Φ_k / ∂θ for the coordinates of the weights: (k, w)."""
        is_learned = self.model.held.learned_weights[:, None]
        own = np.arange(len(self.shares))[:, None] == self.rated
        slopes: Floats = np.where(is_learned, own - self.shares[self.rated], 0.0)
        return slopes

    def moved(self, step: Floats) -> Mixture:
        """The mixture at θ = step (p,): weights sum to 1 and covariances are positive definite
        wherever that is, and what is held keeps its bits."""
        old = self.mixture
        weights = old.weights
        if len(self.rated):
            learned = self.model.held.learned_weights
            rates = np.zeros(len(weights))
            rates[self.rated] = step[: len(self.rated)]
            grown = np.where(learned, self.shares * np.exp(rates - rates.max()), 0.0)
            left = 1.0 if learned.all() else 1.0 - float(weights[~learned].sum())
            weights = np.where(learned, left * grown / grown.sum(), weights)
        means = np.array(old.means)
        for component, (frame, at) in enumerate(zip(self.frames, self.at, strict=True)):
            if len(at):
                means[component] += frame @ step[at]
        covariance = old.covariance
        if self.spreads.size:
            covariance = self.spreads.moved(step[self.first_spread:], self.model.floor)
        return Mixture.trusted(weights, means, covariance)


def _frame(mixture: Mixture, component: int, free: Floats) -> Floats:
    """M (d, m): a root of Σ where the mean is learned in all columns, else a standard deviation
    along each column where it is."""
    d = mixture.n_features
    if free.all():
        return mixture.covariance.unwhiten(np.eye(d), component).T
    sds = np.sqrt((mixture.covariance.factors[component] ** 2).sum(axis=1))
    frame: Floats = np.diag(sds)[:, free]
    return frame
