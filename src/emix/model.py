"""What is learned and what is held: a model, before it has seen data.

The hyperparameters of the article (fixed before inference, not learned) are held values here:
any weight, mean or standard deviation may be held, NaN marks what is learned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats, Mask, as_components, frozen
from emix.covariance import Isotropic, Structure, structure
from emix.errors import ParameterError
from emix.mixture import WEIGHT_SLACK, Mixture
from emix.priors import NormalPrior, Prior

if TYPE_CHECKING:
    from emix.arrays import Order, Units

# Below 2⁻⁴⁴ of the data's own standard deviation a component is only some 250 roundings of the
# data wide: its width is arithmetic, not information. See docs/architecture.md.
FLOOR = 2.0**-44


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Held values: weights (k,), means (k, d), sds (k,); NaN where the parameter is learned."""

    weights: Floats
    means: Floats
    sds: Floats
    # Whether everything is learned: asked at every turn, so found out once.
    is_nothing: bool = field(init=False)

    def __post_init__(self) -> None:
        values = chain(self.weights.tolist(), self.means.ravel().tolist(), self.sds.tolist())
        object.__setattr__(self, "is_nothing", all(map(math.isnan, values)))

    @property
    def learned_weights(self) -> Mask:
        """(k,); a single weight that is left over is not held, but there is nothing to learn."""
        return np.isnan(self.weights)

    @property
    def learned_means(self) -> Mask:
        return np.isnan(self.means)

    @property
    def learned_sds(self) -> Mask:
        return np.isnan(self.sds)

    def reordered(self, order: Order) -> Held:
        return Held(self.weights[order], self.means[order], self.sds[order])

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
        if not self.learned_sds.all():
            if not isinstance(covariance, Isotropic):
                raise ParameterError("standard deviations are held in one column only")
            sds = np.where(self.learned_sds, covariance.sds, self.sds)
            covariance = Isotropic(sds, covariance.n_features)
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
        rule = structure(covariance, n_features)
        if sds is not None and covariances is not None:
            raise ParameterError("both sds and covariances are held; give one of them")
        if covariances is not None:
            variances = as_components(covariances, k, "covariances")
            _require_positive(variances, "covariances")
            held_sds = np.sqrt(variances)
        elif sds is not None:
            held_sds = as_components(sds, k, "sds")
            _require_positive(held_sds, "sds")
        else:
            held_sds = _nan(k)
        held = Held(
            _held_weights(weights, k),
            (_nan(k) if means is None else as_components(means, k, "means"))[:, None],
            held_sds,
        )
        _check_common(rule, held)
        return cls(rule, held, Prior.parse(prior, k))

    @property
    def n_components(self) -> int:
        return len(self.held.weights)

    @property
    def n_parameters(self) -> int:
        """Degrees of freedom: what is learned, less one for the weights' sum."""
        held = self.held
        free_weights = max(int(held.learned_weights.sum()) - 1, 0)
        n_features = held.means.shape[1]
        n_sds = self.structure.n_parameters(int(held.learned_sds.sum()), n_features)
        return free_weights + int(held.learned_means.sum()) + n_sds

    def log_prior(self, mixture: Mixture) -> float:
        """Log prior density of the learned parameters; 0 without a prior."""
        if self.prior.is_flat:
            return 0.0
        held = self.held
        return self.prior.log_density(
            mixture.weights, held.learned_weights, mixture.means, held.learned_means
        )

    def inward(self, units: Units, floor: float) -> Model:
        """The same model in internal units, with the floor that holds there."""
        held, prior = self.held, self.prior
        if not held.is_nothing:
            held = Held(held.weights, units.inward(held.means), held.sds * units.scale[0])
        if prior.means is not None:
            centre = float(units.inward(np.array([prior.means.mean]))[0])
            prior = Prior(NormalPrior(centre, prior.means.sd * float(units.scale[0])),
                          prior.concentration)
        return Model(self.structure, held, prior, floor)

    def reordered(self, order: Order) -> Model:
        """The same model with components in another order (k,)."""
        if self.held.is_nothing and self.prior.is_flat:
            return self
        prior = Prior(self.prior.means, self.prior.concentration[order])
        return Model(self.structure, self.held.reordered(order), prior, self.floor)

    def describe(self) -> str:
        """One line that names the model in words."""
        k, held = self.n_components, self.held
        parts = [f"mixture of {k} normal component{'s' * (k > 1)} ({self.structure.name})"]
        if held.learned_sds.all():
            shared = "one standard deviation for all" if self.structure.is_common else \
                "each its own standard deviation"
            if k > 1:
                parts.append(shared)
        else:
            parts.append(_describe_held("σ", held.sds))
        if not held.learned_means.all():
            parts.append(_describe_held("μ", held.means[:, 0]))
        if not held.learned_weights.all():
            equal = bool((held.weights == 1 / k).all())
            parts.append("Φ held at 1/k" if equal else _describe_held("Φ", held.weights))
        parts += self.prior.describe()
        return ", ".join(parts)


@cache
def _nan(k: int) -> Floats:
    return frozen(np.full(k, np.nan))


def _count(k: object) -> int:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ParameterError(f"k={k!r}; expected a number of components, 1 or more")
    return int(k)


def _held_weights(weights: object, k: int) -> Floats:
    if weights is None:
        return _nan(k)
    if isinstance(weights, str):
        if weights != "equal":
            raise ParameterError(f"weights={weights!r}; expected 'equal', or {k} numbers with nan "
                                 f"where a weight is to be learned")
        return np.full(k, 1 / k)
    if isinstance(weights, int | float | np.number):
        raise ParameterError(f"weights={weights!r}; expected one weight for each of {k} "
                             f"components, or 'equal'")
    array = as_components(weights, k, "weights")
    held = array[~np.isnan(array)]
    if (held < 0).any():
        raise ParameterError(f"weights holds {held.min()}; mixing weights are not negative")
    total = float(held.sum())
    if len(held) == k and abs(total - 1) > WEIGHT_SLACK:
        raise ParameterError(f"the held weights sum to {total:.15g}; all {k} are held, so they "
                             f"must sum to 1 (divide them by their sum, or put nan for one)")
    if len(held) < k and total >= 1:
        raise ParameterError(f"the held weights sum to {total:.15g}, which leaves nothing for the "
                             f"{k - len(held)} learned; they must sum to less than 1")
    return array


def _require_positive(values: Floats, name: str) -> None:
    wrong = values <= 0
    if wrong.any():
        where = int(np.flatnonzero(wrong)[0])
        raise ParameterError(f"{name}[{where}] is held at {values[where]}; expected a number "
                             f"above 0, or nan to learn it")


def _check_common(rule: Structure, held: Held) -> None:
    learned = held.learned_sds
    if not rule.is_common or learned.all():
        return
    if learned.any():
        raise ParameterError(
            f"covariance={rule.name!r} has one standard deviation for all components, but sds "
            f"holds only some: hold all alike (sds=1.0), or use covariance='V'"
        )
    if (held.sds != held.sds[0]).any():
        raise ParameterError(
            f"covariance={rule.name!r} has one standard deviation for all components, but sds "
            f"holds {held.sds.tolist()}; use covariance='V'"
        )


def _describe_held(symbol: str, values: Floats) -> str:
    if (values == values[0]).all():
        return f"{symbol} held at {values[0]:g}"
    inside = ", ".join("learned" if np.isnan(v) else f"{v:g}" for v in values)
    return f"{symbol} held at ({inside})"
