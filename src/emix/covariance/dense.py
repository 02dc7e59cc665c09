"""Any positive definite matrices, held by their Cholesky factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import frozen
from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.arrays import Floats, Order


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """Covariances Σ_k = L_k L_kᵀ with lower triangular factors L of shape (k, d, d)."""

    factors: Floats

    def __post_init__(self) -> None:
        frozen(self.factors)

    def __reduce__(self) -> tuple[type[Dense], tuple[Floats]]:
        # So that a copy is made read-only as well.
        return Dense, (self.factors,)

    @classmethod
    def from_matrices(cls, covariances: Floats) -> Dense:
        """Factor symmetric matrices (k, d, d).

        Raises `ParameterError` naming the first component whose matrix is not symmetric and
        positive definite.
        """
        factors = np.empty_like(covariances)
        for component, matrix in enumerate(covariances):
            if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=0):
                raise ParameterError(
                    f"covariances[{component}] is not symmetric; pass (Σ + Σᵀ) / 2 if the "
                    f"difference is rounding"
                )
            try:
                factors[component] = np.linalg.cholesky(matrix)
            except np.linalg.LinAlgError:
                smallest = float(np.linalg.eigvalsh(matrix)[0])
                raise ParameterError(
                    f"covariances[{component}] is not positive definite (smallest eigenvalue "
                    f"{smallest:.3g}); a covariance needs all eigenvalues above 0"
                ) from None
        return cls(factors)

    @property
    def n_components(self) -> int:
        return int(self.factors.shape[0])

    @property
    def n_features(self) -> int:
        return int(self.factors.shape[1])

    @property
    def log_determinants(self) -> Floats:
        """log |Σ_k| = 2 Σ_j log L_kjj, shape (k,)."""
        logs: Floats = 2 * np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1)
        return logs

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """L⁻¹ (x − μ), (n, d)."""
        from scipy.linalg import solve_triangular

        whitened: Floats = solve_triangular(self.factors[component], deviations.T, lower=True).T
        return whitened

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """L z, (n, d)."""
        unwhitened: Floats = whitened @ self.factors[component].T
        return unwhitened

    def dense(self) -> Floats:
        return self.factors @ np.swapaxes(self.factors, 1, 2)

    def reordered(self, order: Order) -> Dense:
        return Dense(self.factors[order])

    def rescaled(self, factors: Floats) -> Dense:
        return Dense(self.factors * factors[:, None])
