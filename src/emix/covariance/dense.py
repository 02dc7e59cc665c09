"""Any positive definite matrices, held by their Cholesky factors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import frozen
from emix.covariance.factoring import log_determinants, resting_pivots, triangular, whitened_rows
from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order


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
            with np.errstate(under="ignore"):
                is_symmetric = np.allclose(matrix, matrix.T, rtol=1e-10, atol=0)
            if not is_symmetric:
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
        return log_determinants(self.factors)

    @property
    def is_common(self) -> bool:
        return len(self.factors) == 1

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """L⁻¹ (x − μ), (n, d)."""
        return whitened_rows(self.factors[component], deviations)

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """L z, (n, d)."""
        unwhitened: Floats = whitened @ self.factors[component].T
        return unwhitened

    def dense(self) -> Floats:
        # As in `rescaled`.
        with np.errstate(under="ignore"):
            return self.factors @ np.swapaxes(self.factors, 1, 2)

    def reordered(self, order: Order) -> Dense:
        return Dense(self.factors[order])

    def rescaled(self, factors: Floats) -> Dense:
        # What one column owes another may be less than any double where units are.
        with np.errstate(under="ignore"):
            return Dense(self.factors * factors[:, None])

    def marginal(self, columns: Order) -> Dense:
        return Dense(triangular(self.factors[:, columns]))

    def at_floor(self, floor: float) -> Mask:
        """Any pivot of the component on the floor, (k,)."""
        return np.asarray(resting_pivots(self.factors, floor).any(axis=1), np.bool_)
