"""Ellipsoids none of whose axes may be shorter than a floor, exactly.

The M-steps of EEE, VEE, EVV and VVV hold up pivots, which serves a climb that ends where it
touches its floor. One that goes on from there needs the maximum above the floor, and that is along
axes: of log |Σ| + tr Σ⁻¹S under Σ ⪰ c² I the least is at the eigenvectors of S, its eigenvalues
raised to c² (Ingrassia & Rocci 2007, doi:10.1016/j.csda.2006.10.011). The other structures have
axes, or one spread, and hold up those already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance import Oriented
from emix.covariance.common_orientation import oriented_gradient
from emix.covariance.family import Family
from emix.covariance.oriented import principal_axes
from emix.covariance.own_orientation import OwnOrientation

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance import Covariances, Letter, ScatterForm, Structure

# Turns of volumes and form, each at its best for the other; EM goes on from what they reach.
SWEEPS = 8


@dataclass(frozen=True, slots=True)
class OneForm(Family):
    """EEE and VEE: Σ_k = λ_k C with one form for all. Volumes at their best for a form are
    tr(S_k C⁻¹) / dn_k, raised until λ_k C clears the floor; the form at its best for volumes has
    the axes of Σ S_k / λ_k."""

    volume: Letter
    shape: Letter = "E"
    orientation: Letter = "E"

    @property
    def scatter_form(self) -> ScatterForm:
        return "full"

    @property
    def is_scale_free(self) -> bool:
        return False

    def _estimate(
        self, old: Covariances, scatter: Floats, weight: Floats, moved: Mask, floor: float
    ) -> Oriented:
        k, d = len(weight), old.n_features
        alive, total = weight > 0, float(weight.sum())
        volumes = np.exp(old.log_determinants / d)
        if self.volume == "E":
            volumes = np.ones(k)
        for _ in range(1 if self.volume == "E" else SWEEPS):
            pooled = (scatter[alive] / volumes[alive, None, None]).sum(axis=0) / total
            variances, orientation = np.linalg.eigh(pooled)
            variances = np.maximum(variances, floor**2 / volumes.min())
            if self.volume == "E":
                break
            along = np.einsum("ji,kjl,li->ki", orientation, scatter[alive], orientation)
            volumes[alive] = (along / variances).sum(axis=1) / (d * weight[alive])
            volumes = np.maximum(volumes, floor**2 / variances.min())
        axes = np.sqrt(np.maximum(volumes[:, None] * variances[::-1], floor**2))
        return Oriented(axes, np.repeat(orientation[None, :, ::-1], k, axis=0))

    def _gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        return oriented_gradient(self, covariances, scatter, weight, floor)


@dataclass(frozen=True, slots=True)
class OwnForms(OwnOrientation):
    """EVV and VVV: each component along its own axes, of its own shape."""

    shape: Letter = "V"


_BY_AXES: dict[str, Structure] = {
    "EEE": OneForm("E"), "VEE": OneForm("V"), "EVV": OwnForms("E"), "VVV": OwnForms("V"),
}


def by_axes(structure: Structure) -> Structure:
    """The same family, with an M-step that is exact above a floor."""
    return _BY_AXES.get(structure.name, structure)


def shortest_axes(covariances: Covariances) -> Floats:
    """The least standard deviation of each component in any direction, (k,)."""
    return np.asarray(principal_axes(covariances)[0].min(axis=1), np.float64)
