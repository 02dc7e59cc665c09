"""E (EII in more columns): one volume for all components, Σ_k = σ² I."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.isotropic import Isotropic

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, ScatterForm


@dataclass(frozen=True, slots=True)
class Equal:
    """σ² = Σ_k tr(S_k) / (d Σ_k n_k): the scatter of all components pooled."""

    name: str = "E"
    scatter_form: ScatterForm = "spherical"
    is_common: bool = True

    def n_parameters(self, n_learned: int, n_features: int) -> int:
        return 1 if n_learned else 0

    def maximise(
        self, old: Covariances, scatter: Floats, weight: Floats, learned: Mask, floor: float
    ) -> Covariances:
        total = float(weight.sum()) * old.n_features
        if not learned.all() or total == 0:
            return old
        sd = max(float(np.sqrt(scatter.sum() / total)), floor)
        return Isotropic(np.full(old.n_components, sd), old.n_features)
