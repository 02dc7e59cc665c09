"""Ellipsoids by their axes: lengths, and the directions they point in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import frozen
from emix.covariance.dense import Dense
from emix.covariance.factoring import RESTS, triangular

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask, Order
    from emix.covariance.protocol import Covariances

# Against the longest axis, one of 2⁻²⁴ has a variance of 2⁻⁴⁸: near the rounding of the scatter
# it is computed from, so its direction would be arithmetic.
AXIS_SHARE = 2.0**-24


@dataclass(frozen=True, slots=True, eq=False)
class Oriented:
    """Covariances Σ_k = D_k diag(axes_k²) D_kᵀ.

    axes          (k, d)     standard deviations along the axes
    orientations  (k, d, d)  orthogonal D_k, whose columns are the directions of the axes
    """

    axes: Floats
    orientations: Floats

    def __post_init__(self) -> None:
        frozen(self.axes)
        frozen(self.orientations)

    def __reduce__(self) -> tuple[type[Oriented], tuple[Floats, Floats]]:
        # So that a copy is made read-only as well.
        return Oriented, (self.axes, self.orientations)

    @property
    def n_components(self) -> int:
        return int(self.axes.shape[0])

    @property
    def n_features(self) -> int:
        return int(self.axes.shape[1])

    @property
    def log_determinants(self) -> Floats:
        """log |Σ_k| = 2 Σ_j log axes_kj, shape (k,)."""
        logs: Floats = 2 * np.log(self.axes).sum(axis=1)
        return logs

    @property
    def volumes(self) -> Floats:
        """|Σ_k|^(1/d), shape (k,), in squared units."""
        return np.asarray(np.exp(self.log_determinants / self.n_features), np.float64)

    @property
    def shapes(self) -> Floats:
        """axes² / volume, (k, d): no unit, product 1."""
        logs = 2 * np.log(self.axes)
        shapes: Floats = np.exp(logs - logs.mean(axis=1, keepdims=True))
        return shapes

    @property
    def factors(self) -> Floats:
        """L from D diag(axes) by QR, (k, d, d)."""
        return triangular(self.orientations * self.axes[:, None])

    @property
    def is_common(self) -> bool:
        return len(self.axes) == 1

    def whiten(self, deviations: Floats, component: int) -> Floats:
        """diag(1 / axes) Dᵀ (x − μ), (n, d)."""
        whitened: Floats = (deviations @ self.orientations[component]) / self.axes[component]
        return whitened

    def unwhiten(self, whitened: Floats, component: int) -> Floats:
        """D diag(axes) z, (n, d)."""
        unwhitened: Floats = (whitened * self.axes[component]) @ self.orientations[component].T
        return unwhitened

    def dense(self) -> Floats:
        roots = self.orientations * self.axes[:, None]
        return roots @ np.swapaxes(roots, 1, 2)

    def reordered(self, order: Order) -> Oriented:
        return Oriented(self.axes[order], self.orientations[order])

    def rescaled(self, factors: Floats) -> Oriented | Dense:
        """Ellipsoids by their axes again when all columns are scaled alike, else by factors."""
        if np.any(factors != factors[0]):
            return Dense(self.factors * factors[:, None])
        return Oriented(self.axes * factors[0], self.orientations)

    def marginal(self, columns: Order) -> Dense:
        roots = self.orientations * self.axes[:, None]
        return Dense(triangular(roots[:, columns]))

    def at_floor(self, floor: float) -> Mask:
        """Any axis of the component on the floor, (k,)."""
        return np.asarray(self.resting_axes(floor).any(axis=1), np.bool_)

    def resting_axes(self, floor: float) -> Mask:
        """Which axes are at most `floor`, or 2⁻²⁴ of the component's longest, (k, d)."""
        least = np.maximum(floor, AXIS_SHARE * self.axes.max(axis=1, keepdims=True))
        resting: Mask = self.axes <= least * RESTS
        return resting


def principal_axes(covariances: Covariances) -> tuple[Floats, Floats]:
    """Axes (k, d), longest first, and orientations (k, d, d) of any covariances."""
    if isinstance(covariances, Oriented):
        axes, orientations = covariances.axes, covariances.orientations
        order = np.argsort(-axes, axis=1, kind="stable")
        return (np.take_along_axis(axes, order, axis=1),
                np.take_along_axis(orientations, order[:, None, :], axis=2))
    orientations, axes, _ = np.linalg.svd(covariances.factors)
    return axes, orientations
