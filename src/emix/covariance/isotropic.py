"""σ²I: one standard deviation per component. In one column this is every covariance there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import frozen
from emix.covariance.diagonal import Diagonal
from emix.covariance.factoring import RESTS

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order


@dataclass(frozen=True, slots=True, eq=False)
class Isotropic:
    """Covariances Σ_k = σ_k² I_d, held by their standard deviations (k,).

    Standard deviations, not variances, so that a σ that a user holds keeps its bits.
    """

    sds: Floats
    n_features: int = 1

    def __post_init__(self) -> None:
        frozen(self.sds)

    def __reduce__(self) -> tuple[type[Isotropic], tuple[Floats, int]]:
        # So that a copy is made read-only as well.
        return Isotropic, (self.sds, self.n_features)

    @property
    def n_components(self) -> int:
        return len(self.sds)

    @property
    def log_determinants(self) -> Floats:
        """log |Σ_k| = 2 d log σ_k, shape (k,)."""
        return 2 * self.n_features * np.log(self.sds)

    @property
    def factors(self) -> Floats:
        """σ_k I, (k, d, d)."""
        return self.sds[:, None, None] * np.eye(self.n_features)

    @property
    def is_common(self) -> bool:
        return len(self.sds) == 1

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """(x − μ) / σ, (n, d)."""
        return deviations / float(self.sds[component])

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """σ z, (n, d)."""
        return whitened * float(self.sds[component])

    def dense(self) -> Floats:
        """σ_k² I, (k, d, d)."""
        # Squares may be no doubles; infinity times the zeros beside it would be NaN.
        with np.errstate(over="ignore", under="ignore"):
            variances = self.sds**2
        return np.where(np.eye(self.n_features, dtype=bool), variances[:, None, None], 0.0)

    def reordered(self, order: Order) -> Isotropic:
        return Isotropic(self.sds[order], self.n_features)

    def rescaled(self, factors: Floats) -> Isotropic | Diagonal:
        """σ²I again when all columns are scaled alike, else a diagonal."""
        if len(factors) > 1 and np.any(factors != factors[0]):
            return Diagonal(self.sds[:, None] * factors)
        return Isotropic(self.sds * factors[0], self.n_features)

    def marginal(self, columns: Order) -> Isotropic:
        return Isotropic(self.sds, len(columns))

    def at_floor(self, floor: float) -> Mask:
        """σ_k on the floor, (k,)."""
        return self.sds <= floor * RESTS
