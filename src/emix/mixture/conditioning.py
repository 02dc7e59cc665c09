"""A mixture of some columns, alone and given the others: Gaussian mixture regression.

With the known columns o first and the rest r after them, the lower triangular factor of a
component falls into blocks,

    L = [[A, 0], [B, C]],   Σ_oo = A Aᵀ,   Σ_ro = B Aᵀ,   Σ_rr = B Bᵀ + C Cᵀ,

so that μ_r + Σ_ro Σ_oo⁻¹ (x_o − μ_o) = μ_r + B A⁻¹ (x_o − μ_o), and the Schur complement
Σ_rr − Σ_ro Σ_oo⁻¹ Σ_or is C Cᵀ: read off, where subtracting would cancel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emix.arrays import frozen
from emix.covariance import Common, Covariances, Dense, Isotropic
from emix.errors import NumericalError, ParameterError
from emix.given import as_positions, as_row, as_rows

if TYPE_CHECKING:
    from emix.arrays import Floats, Order
    from emix.mixture import Mixture

# Rows at once: bounds the arrays of rows × components × columns below.
ROWS = 4096


class Regression(NamedTuple):
    """What is expected of the columns that are not known, row by row.

    mean         (n, r) E[x_r | x_o]
    covariance   (n, r, r) Cov[x_r | x_o], within and between components
    """

    mean: Floats
    covariance: Floats


@dataclass(frozen=True, eq=False)
class Split:
    """A mixture in the blocks of the module's docstring: A (k, m, m), B (k, r, m), C (k, r, r)."""

    mixture: Mixture
    known: Order
    rest: Order
    a: Floats
    b: Floats
    c: Floats

    @classmethod
    def of(cls, mixture: Mixture, columns: object) -> Split:
        """Raises `ParameterError` unless `columns` are some of the mixture's, and not all."""
        d = mixture.n_features
        known = as_positions(columns, d)
        rest = np.setdiff1d(np.arange(d), known)
        if len(rest) == 0:
            raise ParameterError(f"given all {d} columns, there is none left to tell about; "
                                 f"leave one out of columns={known.tolist()}")
        m = len(known)
        factors = mixture.covariance.marginal(np.concatenate([known, rest])).factors
        return cls(mixture, known, rest, factors[:, :m, :m], factors[:, m:, :m],
                   factors[:, m:, m:])

    def slopes(self) -> Floats:
        """B A⁻¹ = Σ_ro Σ_oo⁻¹ of each component, (k, r, m)."""
        from scipy.linalg import solve_triangular

        return np.stack([
            solve_triangular(a, b.T, trans="T", lower=True, check_finite=False).T
            for a, b in zip(self.a, self.b, strict=True)
        ])

    def means(self, slopes: Floats, values: Floats, first: int = 0) -> Floats:
        """Each component's E[x_r | x_o], (n, k, r), for values (n, m).

        Raises `NumericalError` where one leaves the range of numbers, with its row counted from
        `first`.
        """
        means = self.mixture.means
        out = np.empty((len(values), len(means), len(self.rest)))
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            for k, mean in enumerate(means):
                out[:, k] = mean[self.rest] + (values - mean[self.known]) @ slopes[k].T
        if not np.isfinite(out).all():
            row, component = (int(i) for i in np.argwhere(~np.isfinite(out))[0, :2])
            raise NumericalError(f"the mean of component {component} given row {first + row} of "
                                 f"the values leaves the range of floating-point numbers")
        return out

    def covariance(self) -> Covariances:
        """Cov[x_r | x_o] of the components, in a form as small as the mixture's own."""
        if not self.b.any():
            return self.mixture.covariance.marginal(self.rest)
        if self.mixture.covariance.is_common and len(self.c) > 1:
            return Common(self.c[0].copy(), len(self.c))
        return Dense(self.c.copy())


def marginal(mixture: Mixture, columns: object) -> Mixture:
    """The mixture of some columns, in the order given."""
    chosen = as_positions(columns, mixture.n_features)
    if chosen.tolist() == list(range(mixture.n_features)):
        return mixture
    covariance = _in_one_column(mixture.covariance.marginal(chosen))
    return type(mixture).trusted(mixture.weights, mixture.means[:, chosen], covariance)


def _in_one_column(covariance: Covariances) -> Covariances:
    """The same, held by standard deviations where there is but one column."""
    if covariance.n_features > 1:
        return covariance
    return Isotropic(frozen(covariance.factors[:, 0, 0].copy()))


def condition(mixture: Mixture, columns: object, values: object) -> Mixture:
    """The mixture of the rest where x[columns] = values (m,)."""
    split = Split.of(mixture, columns)
    point = as_row(values, len(split.known), "values")
    weights = mixture.marginal(split.known).responsibilities(point)[0]
    means = split.means(split.slopes(), point)[0]
    return type(mixture).trusted(weights, means, _in_one_column(split.covariance()))


def regress(mixture: Mixture, columns: object, values: object) -> Regression:
    """E and Cov of the rest given each row of values (n, m) of the known columns."""
    split = Split.of(mixture, columns)
    x = as_rows(values, len(split.known), "values").astype(np.float64)
    n, r = len(x), len(split.rest)
    responsibilities = mixture.marginal(split.known).responsibilities(x)
    mean, covariance = np.empty((n, r)), np.empty((n, r, r))
    slopes, within = split.slopes(), split.c @ np.swapaxes(split.c, 1, 2)
    for start in range(0, n, ROWS):
        rows = slice(start, start + ROWS)
        means = split.means(slopes, x[rows], start)
        mean[rows], covariance[rows] = _moments(responsibilities[rows], means, within)
    return Regression(mean, covariance)


def _moments(weights: Floats, means: Floats, within: Floats) -> tuple[Floats, Floats]:
    """Mean (n, r) and covariance (n, r, r) of mixtures with weights (n, k), means (n, k, r) and
    the same covariances (k, r, r)."""
    with np.errstate(over="ignore", under="ignore"):
        mean = np.einsum("nk,nkr->nr", weights, means)
        covariance = np.tensordot(weights, within, axes=1)
        # A component without weight may lie so far that its square overflows.
        between = np.where(weights[:, :, None] > 0, means - mean[:, None, :], 0.0)
        between *= np.sqrt(weights)[:, :, None]
        covariance += np.swapaxes(between, 1, 2) @ between
    return mean, covariance
