"""EII and VII: spheres, Σ_k = λ_k I, of one volume or each its own.

In one column this is all there is, and the two are called E and V.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.family import Family
from emix.covariance.isotropic import Isotropic

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, Letter, ScatterForm


@dataclass(frozen=True, slots=True)
class Spherical(Family):
    """V: σ_k² = tr(S_k) / (d n_k). E: σ² = Σ_k tr(S_k) / (d Σ_k n_k)."""

    volume: Letter
    shape: Letter = "I"
    orientation: Letter = "I"

    @property
    def scatter_form(self) -> ScatterForm:
        return "spherical"

    @property
    def is_scale_free(self) -> bool:
        return False

    def _estimate(
        self, old: Covariances, scatter: Floats, weight: Floats, moved: Mask, floor: float
    ) -> Isotropic:
        d = old.n_features
        if self.volume == "E":
            sd = max(float(np.sqrt(scatter.sum() / (float(weight.sum()) * d))), floor)
            return Isotropic(np.full(old.n_components, sd), d)
        sds = _sds(old).copy()
        sds[moved] = np.maximum(np.sqrt(scatter[moved] / (weight[moved] * d)), floor)
        return Isotropic(sds, d)

    def _gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        """tr U_k = tr(S_k) / σ_k² − d n_k, summed where the volume is common."""
        sds = _sds(covariances)
        widen = scatter / sds**2 - weight * covariances.n_features
        at_floor = sds <= floor
        if self.volume == "E":
            widen, at_floor = np.array([widen.sum()]), at_floor[:1]
        else:
            widen, at_floor = widen[learned], at_floor[learned]
        return np.where(at_floor & (widen < 0), 0.0, widen)

    def conform(self, covariances: Covariances, weights: Floats) -> Covariances:
        # Asked at every start of a search; what conforms keeps its bits.
        if self.volume == "V" and isinstance(covariances, Isotropic):
            return covariances
        return Family.conform(self, covariances, weights)


@dataclass(frozen=True, slots=True)
class OneColumn(Spherical):
    """E and V: the volume is the variance, and a scale is common to all columns there are."""

    @property
    def name(self) -> str:
        return self.volume

    @property
    def is_scale_free(self) -> bool:
        return True


def _sds(covariances: Covariances) -> Floats:
    """σ_k (k,) of spheres; of anything else, that of the sphere of equal volume."""
    if isinstance(covariances, Isotropic):
        return covariances.sds
    return np.exp(covariances.log_determinants / (2 * covariances.n_features))
