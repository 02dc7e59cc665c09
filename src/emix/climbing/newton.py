"""Newton's step on the observed-data objective, in the metric in which EM climbs.

In coordinates where the information of complete data is the identity, the observed information has
eigenvalues 1 − r, r the rates of EM along its own directions (Dempster, Laird & Rubin 1977,
doi:10.1111/j.2517-6161.1977.tb01600.x). EM goes g along each of them, Newton g / (1 − r): a
thousand steps of EM at once where r is 0.999. That is further than curvature can be trusted where
EM has a long way to go, and nowhere at all near a saddle, where an eigenvalue is negative. There it
is t steps of EM at once, g (1 − exp(−(1 − r) t)) / (1 − r), t as large as can be trusted: EM's own
way, along which slow directions stay behind fast ones, so that it leads to EM's own summit.

The gradient is that of all the data, from the E-step that has been made anyway; the curvature may
be that of a sample, which mostly only makes the last steps a little less than quadratic. But where
a direction is so flat that a sample curves the other way, no step along it arrives: a climb that
has gone on for long takes its curvature from all the data, few times, for that costs many passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.climbing.coordinates import Coordinates
from emix.climbing.information import (
    complete_information,
    information,
    objective_derivatives,
    score,
)

if TYPE_CHECKING:
    from emix.arrays import Floats, Order, Units
    from emix.climbing.information import Information
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source

# So many parameters cost as much as some E-steps on a sample.
MOST_PARAMETERS = 200
# How far a step may go, per root of a row in the metric, that is in standard deviations of
# components weighted by their shares, and the factor by which a refusal shortens that. Further out
# curvature changes, and a step would leave the way that EM takes.
REACH, GROWTH = 0.1, 4.0
# EM is left to itself until its own steps are this short: far from a summit, what leads up fast can
# lead to another one than EM would have come to.
BEGIN = 0.02
# So often, in each turn, the curvature of all the data is asked for.
MOST_LOOKS = 12
# An eigenvalue of the observed information of less than this is rounding.
FLAT = 1e-9
# The logarithm of more steps than there could be, and how finely that is divided.
MOST_STEPS, HALVINGS = 40.0, 40


class Newton:
    """Newton's steps of one climb; see `emix.climbing.accelerate.Proposer`.

    near : data to take curvature from at first, in the units of the climb
    all_of_it : the data and its units, if they may be asked; they may be `near` themselves
    """

    def __init__(
        self, model: Model, near: Source, all_of_it: tuple[Source, Units] | None = None
    ) -> None:
        self.model, self.near, self.all_of_it = model, near, all_of_it
        self.is_late = False
        self.forget()

    @staticmethod
    def serves(model: Model) -> bool:
        """Whether there is something to learn, and little enough."""
        return 0 < model.n_parameters <= MOST_PARAMETERS

    def forget(self) -> None:
        self._reach, self._looks = REACH, 0

    @property
    def is_exact(self) -> bool:
        """Whether curvature is that of all the data."""
        return self.all_of_it is not None and (self.is_late or self._has_it_near)

    @property
    def _has_it_near(self) -> bool:
        return self.all_of_it is not None and self.all_of_it[0] is self.near

    @property
    def is_spent(self) -> bool:
        """Whether all the data has been looked at as often as it may be."""
        return self._looks >= MOST_LOOKS

    def judged(self, is_higher: bool) -> None:
        self._reach = min(self._reach * GROWTH, REACH) if is_higher else self._reach / GROWTH

    @np.errstate(under="ignore")
    def proposed(self, step: Step, image: Mixture) -> Mixture | None:
        mixture, statistics = step.mixture, step.statistics
        if not (statistics.weight > 0).all():
            return None
        at = Coordinates.of(mixture, self.model)
        free = _free(at)
        found = self._curvature(at)
        _, hessian = objective_derivatives(found, at)
        if not np.isfinite(hessian).all():
            return None
        # What the prior knows does not grow with the data.
        hessian = hessian + (statistics.total / found.total - 1.0) * found.hessian
        gradient, metric = score(statistics, at)[free], complete_information(statistics, at)
        try:
            values, vectors = _rates(-hessian[np.ix_(free, free)], metric[np.ix_(free, free)])
        except np.linalg.LinAlgError:
            return None
        along, root = vectors.T @ gradient, np.sqrt(statistics.total)
        if np.linalg.norm(along) > BEGIN * root:
            return None
        along = _way(along, values, self._reach * float(root))
        move = np.zeros(at.size)
        move[free] = vectors @ along
        with np.errstate(over="ignore", under="ignore"):
            moved = at.moved(move)
        sizes = moved.covariance.log_determinants
        return moved if np.isfinite(sizes).all() and np.isfinite(moved.means).all() else None


    def _curvature(self, at: Coordinates) -> Information:
        if self.all_of_it is None or self._has_it_near or not self.is_late:
            return information(self.near, at)
        self._looks += 1
        source, units = self.all_of_it
        return information(source, at, units)


def _free(at: Coordinates) -> Order:
    """The coordinates that can move: spreads that rest on the floor stay there."""
    resting = np.flatnonzero(at.mixture.covariance.at_floor(at.model.floor)).tolist()
    held = [at.spread_at(component) for component in resting]
    return np.setdiff1d(np.arange(at.size), np.concatenate(held)) if held else np.arange(at.size)


def _way(slopes: Floats, values: Floats, reach: float) -> Floats:
    """Where EM's way leads from slopes g (p,) along directions of curvatures λ (p,):
    g (1 − exp(−λ t)) / λ for the largest t, infinity included, at which that is within `reach`."""
    if (values > FLAT).all():
        newton: Floats = slopes / values
        if np.linalg.norm(newton) <= reach:
            return newton
    values = np.where(abs(values) > FLAT, values, FLAT)
    low, high = 0.0, MOST_STEPS
    with np.errstate(over="ignore", under="ignore"):
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            within = np.linalg.norm(_after(slopes, values, middle)) <= reach
            low, high = (middle, high) if within else (low, middle)
        return _after(slopes, values, low)


def _after(slopes: Floats, values: Floats, log_steps: float) -> Floats:
    """The move of exp(log_steps) − 1 steps of EM."""
    move: Floats = -slopes * np.expm1(-values * np.expm1(log_steps)) / values
    return move


def _rates(observed: Floats, metric: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues λ (p,) and vectors V (p, p) with O V = M V λ and Vᵀ M V = I.

    Not SciPy's, which takes longer to import than a fit to run.
    """
    root = np.linalg.cholesky(metric)
    half = np.linalg.solve(root, observed)
    values, vectors = np.linalg.eigh(np.linalg.solve(root, half.T))
    return values, np.linalg.solve(root.T, vectors)
