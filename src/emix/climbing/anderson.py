"""Fewer passes to the same summit: Anderson mixing of the EM map, with a guard.

EM's steps shrink by a constant factor, near 1 where components overlap. Anderson mixing takes, of
the last few steps, the combination that would have moved least, and goes where it leads (Anderson
1965, doi:10.1145/321296.321305), its least squares damped at first (Henderson & Varadhan 2019,
doi:10.1080/10618600.2019.1594835). Where that points against EM's own step, EM is leaving a saddle
behind, which mixing would go back to: there EM's step is lengthened instead (Varadhan & Roland
2008, doi:10.1111/j.1467-9469.2007.00585.x).

What is mixed are coordinates that know no bounds: logarithms of weights, means, and factors L = D M
of the covariances by log D and the unit triangle M. All structures but those with axes of their own
are closed under it; those are made to conform again.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Dense
from emix.covariance.recovering import from_factors
from emix.mixture import Mixture

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.em import Step
    from emix.model import Model

# Steps that are remembered.
DEPTH = 10
# EM is left to itself until its steps are this short, in `_metric`: far from a summit, what leads
# up fast can lead to another one than EM would have come to.
BEGIN = 0.02
# No proposal moves further than this.
LEAP = 0.5
# The least cosine between a proposal and EM's own step.
FORWARD = 0.05
# How much further than EM's step one that is lengthened may first go, and the factor by which
# that grows and shrinks.
REACH, GROWTH = 4.0, 4.0
# Damping as in Henderson & Varadhan: what is accepted earns trust, what is refused costs it.
TRUST, PENALTY, LEAST_TRUST = 10, 8, -5
# Singular values of the steps' differences below this share of the largest are rounding.
RANK = 1e-9


class Anderson:
    """The last few steps of one climb, mixed; see `emix.climbing.accelerate.Proposer`."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.forget()

    def forget(self) -> None:
        self._points: list[Floats] = []
        self._residuals: list[Floats] = []
        self._is_lengthened = False
        self._trust, self._reach = 0, REACH

    def judged(self, is_higher: bool) -> None:
        if self._is_lengthened:
            self._reach = self._reach * GROWTH if is_higher else max(self._reach / GROWTH, 1.0)
        else:
            self._trust = self._trust + 1 if is_higher else max(self._trust - PENALTY, LEAST_TRUST)
        if not is_higher:
            self._points, self._residuals = [], []

    # Squares of what is left of a step near its end may be less than any double.
    @np.errstate(under="ignore")
    def proposed(self, step: Step, image: Mixture) -> Mixture | None:
        point = _coordinates(step.mixture)
        residual, metric = _coordinates(image) - point, _metric(step.mixture)
        length = float(np.linalg.norm(metric * residual))
        if not 0.0 < length <= BEGIN:
            self._points, self._residuals = [], []
            return None
        self._points = [*self._points[-DEPTH:], point]
        self._residuals = [*self._residuals[-DEPTH:], residual]
        if len(self._points) < 3:
            return None
        move = self._move(metric, length)
        leap = float(np.linalg.norm(metric * move))
        if not math.isfinite(leap):
            return None
        return _mixture_at(point + min(1.0, LEAP / leap) * move, step.mixture, self.model)

    def _move(self, metric: Floats, length: float) -> Floats:
        """Anderson's move, or EM's own, lengthened, where that one turns back."""
        residual = self._residuals[-1]
        damping = 1 / (1 + 1.2 ** (TRUST - self._trust))
        move = _mixed(self._points, self._residuals, metric, damping)
        along = float((metric * move) @ (metric * residual))
        if along >= FORWARD * length * float(np.linalg.norm(metric * move)):
            self._is_lengthened = False
            return move
        self._is_lengthened = True
        change = float(np.linalg.norm(metric * (residual - self._residuals[-2])))
        return residual * min(self._reach, max(length / change, 1.0) if change > 0 else math.inf)


def _mixed(
    points: list[Floats], residuals: list[Floats], metric: Floats, damping: float
) -> Floats:
    """The move f − (ΔX + ΔF) γ from the last of the points, f its residual; γ solves f ≈ ΔF γ in
    ridge regression, such that |γ|² is `damping` times that of least squares."""
    latest = residuals[-1]
    differences = np.stack([latest - r for r in residuals[:-1]], axis=1)
    moves = np.stack([points[-1] - p for p in points[:-1]], axis=1)
    left, size, right = np.linalg.svd(metric[:, None] * differences, full_matrices=False)
    kept = size > RANK * size[0]
    if not kept.any():
        return latest
    size, along = size[kept], left.T[kept] @ (metric * latest)
    shares = right[kept].T @ (along / (size + _ridge(size, along, damping) / size))
    move: Floats = latest - (moves + differences) @ shares
    return move


def _ridge(size: Floats, along: Floats, damping: float) -> float:
    """The λ at which Σ (s b / (s² + λ))² is `damping` times what it is at 0, to a tenth."""
    target = damping * float(((along / size) ** 2).sum())
    low, high = float(size[-1] ** 2) * 1e-6, float(size[0] ** 2) * 1e6
    while high > 1.1 * low:
        middle = math.sqrt(low * high)
        if ((size * along / (size**2 + middle)) ** 2).sum() > target:
            low = middle
        else:
            high = middle
    return low


def _coordinates(mixture: Mixture) -> Floats:
    """log Φ (k), μ (k, d), log D (k, d) and the strict triangle of M (k, d (d − 1) / 2), flat."""
    factors = mixture.covariance.factors
    own = np.einsum("kii->ki", factors)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows, columns = np.tril_indices(mixture.n_features, -1)
        unit = (factors / own[:, :, None])[:, rows, columns]
        parts = np.log(mixture.weights), mixture.means, np.log(own), unit
    return np.concatenate([part.ravel() for part in parts])


def _metric(mixture: Mixture) -> Floats:
    """What each coordinate counts: by the root of its component's weight, means in standard
    deviations."""
    d = mixture.n_features
    root = np.sqrt(mixture.weights)
    own = np.einsum("kii->ki", mixture.covariance.factors)
    parts = (root, root[:, None] / own, np.repeat(root, d), np.repeat(root, d * (d - 1) // 2))
    return np.concatenate([np.ravel(part) for part in parts])


def _mixture_at(values: Floats, like: Mixture, model: Model) -> Mixture | None:
    """The mixture at these coordinates; None where they are none, or rest on the floor."""
    k, d = like.means.shape
    logs, means, log_own, unit = np.split(values, [k, k + k * d, k + 2 * k * d])
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        weights = np.exp(logs - np.logaddexp.reduce(logs))
        own = np.exp(log_own.reshape(k, d))
    if not (np.isfinite(values).all() and np.isfinite(own).all() and (own > model.floor).all()):
        return None
    factors = np.zeros((k, d, d))
    rows, columns = np.tril_indices(d, -1)
    factors[:, rows, columns] = unit.reshape(k, -1)
    factors[:, np.arange(d), np.arange(d)] = 1.0
    factors *= own[:, :, None]
    structure = model.structure
    covariance = from_factors(structure, factors) if _is_closed(model) else \
        structure.conform(Dense(factors), weights)
    mixture = Mixture.trusted(weights / weights.sum(), means.reshape(k, d), covariance)
    return model.held.imposed_on(mixture)


def _is_closed(model: Model) -> bool:
    """Whether affine mixtures of coordinates stay in the structure."""
    structure = model.structure
    return structure.is_scale_free or structure.scatter_form in ("spherical", "diagonal")
