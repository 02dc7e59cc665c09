"""What is learned and what is held: a model, before it has seen data.

The hyperparameters of the article (fixed before inference, not learned) are held values here:
any weight, mean or covariance may be held, NaN marks what is learned.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Mask, frozen
from emix.covariance import Covariances, Isotropic, Structure, structure
from emix.errors import ParameterError
from emix.mixture import Mixture
from emix.model.holding import (
    combined,
    held_covariances,
    held_means,
    held_weights,
)
from emix.model.priors import Prior

if TYPE_CHECKING:
    from emix.arrays import Order, Units

# Below 2⁻⁴⁴ of the data's own standard deviation a component is only some 250 roundings of the
# data wide: its width is arithmetic, not information. See docs/architecture.md.
FLOOR = 2.0**-44


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Held values: weights (k,) and means (k, d), NaN where learned; covariances, of which only
    those outside `learned_covariances` (k,) mean anything."""

    weights: Floats
    means: Floats
    covariances: Covariances | None
    learned_covariances: Mask
    is_nothing: bool

    @classmethod
    def of(
        cls, weights: Floats, means: Floats, covariances: Covariances | None, learned: Mask
    ) -> Held:
        nothing = bool(np.isnan(weights).all() and np.isnan(means).all() and learned.all())
        return cls(weights, means, covariances, learned, nothing)

    @classmethod
    @cache
    def nothing(cls, k: int, n_features: int) -> Held:
        """All is learned."""
        learned = np.ones(k, dtype=np.bool_)
        learned.setflags(write=False)
        unknown = frozen(np.full((k, n_features), np.nan))
        return cls(frozen(np.full(k, np.nan)), unknown, None, learned, True)

    @property
    def learned_weights(self) -> Mask:
        """(k,); a single weight that is left over is not held, but there is nothing to learn."""
        return np.isnan(self.weights)

    @property
    def learned_means(self) -> Mask:
        """(k, d)"""
        return np.isnan(self.means)

    @property
    def sds(self) -> Floats:
        """Held standard deviations (k,) in one column, NaN where learned."""
        if self.covariances is None:
            return frozen(np.full(len(self.weights), np.nan))
        assert isinstance(self.covariances, Isotropic)
        return np.where(self.learned_covariances, np.nan, self.covariances.sds)

    def reordered(self, order: Order) -> Held:
        covariances = None if self.covariances is None else self.covariances.reordered(order)
        return replace(
            self, weights=self.weights[order], means=self.means[order], covariances=covariances,
            learned_covariances=self.learned_covariances[order],
        )

    def inward(self, units: Units) -> Held:
        """The same values in internal units."""
        if self.is_nothing:
            return self
        covariances = None if self.covariances is None else self.covariances.rescaled(units.scale)
        return replace(self, means=units.inward(self.means), covariances=covariances)

    def imposed_on(self, mixture: Mixture) -> Mixture:
        """The mixture with held values written over its own, and the rest of the weights
        scaled to what the held ones leave."""
        if self.is_nothing:
            return mixture
        weights = np.where(self.learned_weights, mixture.weights, self.weights)
        free = self.learned_weights
        if free.any() and not free.all():
            left = 1.0 - float(self.weights[~free].sum())
            share = float(weights[free].sum())
            weights[free] = left * weights[free] / share if share > 0 else left / int(free.sum())
        means = np.where(self.learned_means, mixture.means, self.means)
        covariance = mixture.covariance
        if self.covariances is not None:
            covariance = combined(self.learned_covariances, covariance, self.covariances)
        return Mixture.trusted(weights, means, covariance)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """k components of one covariance structure, with what is held and what is assumed.

    floor is the least standard deviation a learned component may have, in the model's units.
    """

    structure: Structure
    held: Held
    prior: Prior
    floor: float = 0.0

    @classmethod
    def parse(
        cls,
        k: object,
        n_features: int,
        covariance: str = "full",
        weights: object = None,
        means: object = None,
        sds: object = None,
        covariances: object = None,
        prior: object = None,
    ) -> Model:
        """From the arguments of `fit`. Raises `ParameterError` for what cannot be."""
        k = _count(k)
        is_held = weights is not None or means is not None or sds is not None \
            or covariances is not None
        if not is_held and prior is None and isinstance(covariance, str):
            return cls._free(k, n_features, covariance)
        rule = structure(covariance, n_features)
        held = Held.nothing(k, n_features)
        if is_held:
            matrices, learned = held_covariances(sds, covariances, k, n_features, rule)
            held = Held.of(
                held.weights if weights is None else held_weights(weights, k),
                held.means if means is None else held_means(means, k, n_features),
                matrices, learned,
            )
        return cls(rule, held, Prior.parse(prior, k, n_features))

    @classmethod
    @lru_cache(maxsize=64)
    def _free(cls, k: int, n_features: int, covariance: str) -> Model:
        """A model of which all is learned; the same one each time."""
        rule = structure(covariance, n_features)
        return cls(rule, Held.nothing(k, n_features), Prior.parse(None, k, n_features))

    @property
    def n_components(self) -> int:
        return len(self.held.weights)

    @property
    def n_features(self) -> int:
        return int(self.held.means.shape[1])

    @property
    def n_parameters(self) -> int:
        """Degrees of freedom: what is learned, less one for the weights' sum."""
        held = self.held
        free_weights = max(int(np.count_nonzero(held.learned_weights)) - 1, 0)
        n_matrices = int(np.count_nonzero(held.learned_covariances))
        n_spread = self.structure.n_parameters(n_matrices, self.n_features)
        return free_weights + int(np.count_nonzero(held.learned_means)) + n_spread

    @property
    def is_free(self) -> bool:
        """Whether nothing is held and nothing believed beforehand."""
        return self.held.is_nothing and self.prior.is_flat

    def log_prior(self, mixture: Mixture) -> float:
        """Log prior density of the learned parameters; 0 without a prior."""
        if self.prior.is_flat:
            return 0.0
        held = self.held
        return self.prior.log_density(
            mixture.weights, held.learned_weights, mixture.means, held.learned_means,
            mixture.covariance,
        )

    def informed(self, mean: Floats, covariance: Floats, n_rows: float) -> Model:
        """The same model once mean (d,) and covariance (d, d) of the data are known."""
        prior = self.prior.informed(self.structure, mean, covariance, n_rows)
        return replace(self, prior=prior)

    def inward(self, units: Units, floor: float) -> Model:
        """The same model in internal units, with the floor that holds there."""
        return Model(self.structure, self.held.inward(units), self.prior.inward(units), floor)

    def reordered(self, order: Order) -> Model:
        """The same model with components in another order (k,)."""
        if self.is_free:
            return self
        return replace(
            self, held=self.held.reordered(order), prior=self.prior.reordered(order)
        )

    def conforming(self, start: Mixture) -> Mixture:
        """A start made to fit: covariances such as the structure allows, held values written
        over."""
        learned = self.held.learned_covariances
        if learned.any():
            with np.errstate(under="ignore"):
                covariance = self.structure.conform(start.covariance, start.weights)
            start = Mixture.trusted(start.weights, start.means, covariance)
        return self.held.imposed_on(start)

    def describe(self) -> str:
        """One line that names the model in words."""
        k, held = self.n_components, self.held
        parts = [f"mixture of {k} normal component{'s' * (k > 1)} ({self.structure.name})"]
        if self.n_features > 1:
            parts += [_in_words(self.structure)] if k > 1 else []
            if not held.learned_covariances.all():
                parts.append("Σ held" if not held.learned_covariances.any() else "some Σ held")
        elif not held.learned_covariances.all():
            parts.append(_describe_held("σ", held.sds))
        elif k > 1:
            parts.append("one standard deviation for all" if self.structure.is_common else
                         "each its own standard deviation")
        if not held.learned_means.all():
            parts.append(_describe_held("μ", held.means[:, 0]) if self.n_features == 1 else
                         "some μ held" if held.learned_means.any() else "μ held")
        if not held.learned_weights.all():
            equal = bool((held.weights == 1 / k).all())
            parts.append("Φ held at 1/k" if equal else _describe_held("Φ", held.weights))
        parts += self.prior.describe()
        return ", ".join(parts)


def _count(k: object) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ParameterError(f"k={k!r}; expected a number of components, 1 or more")
    return int(k)


# What the letters of a structure say of each part.
_LETTERS = {"E": "equal", "V": "own"}


def _in_words(rule: Structure) -> str:
    """Volume, shape and orientation of the components in words."""
    volume = f"{_LETTERS[rule.volume]} volume"
    if rule.shape == "I":
        return f"spheres of {volume}"
    shape = f"{_LETTERS[rule.shape]} shape"
    if rule.orientation == "I":
        return f"along the axes, {volume}, {shape}"
    return f"{volume}, {shape}, {_LETTERS[rule.orientation]} orientation"


def _describe_held(symbol: str, values: Floats) -> str:
    if (values == values[0]).all():
        return f"{symbol} held at {values[0]:g}"
    inside = ", ".join("learned" if np.isnan(v) else f"{v:g}" for v in values)
    return f"{symbol} held at ({inside})"
