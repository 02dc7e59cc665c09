"""The orientation that components with their own shapes share.

D maximises the expected log-likelihood of Σ_k = D A_k Dᵀ with the A_k at their best for that D:
common principal components (Flury & Gautschi 1986, doi:10.1137/0907013), or with a common volume
the EVE model (Browne & McNicholas 2014, doi:10.1007/s11222-012-9364-2). Those papers turn one
plane at a time. With d(d−1)/2 angles in all, Newton's method over all planes at once, D → D R(ω)
with R the Cayley transform of a skew matrix, is exact in a few steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.newton import minimise
from emix.covariance.oriented import AXIS_SHARE
from emix.covariance.spreads import variances_along

if TYPE_CHECKING:
    from emix.arrays import Floats, Order
    from emix.covariance.protocol import Letter


def common_orientation(
    scatter: Floats, weight: Floats, volume: Letter, floor: float, starts: list[Floats]
) -> Floats:
    """D (d, d), stationary, from the best of `starts` and not worse.

    `scatter` (k, d, d) and `weight` (k,) are those of the components that have points.
    """
    values, vectors = np.linalg.eigh(scatter)
    roots = vectors * np.sqrt(np.maximum(values, 0))[:, None]
    problem = _SharedAxes(roots, weight, volume, floor)
    orientation = minimise(problem, min(starts, key=problem.value))
    # One step of Newton and Schulz: products of rotations drift from orthogonal by rounding.
    return 1.5 * orientation - 0.5 * orientation @ (orientation.T @ orientation)


@dataclass(frozen=True, slots=True)
class _SharedAxes:
    """½ Σ_kj (n_k log a_kj + m_kj / a_kj) with m_k = diag(Dᵀ S_k D) and a the best for m.

    S_k is held by a root R_k R_kᵀ: of Dᵀ R the squares keep digits that Dᵀ S D would cancel.
    """

    roots: Floats
    weight: Floats
    volume: Letter
    floor: float
    # Angles above about a quarter turn only exchange axes.
    reach: float = 0.7

    @property
    def size(self) -> float:
        return float(self.weight.sum())

    def value(self, point: Floats) -> float:
        along = np.square(point.T @ self.roots).sum(axis=2)
        variances = self._variances(along)
        terms = self.weight[:, None] * np.log(variances) + along / variances
        return 0.5 * float(terms.sum())

    def _variances(self, along: Floats) -> Floats:
        return variances_along(along, self.weight, np.ones_like(along), (self.volume, "V"),
                               self.floor, AXIS_SHARE)

    def derivatives(self, point: Floats) -> tuple[Floats, Floats]:
        """In the angles of the planes i < j, where m_j moves by 2 M_ij and m_i by −2 M_ij.

        With p = 1 / 2a: gradient Σ_k 2 M_kij (p_kj − p_ki); Hessian: Σ p (second change of m),
        which is tr(P M Ω²) + tr(Ω P Ωᵀ M), and the change of p.
        """
        d = len(point)
        turned = point.T @ self.roots
        turned = turned @ np.swapaxes(turned, 1, 2)
        along = np.einsum("kii->ki", turned)
        variances = self._variances(along)
        pull = 0.5 / variances
        i, j = np.triu_indices(d, 1)
        gradient = 2 * np.einsum("kp,kp->p", turned[:, i, j], pull[:, j] - pull[:, i])

        second = np.zeros((d, d, d, d))
        entries = np.arange(d)
        second[:, entries, :, entries] += np.einsum("kj,kil->jil", pull, turned)
        second[:, entries, entries, :] += np.einsum("km,kmi->im", pull, turned)[:, None, :]
        flat = second.reshape(d * d, d * d)
        there, back = i * d + j, j * d + i
        rows = flat[there] - flat[back]
        hessian = rows[:, there] - rows[:, back]
        return gradient, hessian + hessian.T + self._response(turned, along, variances, i, j)

    def _response(
        self, turned: Floats, along: Floats, variances: Floats, i: Order, j: Order
    ) -> Floats:
        """How the pull of the best variances changes with the angles, (p, p).

        With y = Δm / m it is −½ Σ q y² with q = n_k, or m / a where the volume is common. There,
        sizes that give way to each other add ½ Σ_k q (Σ_j y)² / d − ½ (Σ_k q Σ_j y)² / dn.
        """
        k, d = along.shape
        # An axis on its floor does not respond.
        free = along > variances * (0.5 * self.weight[:, None])
        if self.volume == "E":
            free = along > 0.5 * (along / variances).max(axis=1, keepdims=True) * variances
        relative = np.where(free, 2 / np.maximum(along, np.finfo(float).tiny), 0.0)
        planes = np.arange(len(i))
        change = np.zeros((k, d, len(planes)))
        change[:, j, planes] = turned[:, i, j] * relative[:, j]
        change[:, i, planes] = -turned[:, i, j] * relative[:, i]
        counts = np.where(free, along / variances, 0.0)
        weighted = change * counts[:, :, None]
        response = -np.einsum("kjp,kjq->pq", weighted, change)
        if self.volume == "E":
            sums, by_weight = change.sum(axis=1), weighted.sum(axis=1)
            pooled = by_weight.sum(axis=0)
            response += by_weight.T @ sums / d - np.outer(pooled, pooled) / (d * self.size)
        return np.asarray(0.5 * response, np.float64)

    def moved(self, point: Floats, step: Floats) -> Floats:
        d = len(point)
        skew = np.zeros((d, d))
        skew[np.triu_indices(d, 1)] = step / 2
        skew -= skew.T
        rotation = np.linalg.solve(np.eye(d) - skew, np.eye(d) + skew)
        turned: Floats = point @ rotation
        return turned
