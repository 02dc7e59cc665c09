"""One positive definite matrix for all components, held by its Cholesky factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import frozen
from emix.covariance.factoring import log_determinants, resting_pivots, triangular, whitened_rows

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """Covariances Σ_k = L Lᵀ, the same for all: one lower triangular factor L (d, d)."""

    factor: Floats
    n_components: int

    def __post_init__(self) -> None:
        frozen(self.factor)

    def __reduce__(self) -> tuple[type[Common], tuple[Floats, int]]:
        # So that a copy is made read-only as well.
        return Common, (self.factor, self.n_components)

    @property
    def n_features(self) -> int:
        return len(self.factor)

    @property
    def log_determinants(self) -> Floats:
        """log |Σ| for each component, shape (k,)."""
        return np.repeat(log_determinants(self.factor[None]), self.n_components)

    @property
    def factors(self) -> Floats:
        """L for each component, (k, d, d), a read-only view of one."""
        return np.broadcast_to(self.factor, (self.n_components, *self.factor.shape))

    @property
    def is_common(self) -> bool:
        return True

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """L⁻¹ (x − μ), (n, d)."""
        return whitened_rows(self.factor, deviations)

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """L z, (n, d)."""
        return whitened @ self.factor.T

    def dense(self) -> Floats:
        return np.repeat((self.factor @ self.factor.T)[None], self.n_components, axis=0)

    def reordered(self, order: Order) -> Common:
        return Common(self.factor, len(order))

    def rescaled(self, factors: Floats) -> Common:
        return Common(self.factor * factors[:, None], self.n_components)

    def marginal(self, columns: Order) -> Common:
        return Common(triangular(self.factor[None, columns])[0], self.n_components)

    def at_floor(self, floor: float) -> Mask:
        """Whether any pivot rests on the floor, for all components alike, (k,)."""
        return np.full(self.n_components, resting_pivots(self.factor[None], floor).any())
