"""What a covariance structure owes the rest of the house.

Two roles, kept apart. A `Covariances` is a value: the covariance matrices of the k components
of one mixture, in the smallest form that can hold them. A `Structure` is a rule: which matrices
the model allows, and so how they are estimated from scatter. A new structure is one file and
one line in the table of `emix.covariance`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order

ScatterForm = Literal["spherical", "diagonal", "full"]


class Covariances(Protocol):
    """The covariance matrices of k components in d columns, as an immutable value."""

    @property
    def n_components(self) -> int: ...

    @property
    def n_features(self) -> int: ...

    @property
    def log_determinants(self) -> Floats:
        """log |Σ_k|, shape (k,)."""
        ...

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """L⁻¹ (x − μ) for Σ = L Lᵀ: deviations (n, d) to whitened deviations (n, d)."""
        ...

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """L z: the inverse of `whiten`, (n, d) to (n, d)."""
        ...

    def dense(self) -> Floats:
        """The matrices Σ_k themselves, shape (k, d, d)."""
        ...

    def reordered(self, order: Order) -> Covariances:
        """The same matrices with components in another order."""
        ...

    def rescaled(self, factors: Floats) -> Covariances:
        """The matrices after column j is multiplied by factors[j] (d,)."""
        ...


class Structure(Protocol):
    """A family of covariance matrices and its M-step."""

    @property
    def name(self) -> str:
        """mclust's letters: E and V in one column; EII, VII, … in more."""
        ...

    @property
    def scatter_form(self) -> ScatterForm:
        """The smallest form of scatter that the M-step needs."""
        ...

    @property
    def is_common(self) -> bool:
        """Whether one matrix serves all components, so that they are held all or none."""
        ...

    def n_parameters(self, n_learned: int, n_features: int) -> int:
        """Free covariance parameters when `n_learned` components are not held."""
        ...

    def maximise(
        self, old: Covariances, scatter: Floats, weight: Floats, learned: Mask, floor: float
    ) -> Covariances:
        """The M-step: the matrices that maximise the expected log-likelihood.

        `scatter` holds Σ_i r_ik (x_i − μ_k)(x_i − μ_k)ᵀ about the *new* means in `scatter_form`
        ((k,) traces, (k, d) or (k, d, d)), `weight` Σ_i r_ik (k,). Components outside `learned`
        keep `old` to the bit; no standard deviation falls below `floor`.
        """
        ...
