"""diag(σ²): columns that are independent within a component."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import frozen
from emix.covariance.factoring import RESTS

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order


@dataclass(frozen=True, slots=True, eq=False)
class Diagonal:
    """Covariances Σ_k = diag(σ_k1², …, σ_kd²), held by their standard deviations (k, d)."""

    sds: Floats

    def __post_init__(self) -> None:
        frozen(self.sds)

    def __reduce__(self) -> tuple[type[Diagonal], tuple[Floats]]:
        # So that a copy is made read-only as well.
        return Diagonal, (self.sds,)

    @property
    def n_components(self) -> int:
        return int(self.sds.shape[0])

    @property
    def n_features(self) -> int:
        return int(self.sds.shape[1])

    @property
    def log_determinants(self) -> Floats:
        """log |Σ_k| = 2 Σ_j log σ_kj, shape (k,)."""
        logs: Floats = 2 * np.log(self.sds).sum(axis=1)
        return logs

    @property
    def factors(self) -> Floats:
        """diag(σ_k), (k, d, d)."""
        return self.sds[:, :, None] * np.eye(self.n_features)

    @property
    def is_common(self) -> bool:
        return len(self.sds) == 1

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """(x − μ) / σ column by column, (n, d)."""
        whitened: Floats = deviations / self.sds[component]
        return whitened

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """σ z column by column, (n, d)."""
        unwhitened: Floats = whitened * self.sds[component]
        return unwhitened

    def dense(self) -> Floats:
        """diag(σ_k²), (k, d, d)."""
        # Squares may be no doubles; infinity times the zeros beside it would be NaN.
        with np.errstate(over="ignore", under="ignore"):
            variances = self.sds**2
        return np.where(np.eye(self.n_features, dtype=bool), variances[:, :, None], 0.0)

    def reordered(self, order: Order) -> Diagonal:
        return Diagonal(self.sds[order])

    def rescaled(self, factors: Floats) -> Diagonal:
        return Diagonal(self.sds * factors)

    def marginal(self, columns: Order) -> Diagonal:
        return Diagonal(self.sds[:, columns])

    def at_floor(self, floor: float) -> Mask:
        """Any of the component's σ on the floor, (k,)."""
        least: Floats = self.sds.min(axis=1)
        return least <= floor * RESTS
