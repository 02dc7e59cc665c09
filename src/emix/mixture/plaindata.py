"""A mixture as plain lists and as text, and back from lists that may hold anything.

Covariance matrices are given twice: as they are, for people and other software, and as the
numbers that the mixture itself keeps, from which it comes back to the bit.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import frozen
from emix.covariance import Common, Covariances, Dense, Diagonal, Isotropic, Oriented
from emix.errors import ParameterError
from emix.given import check_positive, check_shape, check_weights, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emix.arrays import Floats
    from emix.mixture.parameters import Parameters

# How far DᵀD may lie from the identity: rounding of products of rotations, no more.
TURN_SLACK = 1e-9
# What a repr shows of a large mixture.
MOST_ROWS, MOST_NUMBERS = 10, 8


def own_form(covariance: Covariances) -> dict[str, Floats]:
    """The arrays that a covariance value holds, by the names that plain data has for them.

    sds            standard deviations: (k,) of σ²I, (k, d) of diagonal matrices
    cholesky       lower triangular L with Σ = L Lᵀ: (k, d, d), or (d, d) for one common matrix
    axes           (k, d) standard deviations along the axes, columns of the
    orientations   (k, d, d) orthogonal matrices
    """
    if isinstance(covariance, Isotropic | Diagonal):
        return {"sds": covariance.sds}
    if isinstance(covariance, Common):
        return {"cholesky": covariance.factor}
    if isinstance(covariance, Oriented):
        return {"axes": covariance.axes, "orientations": covariance.orientations}
    return {"cholesky": covariance.factors}


def smallest(mixture: Parameters) -> dict[str, Any]:
    """Lists from which the mixture comes back to the bit, and no more than that."""
    arrays = {"weights": mixture.weights, "means": mixture.means, **own_form(mixture.covariance)}
    return {name: array.tolist() for name, array in arrays.items()}


def parameters(plain: dict[str, Any]) -> tuple[Floats, Floats, Covariances | Floats]:
    """Checked weights (k,), means (k, d) and covariances, as a value or as matrices (k, d, d).

    Raises `ParameterError` for what describes no mixture.
    """
    missing = {"weights", "means"} - set(plain)
    if missing:
        raise ParameterError(f"a mixture needs {', '.join(sorted(missing))} as well")
    weights, means = numbers(plain["weights"], "weights", 1), numbers(plain["means"], "means", 2)
    k, d = len(weights), means.shape[1]
    check_shape(means, "means", k, d)
    check_weights(weights)
    value = _value(plain, k, d)
    if value is None:
        if "covariances" not in plain:
            raise ParameterError("a mixture needs covariances as well")
        return weights, means, numbers(plain["covariances"], "covariances", 3)
    if "covariances" in plain:
        _check_same(numbers(plain["covariances"], "covariances", 3), value)
    return weights, means, value


def _value(plain: dict[str, Any], k: int, d: int) -> Covariances | None:
    """The covariance value whose `own_form` is in `plain`; None where there is none."""
    forms = [name for name in ("sds", "cholesky", "axes") if name in plain]
    if len(forms) > 1:
        raise ParameterError(f"{' and '.join(forms)} say the same; give one of them")
    if "sds" in plain:
        return _spherical_or_diagonal(numbers(plain["sds"], "sds", 1, 2), k, d)
    if "cholesky" in plain:
        return _triangular(numbers(plain["cholesky"], "cholesky", 2, 3), k, d)
    if "axes" in plain and "orientations" in plain:
        return _oriented(numbers(plain["axes"], "axes", 2),
                         numbers(plain["orientations"], "orientations", 3), k, d)
    if "axes" in plain or "orientations" in plain:
        raise ParameterError("axes and orientations belong together; one is missing")
    return None


def _spherical_or_diagonal(sds: Floats, k: int, d: int) -> Covariances:
    # In one column there is one way to hold standard deviations, (k,).
    check_shape(sds, "sds", *((k,) if d == 1 or sds.ndim == 1 else (k, d)))
    check_positive(sds, "sds")
    return Isotropic(frozen(sds), d) if sds.ndim == 1 else Diagonal(frozen(sds))


def _triangular(factors: Floats, k: int, d: int) -> Covariances:
    if d == 1:
        raise ParameterError("cholesky is for more columns; one column has sds")
    check_shape(factors, "cholesky", *((d, d) if factors.ndim == 2 else (k, d, d)))
    if np.triu(factors, 1).any():
        raise ParameterError("cholesky is not lower triangular; expected zeros above the diagonal")
    check_positive(np.diagonal(factors, axis1=-2, axis2=-1), "diagonal of cholesky")
    return Common(frozen(factors), k) if factors.ndim == 2 else Dense(frozen(factors))


def _oriented(axes: Floats, orientations: Floats, k: int, d: int) -> Covariances:
    check_shape(axes, "axes", k, d)
    check_positive(axes, "axes")
    check_shape(orientations, "orientations", k, d, d)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        products = np.swapaxes(orientations, 1, 2) @ orientations
        off = ~(np.abs(products - np.eye(d)) <= TURN_SLACK)
    if off.any():
        raise ParameterError(f"orientations[{int(np.argwhere(off)[0, 0])}] is not orthogonal")
    return Oriented(frozen(axes), frozen(orientations))


def _check_same(covariances: Floats, value: Covariances) -> None:
    """Raises `ParameterError` unless these are, but for rounding, the matrices of the value."""
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        dense = value.dense()
        sds = np.sqrt(np.diagonal(dense, axis1=1, axis2=2))
        same = covariances.shape == dense.shape and bool(
            (np.abs(covariances - dense) <= 1e-12 * sds[:, :, None] * sds[:, None, :]).all()
        )
    if not same:
        held = " and ".join(own_form(value))
        raise ParameterError(f"covariances are not those of {held}; give one of them")


def text(mixture: Parameters) -> str:
    """What `repr` says of a mixture in more columns: weights, means, sds, as far as they fit."""
    k, d = mixture.n_components, mixture.n_features
    sds = [mixture.covariance.marginal(np.array([j])).factors[:, 0, 0]
           for j in range(min(d, MOST_NUMBERS))]
    lines = [f"<Mixture of {k} component{'s' * (k > 1)} in {d} columns, "
             f"{type(mixture.covariance).__name__} covariances"]
    for j in range(min(k, MOST_ROWS)):
        mean, sd = mixture.means[j], [column[j] for column in sds]
        lines.append(f" {j}: weight {mixture.weights[j]:.4g}, mean {_row(mean, d)}, "
                     f"sd {_row(sd, d)}")
    if k > MOST_ROWS:
        lines.append(f" and {k - MOST_ROWS} more")
    return "\n".join(lines) + ">"


def _row(values: Iterable[float], d: int) -> str:
    shown = " ".join(f"{value:.4g}" for value in islice(values, MOST_NUMBERS))
    return f"[{shown}{' …' * (d > MOST_NUMBERS)}]"
