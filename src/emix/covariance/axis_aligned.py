"""EEI, VEI, EVI and VVI: ellipsoids along the columns, Σ_k = λ_k A_k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.diagonal import Diagonal
from emix.covariance.factoring import RESTS
from emix.covariance.family import Family
from emix.covariance.free_directions import along_axes
from emix.covariance.spreads import variances_along

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, Letter, ScatterForm


@dataclass(frozen=True, slots=True)
class AxisAligned(Family):
    """Variances by the letters of volume and shape, from the scatter in each column."""

    volume: Letter
    shape: Letter
    orientation: Letter = "I"

    @property
    def scatter_form(self) -> ScatterForm:
        return "diagonal"

    @property
    def is_scale_free(self) -> bool:
        return True

    def _estimate(
        self, old: Covariances, scatter: Floats, weight: Floats, moved: Mask, floor: float
    ) -> Diagonal:
        kept = _sds(old)
        variances = variances_along(scatter, weight, kept**2, (self.volume, self.shape), floor)
        # The root of floor² may be a rounding less than floor.
        sds = np.maximum(np.sqrt(variances), floor)
        if self.is_separate:
            sds = np.where(moved[:, None], sds, kept)
        return Diagonal(sds)

    def _gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        """By the diagonals of U_k, s_kjj / σ_kj² − n_k."""
        sds = _sds(covariances)
        excess = scatter / sds**2 - weight[:, None]
        resting = sds <= floor * RESTS
        return along_axes(excess[learned], resting[learned], self.volume, self.shape)

    def conform(self, covariances: Covariances, weights: Floats) -> Covariances:
        if self.is_separate and isinstance(covariances, Diagonal):
            return covariances
        return Family.conform(self, covariances, weights)


def _sds(covariances: Covariances) -> Floats:
    """σ_kj (k, d) of the columns."""
    if isinstance(covariances, Diagonal):
        return covariances.sds
    sds: Floats = np.sqrt(np.einsum("kij,kij->ki", covariances.factors, covariances.factors))
    return sds
