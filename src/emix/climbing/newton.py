"""Newton's step on the observed-data objective, in the metric in which EM climbs.

In coordinates where the information of complete data is the identity, the observed information has
eigenvalues 1 − r, r the rates of EM along its own directions (Dempster, Laird & Rubin 1977,
doi:10.1111/j.2517-6161.1977.tb01600.x). EM goes g along each of them, Newton g / (1 − r): a
thousand steps of EM at once where r is 0.999. Where an eigenvalue is negative the objective is
convex, and its size serves: away from the saddle, not to it.

The gradient is that of all the data, from the E-step that has been made anyway; the curvature may
be that of a sample, which only makes the last steps a little less than quadratic.
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
    from emix.arrays import Floats
    from emix.em import Step
    from emix.mixture import Mixture
    from emix.model import Model
    from emix.sources.protocol import Source

# So many parameters cost as much as some E-steps on a sample.
MOST_PARAMETERS = 200
# How far a step may go, per root of a row in the metric, that is in standard deviations of
# components weighted by their shares: at first, at most, and the factor between.
FIRST_REACH, REACH, GROWTH = 0.1, 2.0, 4.0
# EM is left to itself until its own steps are this short: far from a summit, what leads up fast can
# lead to another one than EM would have come to.
BEGIN = 0.02
# An eigenvalue of the observed information below this is rounding.
FLAT = 1e-9


class Newton:
    """Newton's steps of one climb; see `emix.climbing.accelerate.Proposer`."""

    def __init__(self, model: Model, near: Source) -> None:
        self.model, self.near = model, near
        self.forget()

    @staticmethod
    def serves(model: Model) -> bool:
        """Whether there is something to learn, and little enough."""
        return 0 < model.n_parameters <= MOST_PARAMETERS

    def forget(self) -> None:
        self._reach, self._is_short = FIRST_REACH, False

    def judged(self, is_higher: bool) -> None:
        if not is_higher:
            self._reach /= GROWTH
        elif self._is_short:
            self._reach = min(self._reach * GROWTH, REACH)

    @np.errstate(under="ignore")
    def proposed(self, step: Step, image: Mixture) -> Mixture | None:
        mixture, statistics = step.mixture, step.statistics
        if not (statistics.weight > 0).all() or mixture.covariance.at_floor(self.model.floor).any():
            return None
        at = Coordinates.of(mixture, self.model)
        found = information(self.near, at)
        _, hessian = objective_derivatives(found, at)
        if not np.isfinite(hessian).all():
            return None
        # What the prior knows does not grow with the data.
        hessian = hessian + (statistics.total / found.total - 1.0) * found.hessian
        gradient, metric = score(statistics, at), complete_information(statistics, at)
        try:
            values, vectors = _rates(-hessian, metric)
        except np.linalg.LinAlgError:
            return None
        along, root = vectors.T @ gradient, np.sqrt(statistics.total)
        if np.linalg.norm(along) > BEGIN * root:
            return None
        along /= np.maximum(abs(values), FLAT)
        length = float(np.linalg.norm(along)) / root
        self._is_short = length > self._reach
        if self._is_short:
            along *= self._reach / length
        with np.errstate(over="ignore", under="ignore"):
            moved = at.moved(vectors @ along)
        sizes = moved.covariance.log_determinants
        return moved if np.isfinite(sizes).all() and np.isfinite(moved.means).all() else None


def _rates(observed: Floats, metric: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues λ (p,) and vectors V (p, p) with O V = M V λ and Vᵀ M V = I.

    Not SciPy's, which takes longer to import than a fit to run.
    """
    root = np.linalg.cholesky(metric)
    half = np.linalg.solve(root, observed)
    values, vectors = np.linalg.eigh(np.linalg.solve(root, half.T))
    return values, np.linalg.solve(root.T, vectors)
