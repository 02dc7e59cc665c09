"""V (VII in more columns): a volume for each component, Σ_k = σ_k² I."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.isotropic import Isotropic

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, ScatterForm


@dataclass(frozen=True, slots=True)
class Varying:
    """σ_k² = tr(S_k) / (d n_k): each component by its own scatter."""

    name: str = "V"
    scatter_form: ScatterForm = "spherical"
    is_common: bool = False

    def n_parameters(self, n_learned: int, n_features: int) -> int:
        return n_learned

    def maximise(
        self, old: Covariances, scatter: Floats, weight: Floats, learned: Mask, floor: float
    ) -> Covariances:
        if not isinstance(old, Isotropic):
            raise TypeError("V starts from σ_k² I")
        # A component that no point belongs to says nothing about its own spread: it keeps it.
        moved = learned & (weight > 0)
        sds = old.sds.copy()
        estimate = np.sqrt(scatter[moved] / (weight[moved] * old.n_features))
        sds[moved] = np.maximum(estimate, floor)
        return Isotropic(sds, old.n_features)
