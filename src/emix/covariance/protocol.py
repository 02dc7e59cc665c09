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

# Traces (k,), diagonals (k, d), matrices (k, d, d), or their sum over components (1, d, d).
ScatterForm = Literal["spherical", "diagonal", "full", "pooled"]

# Whether volume, shape or orientation is equal for all components, varies, or is the identity.
Letter = Literal["E", "V", "I"]


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

    @property
    def factors(self) -> Floats:
        """Lower triangular L_k with positive diagonal and Σ_k = L_k L_kᵀ, shape (k, d, d)."""
        ...

    @property
    def is_common(self) -> bool:
        """Whether one matrix is known to serve all components."""
        ...

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """R⁻¹ (x − μ) for some root R Rᵀ = Σ: deviations (n, d) to whitened ones (n, d)."""
        ...

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """R z: the inverse of `whiten`, (n, d) to (n, d)."""
        ...

    def dense(self) -> Floats:
        """The matrices Σ_k themselves, shape (k, d, d)."""
        ...

    def reordered(self, order: Order) -> Covariances:
        """The same matrices with components in another order."""
        ...

    def rescaled(self, factors: Floats) -> Covariances:
        """The matrices after column j is multiplied by factors[j] > 0 (d,)."""
        ...

    def marginal(self, columns: Order) -> Covariances:
        """The matrices of the chosen columns alone, in the order given (m,)."""
        ...

    def at_floor(self, floor: float) -> Mask:
        """Which components rest on the least spread that a fit allows them, (k,)."""
        ...


class Structure(Protocol):
    """A family of covariance matrices and its M-step."""

    @property
    def name(self) -> str:
        """mclust's letters: E and V in one column; EII, VII, … in more."""
        ...

    @property
    def volume(self) -> Letter: ...

    @property
    def shape(self) -> Letter: ...

    @property
    def orientation(self) -> Letter: ...

    @property
    def scatter_form(self) -> ScatterForm:
        """The smallest form of scatter that the M-step needs."""
        ...

    @property
    def is_common(self) -> bool:
        """Whether one matrix serves all components, so that they are held all or none."""
        ...

    @property
    def is_separate(self) -> bool:
        """Whether components share nothing, so that each may be held by itself."""
        ...

    @property
    def is_scale_free(self) -> bool:
        """Whether the family stays itself when columns are scaled apart."""
        ...

    def n_parameters(self, n_learned: int, n_features: int) -> int:
        """Free covariance parameters when `n_learned` components are not held."""
        ...

    def maximise(
        self, old: Covariances, scatter: Floats, weight: Floats, learned: Mask, floor: float
    ) -> Covariances:
        """The M-step: the matrices that maximise the expected log-likelihood.

        `scatter` holds Σ_i r_ik (x_i − μ_k)(x_i − μ_k)ᵀ about the *new* means in `scatter_form`,
        `weight` Σ_i r_ik (k,). Components outside `learned` keep `old` to the bit; so does a
        component of weight 0, as far as what it has is its own. No standard deviation falls
        below `floor`. A structure found by iteration starts from `old` and is never worse.
        """
        ...

    def gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        """d/dθ Σ_k [−n_k/2 log |Σ_k| − ½ tr Σ_k⁻¹ S_k] along the free directions θ of the
        structure, in coordinates without units, not normalised: a flat array. Zero for what
        rests on the floor and would go below it. `scatter` is about the current means.
        """
        ...

    def conform(self, covariances: Covariances, weights: Floats) -> Covariances:
        """The nearest covariances in the family: its M-step on data whose components have
        `weights` (k,) and `covariances`."""
        ...
