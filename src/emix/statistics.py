"""Statistics: all that a block of data tells the M-step, as a monoid.

Sums are taken about a *stated centre*, the component means that the block was scored with. Two
blocks scored with one mixture share that centre, so merging is addition; and because the sums
are centred, an offset of 1e8 in the data costs them no digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import Floats

if TYPE_CHECKING:
    from collections.abc import Callable

    from emix.arrays import Units
    from emix.covariance import ScatterForm


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Weighted sums over rows i for each component k, with w the row weights.

    centre   (k, d)  the means c the rows were scored with
    weight   (k,)    Σ w r
    shift    (k, d)  Σ w r (x − c)
    scatter          Σ w r (x − c)(x − c)ᵀ in the smallest form the structure needs: the trace
                     (k,), the diagonal (k, d), all of it (k, d, d), or all of it summed over
                     components, each about its own centre (1, d, d)
    loglik           Σ w log f(x)
    total            Σ w
    count            rows of positive weight
    rounding         what sums are right to, relative to their terms, where that is less than double
                     precision gives; else 0
    """

    centre: Floats
    weight: Floats
    shift: Floats
    scatter: Floats
    loglik: float
    total: float
    count: int
    rounding: float = 0.0

    @classmethod
    def zero(cls, centre: Floats, shape: tuple[int, ...]) -> Statistics:
        """The neutral element for blocks scored about `centre`."""
        k, d = centre.shape
        return cls(centre, np.zeros(k), np.zeros((k, d)), np.zeros(shape), 0.0, 0.0, 0)

    def __add__(self, other: Statistics) -> Statistics:
        """The statistics of both blocks together; raises ValueError for different centres."""
        if self.centre is not other.centre and not np.array_equal(self.centre, other.centre):
            raise ValueError("statistics about different centres do not add; recentre one first")
        return Statistics(
            self.centre,
            self.weight + other.weight,
            self.shift + other.shift,
            self.scatter + other.scatter,
            self.loglik + other.loglik,
            self.total + other.total,
            self.count + other.count,
            max(self.rounding, other.rounding),
        )

    def scaled(self, factor: float) -> Statistics:
        """The statistics of the same rows, each of `factor` > 0 times its weight."""
        return Statistics(
            self.centre, factor * self.weight, factor * self.shift, factor * self.scatter,
            factor * self.loglik, factor * self.total, self.count, self.rounding,
        )

    def recentred(self, centre: Floats) -> Statistics:
        """The same sums about another centre b: with δ = b − c,

        Σ r (x − b) = s₁ − s₀ δ and Σ r (x − b)(x − b)ᵀ = S₂ − s₁ δᵀ − δ s₁ᵀ + s₀ δ δᵀ,
        written as (scatter about the component's own mean) + s₀ (offset)(offset)ᵀ, in which
        nothing cancels.
        """
        delta = centre - self.centre
        shift = self.shift - self.weight[:, None] * delta
        return Statistics(
            centre, self.weight, shift, self.scatter_about(centre), self.loglik, self.total,
            self.count, self.rounding,
        )

    def scatter_about(self, centre: Floats) -> Floats:
        """Σ w r (x − b)(x − b)ᵀ about other means b (k, d), in the form of `scatter`."""
        weight = np.where(self.weight > 0, self.weight, 1.0)[:, None]
        own = self.shift / weight
        offset = (centre - self.centre) - own
        outer = _outer_like(self.scatter, len(weight))
        # The scatter about its own mean is not negative, whatever rounding says.
        within = self.scatter - outer(own * self.weight[:, None], own)
        if within.ndim < 3:
            within = np.maximum(within, 0.0)
        about: Floats = within + outer(offset * self.weight[:, None], offset)
        return about

    # What a component far from all points has of them may be less than any double there.
    @np.errstate(under="ignore")
    def outward(self, units: Units) -> Statistics:
        """From internal units to those of the data."""
        shift = self.shift / units.scale
        if self.scatter.ndim == 1:
            scatter = self.scatter / units.scale[0] ** 2
        elif self.scatter.ndim == 2:
            scatter = self.scatter / units.scale**2
        else:
            scatter = self.scatter / np.multiply.outer(units.scale, units.scale)
        loglik = self.loglik + self.total * units.log_jacobian
        return Statistics(
            units.outward(self.centre), self.weight, shift, scatter, loglik, self.total, self.count,
            self.rounding,
        )


def scatter_shape(form: ScatterForm, n_components: int, n_features: int) -> tuple[int, ...]:
    """The shape of `Statistics.scatter` in a structure's form."""
    k, d = n_components, n_features
    shapes: dict[ScatterForm, tuple[int, ...]] = {
        "spherical": (k,), "diagonal": (k, d), "full": (k, d, d), "pooled": (1, d, d),
    }
    return shapes[form]


def _outer_like(scatter: Floats, n_components: int) -> Callable[[Floats, Floats], Floats]:
    """a bᵀ per component in the form of `scatter`: its trace, its diagonal, all of it, or that
    summed over components."""
    if scatter.ndim == 3 and len(scatter) < n_components:
        return lambda a, b: (a.T @ b)[None]
    subscripts = {1: "kd,kd->k", 2: "kd,kd->kd", 3: "ki,kj->kij"}[scatter.ndim]
    return lambda a, b: np.einsum(subscripts, a, b)
