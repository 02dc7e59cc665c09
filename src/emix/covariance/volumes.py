"""Volumes beside a common form: Σ_k = λ_k C with |C| = 1, C a full matrix or a diagonal.

Eliminating C leaves a convex problem in x_k = −log λ_k (the logarithm of a determinant whose
expansion in e^x has no negative term):

    n log |Σ_k e^(x_k) S_k| − d Σ_k n_k x_k → min.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.factoring import floored_cholesky, log_determinants, whitened
from emix.covariance.newton import minimise

if TYPE_CHECKING:
    from emix.arrays import Floats

# A component whose scatter is of low rank and that holds most of the points has no best volume:
# the smaller the better. Volumes end here, far below the floor of any fit.
LARGEST = 120 * float(np.log(2))


def balanced_volumes(scatter: Floats, weight: Floats, old: Floats) -> Floats:
    """λ (k,), up to a common factor, for scatter (k, d) along axes or (k, d, d).

    Components without weight or scatter keep `old` (k,), from which the search starts.
    """
    traces = scatter.sum(axis=1) if scatter.ndim == 2 else np.einsum("kii->k", scatter)
    known = (weight > 0) & (traces > 0)
    volumes = old.copy()
    if known.sum() > 1:
        d = scatter.shape[1]
        problem = _CommonForm(scatter[known], weight[known])
        apart = np.log(d * weight[known] / traces[known])
        start = min(-np.log(old[known]), apart, key=problem.value)
        volumes[known] = np.exp(-minimise(problem, start))
    return volumes


@dataclass(frozen=True, slots=True)
class _CommonForm:
    scatter: Floats
    weight: Floats
    reach: float = 5.0

    @property
    def size(self) -> float:
        return float(self.weight.sum())

    def value(self, point: Floats) -> float:
        form = np.tensordot(np.exp(point), self.scatter, axes=1)
        if form.ndim == 1:
            log_determinant = float(np.log(form).sum())
        else:
            log_determinant = float(log_determinants(floored_cholesky(form[None]))[0])
        return self.size * log_determinant - len(form) * float(self.weight @ point)

    def derivatives(self, point: Floats) -> tuple[Floats, Floats]:
        """n tr G_k − d n_k and n (tr G_k [k = l] − tr G_k G_l), G_k = C^(−½) e^(x_k) S_k C^(−½).

        Adding to all x changes nothing, so the Hessian is given curvature in that direction.
        """
        parts = self.scatter * np.exp(point).reshape(-1, *[1] * (self.scatter.ndim - 1))
        form = parts.sum(axis=0)
        d = len(form)
        if form.ndim == 1:
            shares = parts / form
            traces = shares.sum(axis=1)
        else:
            shares = whitened(floored_cholesky(form[None]), parts)
            traces = np.einsum("kii->k", shares)
            shares = shares.reshape(len(parts), -1)
        n = self.size
        gradient = n * traces - d * self.weight
        hessian = n * (np.diag(traces) - shares @ shares.T)
        return gradient, hessian + np.outer(self.weight, self.weight) / n

    def moved(self, point: Floats, step: Floats) -> Floats:
        moved = point + step
        # The common factor is free: keep it where the exponentials are in range.
        return np.clip(moved - np.average(moved, weights=self.weight), -4 * LARGEST, LARGEST)
