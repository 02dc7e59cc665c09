"""Checks of what a mixture is given: its parameters, and the columns and rows it is asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import as_points
from emix.errors import DataError, ParameterError

if TYPE_CHECKING:
    from emix.arrays import Floats, Order, Points

# How far weights may sum from 1: rounding of a few hundred decimals, no more.
WEIGHT_SLACK = 1e-12
# How far Σ_ij may lie from Σ_ji, in σ_i σ_j: rounding, no more.
SYMMETRY_SLACK = 1e-10


def numbers(value: object, name: str, *n_axes: int) -> Floats:
    """A copy of `value` as finite float64 with one of these numbers of axes.

    Raises `ParameterError`, which names the entry that is not finite.
    """
    try:
        array = np.array(value)
        if array.dtype.kind not in "fiu":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{name} is not an array of numbers of equal lengths") from None
    if array.ndim not in n_axes or array.size == 0:
        wanted = " or ".join(map(str, n_axes))
        raise ParameterError(f"{name} has shape {array.shape}; expected {wanted} "
                             f"{'axis' if n_axes == (1,) else 'axes'}, none of them empty")
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ParameterError(f"{name}{list(where)} is {array[where]}; expected a finite number")
    return array


def check_shape(array: Floats, name: str, *shape: int) -> None:
    """Raises `ParameterError` for an array of another shape."""
    if array.shape != shape:
        raise ParameterError(f"{name} has shape {array.shape}; expected {shape}")


def check_weights(weights: Floats) -> None:
    """Raises `ParameterError` for weights (k,) that are negative or do not sum to 1."""
    if (weights < 0).any():
        where = int(np.argmin(weights))
        raise ParameterError(f"weights[{where}] is {weights[where]}; mixing weights are not "
                             f"negative")
    if abs(weights.sum() - 1) > WEIGHT_SLACK:
        raise ParameterError(f"weights sum to {weights.sum():.15g}; expected 1 (divide them by "
                             f"their sum)")


def check_positive(values: Floats, name: str) -> None:
    """Raises `ParameterError` naming the first of the values that is not above 0."""
    if not (values > 0).all():
        where = [int(i) for i in np.argwhere(~(values > 0))[0]]
        raise ParameterError(f"{name}{where} is {values[tuple(where)]}; expected a number above 0")


def symmetric(covariances: Floats) -> Floats:
    """Matrices (k, d, d) with the rounding between Σ_ij and Σ_ji averaged away.

    What is symmetric already comes back to the bit. Raises `ParameterError` naming the first
    component of which that is more than rounding.
    """
    mirrored = np.swapaxes(covariances, 1, 2)
    if np.array_equal(covariances, mirrored):
        return covariances
    with np.errstate(over="ignore", under="ignore"):
        sds = np.sqrt(np.abs(np.diagonal(covariances, axis1=1, axis2=2)))
        slack = SYMMETRY_SLACK * sds[:, :, None] * sds[:, None, :]
        apart = np.abs(covariances - mirrored) > slack
    if apart.any():
        component = int(np.argwhere(apart)[0, 0])
        raise ParameterError(f"covariances[{component}] is not symmetric; pass (Σ + Σᵀ) / 2 if "
                             f"the difference is rounding")
    averaged: Floats = 0.5 * covariances + 0.5 * mirrored
    return averaged


def as_positions(columns: object, n_features: int) -> Order:
    """Positions of columns as (m,), in the order given; one may come as a number.

    Raises `ParameterError` for what is no whole number, no column, or there twice.
    """
    try:
        given = np.atleast_1d(np.array(columns))
    except ValueError:
        given = np.empty(0)
    if given.dtype.kind not in "iu" or given.ndim != 1 or given.size == 0:
        raise ParameterError(f"columns={columns!r}; expected positions of columns, whole numbers "
                             f"from 0 to {n_features - 1}")
    for column in given.tolist():
        if not 0 <= column < n_features:
            raise ParameterError(f"column {column} is none of the {n_features} that the mixture "
                                 f"has; they are counted from 0")
    chosen = given.astype(np.intp)
    if len(np.unique(chosen)) < len(chosen):
        raise ParameterError(f"columns={chosen.tolist()}; a column is there twice")
    return chosen


def as_rows(x: object, n_features: int, name: str = "x") -> Points:
    """Data as (n, n_features), finite; a number is one row of one column.

    Raises `DataError`, which names the first entry that is not finite.
    """
    points = _points(x, name)
    if points.shape[1] != n_features:
        raise DataError(
            f"{name} has {points.shape[1]} columns, the mixture {n_features}; "
            f"expected shape (n, {n_features})"
        )
    if not np.isfinite(points).all():
        row, column = np.argwhere(~np.isfinite(points))[0]
        raise DataError(f"{name} holds {points[row, column]} at row {row}, column {column}; "
                        f"expected finite numbers")
    return points


def as_row(x: object, n_features: int, name: str) -> Floats:
    """One row of data, (1, n_features), from as many numbers; raises `DataError`."""
    points = _points(x, name)
    if points.size != n_features or 1 not in points.shape:
        raise DataError(f"{name} has shape {points.shape}; expected one row of {n_features} "
                        f"number{'s' * (n_features > 1)}")
    return as_rows(points.reshape(1, -1), n_features, name).astype(np.float64)


def _points(x: object, name: str) -> Points:
    if isinstance(x, int | float | np.number) or (isinstance(x, np.ndarray) and x.ndim == 0):
        x = np.reshape(np.asarray(x), (1,))
    return as_points(x, name)
