"""Columns that tell nothing of their own: set aside for the fit, and put back afterwards.

A column that is constant, or that can be computed from the others, x_j = a + b·x_kept, makes every
covariance singular. A fit without it says all that there is to know: given the kept columns, such
a column has the same density under every component, whatever variance it is then given, so that
no responsibility depends on it. scikit-learn comes to the same as its reg_covar falls to 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from emix.covariance import structure
from emix.estimator.shapes import spread_of_roots
from emix.mixture import Mixture
from emix.moments import moments_of
from emix.soundness.checking import dependent_columns
from emix.sources.array import ArraySource

if TYPE_CHECKING:
    from emix.arrays import Floats, Order

# What a column put back is given of variance where nothing is asked for: a share of its own, so
# that units do not matter. It is what scikit-learn's 1e-6 comes to on columns of variance 1, and
# that number itself for a constant column, which has no unit that data could show.
SHARE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Aside:
    """kept (m,) columns; all of them (d,) as mean + turn (d, m) (x_kept − mean_kept), and the
    variance (d,) that those put back are given."""

    kept: Order
    mean: Floats
    turn: Floats
    variance: Floats

    @classmethod
    def of(
        cls, source: ArraySource, covariance_type: str, reg_covar: float | None
    ) -> Self | None:
        """What to set aside of a source that `emix.fit` has refused; None where it is nothing, or
        all, or reg_covar is 0."""
        if reg_covar == 0:
            return None
        form = structure(covariance_type, source.n_features).scatter_form
        moments = moments_of(source)
        constant = moments.minimum == moments.maximum
        sd = np.where(constant, 1.0, moments.sd)
        z = (source.points - moments.mean) / sd
        z[:, constant] = 0.0
        dependent = constant.copy()
        if form in ("full", "pooled"):
            share = 1.0 if source.sample_weight is None else source.sample_weight[:, None]
            dependent[dependent_columns((z * share).T @ z / moments.weight)] = True
        kept, others = np.flatnonzero(~dependent), np.flatnonzero(dependent)
        if form == "spherical" or not len(kept) or not len(others):
            return None
        counted = slice(None) if source.sample_weight is None else source.sample_weight > 0
        turn = np.zeros((len(sd), len(kept)))
        turn[kept, np.arange(len(kept))] = 1.0
        slopes = np.linalg.lstsq(z[counted][:, kept], z[counted][:, others], rcond=None)[0]
        turn[others] = slopes.T * (sd[others, None] / sd[kept])
        variance = np.where(constant, SHARE, SHARE * sd**2)
        if reg_covar is not None:
            variance[:] = reg_covar
        variance[kept] = 0.0
        return cls(kept, moments.mean, turn, variance)

    def without(self, source: ArraySource) -> ArraySource:
        """The kept columns of a source, with their names."""
        names = tuple(source.column_names[j] for j in self.kept)
        return ArraySource.of(source.points[:, self.kept], source.sample_weight, names)

    def widened(self, mixture: Mixture) -> Mixture:
        """A mixture of the kept columns as one of all: covariances T Σ Tᵀ + diag(variance)."""
        means = self.mean + (mixture.means - self.mean[self.kept]) @ self.turn.T
        means[:, self.kept] = mixture.means
        own = np.broadcast_to(np.diag(np.sqrt(self.variance)), (len(means), *[len(self.mean)] * 2))
        roots = np.concatenate([self.turn @ mixture.covariance.factors, own], axis=2)
        return Mixture.trusted(mixture.weights, means, spread_of_roots(roots))


def broadened(mixture: Mixture, variance: float) -> Mixture:
    """The mixture with `variance` added to the diagonal of every covariance."""
    if variance == 0:
        return mixture
    factors = mixture.covariance.factors
    own = np.broadcast_to(np.sqrt(variance) * np.eye(mixture.n_features), factors.shape)
    roots = np.concatenate([factors, own], axis=2)
    return Mixture.trusted(mixture.weights, mixture.means, spread_of_roots(roots))
