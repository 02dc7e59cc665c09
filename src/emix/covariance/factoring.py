"""Triangular factors of scatter that may be singular, and solving with them.

NumPy's batched routines take the regular case; what is here serves any (k, d, d) stack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask

# A column of which less than 2⁻⁴⁰ of its variance is its own, not shared with the columns before
# it, is a combination of them as far as doubles can tell: rounding of the scatter is 2⁻⁵².
OWN_SHARE = 2.0**-20
# How far above its floor a value still rests on it: a few roundings, and those of rescaling.
RESTS = 1 + 1e-9


def floored_cholesky(matrices: Floats, floor: float | Floats = 0.0) -> Floats:
    """Lower triangular L (k, d, d) with L Lᵀ = S + diag(δ), δ ≥ 0 the least there must be.

    Pivots L_jj are at least `floor` (a number or (k,)) and 2⁻²⁰ √S_jj; where none is lower, δ = 0
    and L is the Cholesky factor.
    """
    variances = np.diagonal(matrices, axis1=1, axis2=2)
    least = np.maximum(OWN_SHARE * np.sqrt(np.maximum(variances, 0)),
                       np.reshape(floor, (-1, 1)))
    try:
        factors = np.asarray(np.linalg.cholesky(matrices), np.float64)
    except np.linalg.LinAlgError:
        return _pivot_by_pivot(matrices, least)
    if (np.diagonal(factors, axis1=1, axis2=2) >= least).all():
        return factors
    return _pivot_by_pivot(matrices, least)


def _pivot_by_pivot(matrices: Floats, least: Floats) -> Floats:
    factors = np.zeros_like(matrices)
    for j in range(matrices.shape[1]):
        row = factors[:, j, :j]
        own = matrices[:, j, j] - np.einsum("km,km->k", row, row)
        # The smallest normal double stands for a column of nothing where there is no floor.
        pivot = np.maximum(np.sqrt(np.maximum(own, 0)), least[:, j])
        pivot = np.maximum(pivot, np.finfo(float).tiny)
        below = matrices[:, j + 1:, j] - np.einsum("kim,km->ki", factors[:, j + 1:, :j], row)
        factors[:, j, j] = pivot
        factors[:, j + 1:, j] = below / pivot[:, None]
    return factors


def resting_pivots(factors: Floats, floor: float) -> Mask:
    """Which pivots of L (k, d, d) rest on the floor of `floored_cholesky`, (k, d)."""
    pivots = np.diagonal(factors, axis1=1, axis2=2)
    spreads = np.sqrt(np.einsum("kij,kij->ki", factors, factors))
    resting: Mask = pivots <= RESTS * np.maximum(floor, OWN_SHARE * spreads)
    return resting


# From so many columns on, LAPACK beats a loop over columns; below, its threads, woken for a task of
# microseconds, cost more than the task.
MANY_COLUMNS = 32


def whitened_rows(factor: Floats, rows: Floats) -> Floats:
    """L⁻¹ x for each row x: lower triangular L (d, d) and rows (n, d) to (n, d)."""
    d = len(factor)
    if d >= MANY_COLUMNS:
        from scipy.linalg import solve_triangular

        solved: Floats = solve_triangular(factor, rows.T, lower=True, check_finite=False).T
        return solved
    columns = np.empty((d, len(rows)))
    for j in range(d):
        column = rows[:, j]
        for i in range(j):
            column = column - factor[j, i] * columns[i]
        columns[j] = column / factor[j, j]
    return columns.T


def whitened_each(factors: Floats, rows: Floats) -> Floats:
    """L_k⁻¹ x_k for a row of each component: L (k, d, d) and x (k, d) to (k, d), with d below
    `MANY_COLUMNS`; to the bit what `whitened_rows` makes of one after the other."""
    columns: list[Floats] = []
    for j in range(factors.shape[1]):
        column = rows[:, j]
        for i in range(j):
            column = column - factors[:, j, i] * columns[i]
        columns.append(column / factors[:, j, j])
    return np.stack(columns, axis=1)


def forward_substituted(factors: Floats, right: Floats) -> Floats:
    """L⁻¹ B for lower triangular L (k, d, d) and B (k, d, m)."""
    solved = np.empty(np.broadcast_shapes(factors.shape[:1], right.shape[:1]) + right.shape[1:])
    for j in range(factors.shape[1]):
        known = factors[:, j, None, :j] @ solved[:, :j]
        solved[:, j] = (right[:, j] - known[:, 0]) / factors[:, j, j, None]
    return solved


def whitened(factors: Floats, scatter: Floats) -> Floats:
    """L⁻¹ S L⁻ᵀ for symmetric S, (k, d, d)."""
    half = forward_substituted(factors, scatter)
    return forward_substituted(factors, np.swapaxes(half, 1, 2))


def log_determinants(factors: Floats) -> Floats:
    """log |L Lᵀ| = 2 Σ_j log L_jj, shape (k,)."""
    logs: Floats = 2 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    return logs


def triangular(roots: Floats) -> Floats:
    """Lower triangular L (k, m, m) with positive diagonal and L Lᵀ = R Rᵀ for R (k, m, d ≥ m).

    By QR of Rᵀ: R Rᵀ, which would square the condition, is never formed.
    """
    upper = np.linalg.qr(np.swapaxes(roots, 1, 2), mode="r")
    signs = np.where(np.diagonal(upper, axis1=1, axis2=2) < 0, -1.0, 1.0)
    lower: Floats = np.ascontiguousarray(np.swapaxes(upper * signs[:, :, None], 1, 2))
    return lower
