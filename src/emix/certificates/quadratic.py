"""Quadratic problems with x ≥ 0, such as weights have: near singular, and mostly banded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order

# Relative, on the diagonal: atoms side by side make the problem all but singular.
RIDGE = 1e-12
# A pull of less is rounding, where linear terms are near 1.
ENOUGH = 1e-13
MANY = 32
TINY = float(np.finfo(float).tiny)


def nonnegative_minimum(hessian: Floats, linear: Floats, start: Mask) -> Floats:
    """The x ≥ 0 that minimises xᵀHx/2 − cᵀx: Lawson and Hanson's active set, begun with `start`
    (Bro & de Jong 1997, doi:10.1002/(SICI)1099-128X(199709/10)11:5<393::AID-CEM483>3.0.CO;2-L).

    All coordinates that pull more than their neighbours are set free at once; where that leads
    nowhere, the one that pulls most.
    """
    width = _band_width(hessian)
    free = start.copy()
    x = _solved(hessian, linear, free, width)
    while (x[free] <= 0).any():
        free &= x > 0
        x = _solved(hessian, linear, free, width)
    together = True
    for _ in range(10 * len(linear)):
        pull = np.where(free, 0.0, linear - hessian @ x)
        if pull.max() <= ENOUGH:
            break
        chosen = _leading(pull) if together else np.array([pull.argmax()])
        moved = _settled(hessian, linear, x, free, chosen, width)
        if moved is x and not together:
            # Rounding alone says that it would gain.
            break
        together, x = moved is not x, moved
        free = x > 0
    return x


def _leading(pull: Floats) -> Order:
    padded = np.concatenate([[0.0], pull, [0.0]])
    return np.flatnonzero((pull > ENOUGH) & (pull >= padded[:-2]) & (pull > padded[2:]))


def _settled(
    hessian: Floats, linear: Floats, x: Floats, free: Mask, chosen: Order, width: int
) -> Floats:
    """From x towards the minimum with `chosen` free as well, dropping what would turn negative;
    x itself where nothing moves."""
    free = free.copy()
    free[chosen] = True
    aim = _solved(hessian, linear, free, width)
    while (aim[free] <= 0).any():
        blocked = np.flatnonzero(free & (aim <= 0))
        limits = x[blocked] / (x[blocked] - aim[blocked] + TINY)
        share = float(limits.min())
        if share > 0:
            x = np.maximum(x + share * (aim - x), 0.0)
        gone = blocked[limits <= share]
        x = x if share == 0 else np.where(np.isin(np.arange(len(x)), gone), 0.0, x)
        free[gone] = False
        aim = _solved(hessian, linear, free, width)
    return aim if free[chosen].any() else x


def _band_width(hessian: Floats) -> int:
    """How far apart, in order, two atoms can be that feel each other."""
    scale = np.sqrt(np.diagonal(hessian))
    rows, columns = np.nonzero(np.abs(hessian) > RIDGE * scale[:, None] * scale)
    return int((columns - rows).max())


def _solved(hessian: Floats, linear: Floats, free: Mask, width: int) -> Floats:
    """The minimum over the free coordinates, others 0."""
    x = np.zeros(len(linear))
    which = np.flatnonzero(free)
    if len(which) == 0:
        return x
    block = hessian[np.ix_(which, which)]
    block[np.diag_indices(len(which))] *= 1 + RIDGE
    try:
        x[which] = solved_positive(block, linear[which], width)
    except np.linalg.LinAlgError:
        x[which] = np.linalg.solve(block, linear[which])
    return x


def solved_positive(matrix: Floats, right: Floats, width: int) -> Floats:
    """x with Ax = b for a positive definite matrix (m, m) that is 0 beyond `width` off its
    diagonal. Raises `numpy.linalg.LinAlgError` where it is not, or near it, but of few rows.

    Of many atoms only neighbours feel each other. Where the matrix is full a band solver serves
    all the same: it leaves alone the threads that dense ones start, which cost more than they
    bring.
    """
    if len(right) <= MANY:
        return np.asarray(np.linalg.solve(matrix, right), np.float64)
    # Imported here: `import emix` should cost little more than `import numpy`.
    from scipy.linalg import solveh_banded

    width = min(width, len(right) - 1)
    band = np.zeros((width + 1, len(right)))
    for d in range(width + 1):
        band[d, : len(right) - d] = np.diagonal(matrix, d)
    many: Floats = solveh_banded(band, right, lower=True, check_finite=False)
    return many
