"""EEV and VEV: ellipsoids of one shape, each in its own orientation, Σ_k = λ_k D_k A D_kᵀ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.common_orientation import oriented_gradient
from emix.covariance.family import Family
from emix.covariance.oriented import AXIS_SHARE, Oriented, principal_axes
from emix.covariance.spreads import variances_along

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, Letter, ScatterForm


@dataclass(frozen=True, slots=True)
class OwnOrientation(Family):
    """D_k the eigenvectors of S_k, longest axis first; along them, as for a diagonal."""

    volume: Letter
    shape: Letter = "E"
    orientation: Letter = "V"

    @property
    def scatter_form(self) -> ScatterForm:
        return "full"

    @property
    def is_scale_free(self) -> bool:
        return False

    def _estimate(
        self, old: Covariances, scatter: Floats, weight: Floats, moved: Mask, floor: float
    ) -> Oriented:
        values, vectors = np.linalg.eigh(scatter)
        along, orientations = np.maximum(values[:, ::-1], 0), vectors[:, :, ::-1].copy()
        kept = np.ones_like(along)
        if not moved.all():
            axes, kept_orientations = principal_axes(old)
            kept = axes**2
            orientations[~moved] = kept_orientations[~moved]
        variances = variances_along(
            along, weight, kept, (self.volume, self.shape), floor, AXIS_SHARE
        )
        return Oriented(np.maximum(np.sqrt(variances), floor), orientations)

    def _gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        return oriented_gradient(self, covariances, scatter, weight, floor)
