"""What a Mixture holds: parameters that nothing can change, in an order and in units."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from emix.arrays import Floats, Order, frozen
from emix.covariance import Covariances, Isotropic
from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.arrays import Units


class Parameters:
    """Weights Φ (k,), means μ (k, d) and covariances Σ of k components, as a frozen value."""

    __slots__ = ("covariance", "means", "weights")

    weights: Floats
    means: Floats
    covariance: Covariances

    @classmethod
    def trusted(cls, weights: Floats, means: Floats, covariance: Covariances) -> Self:
        """From parameters that are known to be valid, unchecked and uncopied."""
        mixture = object.__new__(cls)
        mixture._set(weights, means, covariance)
        return mixture

    def _set(self, weights: Floats, means: Floats, covariance: Covariances) -> None:
        object.__setattr__(self, "weights", frozen(weights))
        object.__setattr__(self, "means", frozen(means))
        object.__setattr__(self, "covariance", covariance)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Mixture does not change; build another to alter its {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Mixture does not change")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self).trusted, (self.weights, self.means, self.covariance))

    def __eq__(self, other: object) -> bool:
        """Equal to the bit, component by component."""
        return isinstance(other, Parameters) and all(
            np.array_equal(a, b)
            for a, b in ((self.weights, other.weights), (self.means, other.means),
                         *_spreads(self.covariance, other.covariance))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if self.n_features == 1:
            return (f"Mixture.univariate(weights={self.weights.tolist()}, "
                    f"means={self.means[:, 0].tolist()}, sds={self.sds.tolist()})")
        from emix.mixture.plaindata import text

        return text(self)

    @property
    def n_components(self) -> int:
        """k"""
        return len(self.weights)

    @property
    def n_features(self) -> int:
        """d"""
        return int(self.means.shape[1])

    @property
    def covariances(self) -> Floats:
        """Σ, shape (k, d, d); in one column (k, 1, 1)."""
        return frozen(self.covariance.dense())

    @property
    def sds(self) -> Floats:
        """σ, shape (k,), in one column; raises `ParameterError` in more."""
        if not isinstance(self.covariance, Isotropic) or self.n_features != 1:
            raise ParameterError("sds is for one column; in more use covariances (k, d, d)")
        return self.covariance.sds

    def in_canonical_order(self) -> Self:
        """The same mixture with components sorted by mean (first column first), then by size.

        Fits are returned in this order, so that labels do not depend on where a fit started.
        """
        return self.reordered(self.canonical_order())

    def canonical_order(self) -> Order:
        """The permutation that `in_canonical_order` applies, shape (k,)."""
        if self.n_features == 1 and _ascend(self.means[:, 0].tolist()):
            return np.arange(self.n_components)
        keys = [-self.weights, self.covariance.log_determinants]
        keys += [self.means[:, j] for j in reversed(range(self.n_features))]
        return np.lexsort(keys)

    def reordered(self, order: Order) -> Self:
        """The same mixture with components in another order (k,)."""
        if order.tolist() == list(range(len(order))):
            return self
        return type(self).trusted(
            self.weights[order], self.means[order], self.covariance.reordered(order)
        )

    def inward(self, units: Units) -> Self:
        """This mixture in internal units."""
        covariance = self.covariance.rescaled(units.scale)
        return type(self).trusted(self.weights, units.inward(self.means), covariance)

    def outward(self, units: Units) -> Self:
        """This mixture, in internal units, in those of the data."""
        covariance = self.covariance.rescaled(1 / units.scale)
        return type(self).trusted(self.weights, units.outward(self.means), covariance)


def _spreads(one: Covariances, other: Covariances) -> list[tuple[Floats, Floats]]:
    """What must be equal for two covariance values to hold the same matrices."""
    from emix.mixture.plaindata import own_form

    if type(one) is type(other):
        return list(zip(own_form(one).values(), own_form(other).values(), strict=True))
    # Not the matrices: the square of a small σ is 0.
    return [(one.factors, other.factors)]


def _ascend(values: list[float]) -> bool:
    return all(a < b for a, b in pairwise(values))
