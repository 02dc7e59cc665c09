"""The best mixture with a given standard deviation, covariance or correlation, in any structure.

A structure ties covariances together, so that one entry cannot simply be held while EM climbs. In
the coordinates θ of `emix.climbing.coordinates` it is a smooth function h(θ), and the best mixture
with h(θ) = c is found by Newton's steps on objective and constraint (sequential quadratic
programming: Nocedal & Wright 2006, doi:10.1007/978-0-387-40065-5, ch. 18), with ½ log Σ_aa, the
inverse hyperbolic tangent of a correlation, or a covariance in units of the estimate's standard
deviations for h: nearly linear in θ, so that the constraint's own curvature can be left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.coordinates import Coordinates
from emix.climbing.information import information, objective_derivatives
from emix.em import expect
from emix.errors import NumericalError

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.ground import Ground
    from emix.mixture import Mixture

MOST_STEPS, MOST_HALVINGS = 100, 30
# Nats that a step still promises, and the part of the constraint left open, at the end.
ARRIVED, MET = 1e-7, 1e-8
# No step moves further than this, in coordinates that are shares of a standard deviation.
LEAP = 0.5
# Against the largest curvature, less is taken for this: a direction that the data says little of.
FLAT = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Constraint:
    """One number h of one component's covariance, in internal units.

    kind "sd", "covariance" or "correlation"; `columns` (a, b), the same twice for "sd"; `size`
    what a covariance is divided by.
    """

    kind: str
    component: int
    columns: tuple[int, int]
    size: float = 1.0

    def of(self, mixture: Mixture) -> float:
        """h"""
        block = self._block(mixture)
        if self.kind == "sd":
            return 0.5 * math.log(block[0, 0])
        if self.kind == "covariance":
            return float(block[0, 1] / self.size)
        return math.atanh(block[0, 1] / math.sqrt(block[0, 0] * block[1, 1]))

    def slope(self, at: Coordinates) -> Floats:
        """∂h/∂θ (p,) where θ = 0."""
        a, b = self.columns
        root = at.mixture.covariance.unwhiten(
            np.eye(at.mixture.n_features), self.component).T[[a, b]]
        moves = -np.einsum("ij,mjk,lk->mil", root, at.spreads.along[self.component].slopes, root)
        block = self._block(at.mixture)
        slope = np.zeros(at.size)
        where = at.spread_at(self.component)
        if self.kind == "sd":
            slope[where] = moves[:, 0, 0] / (2 * block[0, 0])
        elif self.kind == "covariance":
            slope[where] = moves[:, 0, 1] / self.size
        else:
            scale = math.sqrt(block[0, 0] * block[1, 1])
            correlation = block[0, 1] / scale
            change = moves[:, 0, 1] / scale - 0.5 * correlation * (
                moves[:, 0, 0] / block[0, 0] + moves[:, 1, 1] / block[1, 1])
            slope[where] = change / (1 - correlation**2)
        return slope

    def _block(self, mixture: Mixture) -> Floats:
        rows = mixture.covariance.factors[self.component][list(self.columns)]
        block: Floats = rows @ rows.T
        return block

    def wanted(self, value: float) -> float:
        """h at a value of the parameter, in internal units."""
        if self.kind == "sd":
            return math.log(value)
        return value / self.size if self.kind == "covariance" else math.atanh(value)


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """The best mixture of a constraint, in internal units, and its objective."""

    mixture: Mixture
    objective: float


def standard_error(ground: Ground, constraint: Constraint) -> float:
    """That of h at the optimum, by the observed information; not finite where there is none."""
    _, hessian, at = _derivatives(ground, ground.mixture)
    slope = constraint.slope(at)
    try:
        variance = float(slope @ np.linalg.solve(-hessian, slope))
    except np.linalg.LinAlgError:
        return math.nan
    return math.sqrt(variance) if variance > 0 else math.nan


def best_with(
    ground: Ground, constraint: Constraint, wanted: float, start: Mixture
) -> Reached:
    """The best mixture with h = wanted, climbed to from `start`, all in internal units.

    Raises `NumericalError` where Newton's steps do not arrive.
    """
    mixture, objective = start, objective_of(ground, start)
    price = 1.0
    for _ in range(MOST_STEPS):
        gradient, hessian, at = _derivatives(ground, mixture)
        slope, open_part = constraint.slope(at), wanted - constraint.of(mixture)
        step, multiplier, promise = _step(gradient, hessian, slope, open_part)
        if promise <= ARRIVED * (1 + 1e-6 * abs(objective)) and abs(open_part) <= MET:
            return Reached(mixture, objective)
        price = max(price, 2 * abs(multiplier))
        step *= min(1.0, LEAP / max(float(np.abs(step).max()), 1e-300))
        before = objective - price * abs(open_part)
        for _ in range(MOST_HALVINGS):
            moved = at.moved(step)
            reached = objective_of(ground, moved)
            merit = reached - price * abs(wanted - constraint.of(moved))
            if merit > before - 1e-12 * abs(before):
                break
            step *= 0.5
        else:
            break
        mixture, objective = moved, reached
    raise NumericalError(
        f"the best mixture with a {constraint.kind} of component {constraint.component + 1} held "
        f"could not be found: the likelihood may have no maximum there"
    )


def objective_of(ground: Ground, mixture: Mixture) -> float:
    """Log-likelihood and log prior, in internal units."""
    found = expect(ground.source, mixture, ground.within, ground.units)
    return found.loglik + ground.within.log_prior(mixture)


def _derivatives(ground: Ground, mixture: Mixture) -> tuple[Floats, Floats, Coordinates]:
    at = Coordinates.of(mixture, ground.within)
    gradient, hessian = objective_derivatives(information(ground.source, at, ground.units), at)
    return gradient, hessian, at


def _step(
    gradient: Floats, hessian: Floats, slope: Floats, open_part: float
) -> tuple[Floats, float, float]:
    """Newton's step (p,), the multiplier, and the nats that moving along the constraint promises.

    Where the objective curves upwards its curvature serves by its size: away from a saddle.
    """
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diagonal(hessian)), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(-hessian * scale[:, None] * scale)
    values = np.maximum(np.abs(values), FLAT * float(np.abs(values).max()))
    roots = scale[:, None] * vectors / np.sqrt(values)
    pull, across = roots.T @ gradient, roots.T @ slope
    size = float(across @ across)
    along = pull - across * float(across @ pull) / size
    step: Floats = roots @ (along + across * open_part / size)
    return step, float(across @ pull) / size, 0.5 * float(along @ along)
