"""Between a Mixture and the arrays in which scikit-learn keeps its parameters.

    spherical   one number for each component     (k,)
    diag        one for each column of each       (k, d)
    tied        one matrix for all                (d, d)
    full        one matrix for each               (k, d, d)

Covariances, precisions and their Cholesky factors all have these shapes. Structures that
scikit-learn does not know have those of "full".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Dense, Isotropic
from emix.covariance.factoring import forward_substituted, triangular
from emix.errors import ParameterError
from emix.given import numbers
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.covariance import Covariances

# Given parameters may be rounded: scikit-learn asks weights to sum to 1 within 1e-6 in single
# precision, and matrices to be symmetric within 1e-5.
WEIGHT_SLACK = 1e-6
SYMMETRY_SLACK = 1e-5


def shape_of(covariance_type: str, k: int, d: int) -> tuple[int, ...]:
    """The shape of covariances_, precisions_, precisions_cholesky_ and precisions_init."""
    shapes = {"spherical": (k,), "diag": (k, d), "tied": (d, d)}
    return shapes.get(covariance_type, (k, d, d))


def compact(matrices: Floats, covariance_type: str) -> Floats:
    """Matrices (k, d, d) of that type in its own shape, a copy."""
    diagonals = np.diagonal(matrices, axis1=1, axis2=2)
    shapes = {"spherical": diagonals[:, 0], "diag": diagonals, "tied": matrices[0]}
    return np.array(shapes.get(covariance_type, matrices))


def expanded(values: Floats, covariance_type: str, k: int, d: int) -> Floats:
    """The matrices (k, d, d) of which `values` are the compact form."""
    match covariance_type:
        case "spherical":
            return values[:, None, None] * np.eye(d)
        case "diag":
            return values[:, :, None] * np.eye(d)
        case "tied":
            return np.repeat(values[None], k, axis=0)
        case _:
            return values


def parameters_of(mixture: Mixture, covariance_type: str) -> dict[str, Floats]:
    """weights_, means_, covariances_, precisions_ and precisions_cholesky_ of a mixture.

    precisions_cholesky_ is scikit-learn's U, upper triangular with Σ⁻¹ = U Uᵀ: U = L⁻ᵀ for
    Σ = L Lᵀ.
    """
    factors = compact(mixture.covariance.factors, covariance_type)
    if covariance_type in ("spherical", "diag"):
        covariances, upper = factors**2, 1 / factors
        precisions = upper**2
    else:
        covariances = compact(mixture.covariance.dense(), covariance_type)
        lower = factors.reshape(-1, *factors.shape[-2:])
        inverse = forward_substituted(lower, np.broadcast_to(np.eye(lower.shape[1]), lower.shape))
        upper = np.swapaxes(inverse, 1, 2).reshape(factors.shape).copy()
        precisions = upper @ np.swapaxes(upper, -1, -2)
    return {
        "weights_": mixture.weights.copy(), "means_": mixture.means.copy(),
        "covariances_": covariances, "precisions_": precisions, "precisions_cholesky_": upper,
    }


def mixture_of(
    weights: object, means: object, name: str, spread: object, covariance_type: str
) -> Mixture:
    """The mixture that scikit-learn's arrays describe; `spread` is covariances_ or
    precisions_cholesky_, as `name` says, the latter any C with Σ⁻¹ = C Cᵀ.

    Raises `ParameterError` for arrays that make no mixture.
    """
    w, mu = checked_weights(weights, "weights_"), numbers(means, "means_", 2)
    k, d = mu.shape
    if len(w) != k:
        raise ParameterError(f"weights_ has shape {w.shape}; expected one for each of {k} means_")
    given = shaped(spread, shape_of(covariance_type, k, d), name)
    matrices = expanded(given, covariance_type, k, d)
    if name == "covariances_":
        return Mixture(w, mu, matrices)
    return Mixture.trusted(w, mu, spread_of(matrices))


def spread_of(precision_roots: Floats) -> Covariances:
    """The covariances of which C (k, d, d) with Σ⁻¹ = C Cᵀ are given: Σ = C⁻ᵀ C⁻¹.

    Raises `ParameterError` where one is singular.
    """
    try:
        roots = np.swapaxes(np.linalg.inv(precision_roots), 1, 2)
    except np.linalg.LinAlgError:
        raise ParameterError("precisions_cholesky_ is singular; expected C with C Cᵀ positive "
                             "definite") from None
    return spread_of_roots(roots)


def spread_of_roots(roots: Floats) -> Covariances:
    """Covariances R Rᵀ from R (k, d, m ≥ d)."""
    factors = triangular(roots)
    return Isotropic(factors[:, 0, 0].copy()) if factors.shape[1] == 1 else Dense(factors)


def roots_of_precisions(precisions: object, covariance_type: str, k: int, d: int) -> Floats:
    """C (k, d, d) with Σ⁻¹ = C Cᵀ from precisions_init in the shape of its type.

    Raises `ParameterError` for another shape and for what is not positive definite.
    """
    given = shaped(precisions, shape_of(covariance_type, k, d), "precisions_init")
    if covariance_type in ("spherical", "diag"):
        if not (given > 0).all():
            raise ParameterError("precisions_init holds a number that is not above 0; a precision "
                                 "is 1 / σ²")
        return expanded(np.sqrt(given), covariance_type, k, d)
    matrices = expanded(given, covariance_type, k, d)
    mirrored = np.swapaxes(matrices, 1, 2)
    sizes = np.sqrt(np.abs(np.diagonal(matrices, axis1=1, axis2=2)))
    if (np.abs(matrices - mirrored) > SYMMETRY_SLACK * sizes[:, :, None] * sizes[:, None]).any():
        raise ParameterError("precisions_init is not symmetric")
    try:
        return np.asarray(np.linalg.cholesky((matrices + mirrored) / 2), np.float64)
    except np.linalg.LinAlgError:
        raise ParameterError("precisions_init is not positive definite") from None


def checked_weights(weights: object, name: str) -> Floats:
    """Weights (k,) that sum to 1 to six digits, as scikit-learn takes them, made to sum to 1.

    Raises `ParameterError` otherwise.
    """
    w = numbers(weights, name, 1)
    total = float(w.sum())
    if (w < 0).any() or abs(total - 1) > WEIGHT_SLACK:
        raise ParameterError(f"{name} are {w.tolist()}, which sum to {total:g}; expected weights "
                             f"that are not negative and sum to 1")
    scaled: Floats = w / total
    return scaled


def shaped(values: object, shape: tuple[int, ...], name: str) -> Floats:
    """`values` as finite numbers of that shape; raises `ParameterError`."""
    array = numbers(values, name, len(shape))
    if array.shape != shape:
        raise ParameterError(f"{name} has shape {array.shape}; expected {shape}")
    return array
