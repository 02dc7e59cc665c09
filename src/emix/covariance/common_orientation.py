"""EVE and VVE: ellipsoids of their own shapes along common axes, Σ_k = λ_k D A_k Dᵀ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.family import Family
from emix.covariance.free_directions import along_axes, of_rotations
from emix.covariance.oriented import AXIS_SHARE, Oriented, principal_axes
from emix.covariance.rotations import common_orientation
from emix.covariance.spreads import variances_along

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Covariances, Letter, ScatterForm


@dataclass(frozen=True, slots=True)
class CommonOrientation(Family):
    """D by Newton's method (see `rotations`); along its axes, as for a diagonal."""

    volume: Letter
    shape: Letter = "V"
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
        orientation = common_orientation(
            scatter[moved], weight[moved], self.volume, floor, _starts(old, scatter[moved])
        )
        along = np.einsum("ij,kil,lj->kj", orientation, scatter, orientation)
        kept = np.ones_like(along)
        if not moved.all():
            kept = _kept(old, orientation)
        variances = variances_along(
            np.maximum(along, 0), weight, kept, (self.volume, self.shape), floor, AXIS_SHARE
        )
        axes = np.maximum(np.sqrt(variances), floor)
        return Oriented(axes, np.repeat(orientation[None], len(weight), axis=0))

    def _gradient(
        self, covariances: Covariances, scatter: Floats, weight: Floats, learned: Mask,
        floor: float,
    ) -> Floats:
        if not _is_along_one(covariances):
            covariances = self.conform(covariances, weight)
        return oriented_gradient(self, covariances, scatter, weight, floor)


def oriented_gradient(
    family: Family, covariances: Covariances, scatter: Floats, weight: Floats, floor: float
) -> Floats:
    """By U_k in the whitening along the axes: its diagonal for volume and shape, the rest for
    orientation."""
    if not isinstance(covariances, Oriented):
        covariances = Oriented(*principal_axes(covariances))
    roots = covariances.orientations / covariances.axes[:, None]
    excess = np.swapaxes(roots, 1, 2) @ scatter @ roots
    diagonal = np.einsum("kii->ki", excess) - weight[:, None]
    resting = covariances.resting_axes(floor)
    axes = along_axes(diagonal, resting, family.volume, family.shape)
    turns = of_rotations(excess, covariances.axes, family.orientation == "E")
    return np.concatenate([axes, turns])


def _is_along_one(covariances: Covariances) -> bool:
    return isinstance(covariances, Oriented) and bool(
        (covariances.orientations == covariances.orientations[0]).all()
    )


def _kept(old: Covariances, orientation: Floats) -> Floats:
    """Variances (k, d) of components without points: as they were, along axes that may turn."""
    if isinstance(old, Oriented) and _is_along_one(old):
        return old.axes**2
    along = np.swapaxes(old.factors, 1, 2) @ orientation
    return np.asarray((along**2).sum(axis=1), np.float64)


def _starts(old: Covariances, scatter: Floats) -> list[Floats]:
    """The old orientation; where there is none, those of the scatter, together and apart."""
    if _is_along_one(old):
        return [old.orientations[0]]  # type: ignore[attr-defined]
    traces = np.einsum("kii->k", scatter)
    present = scatter[traces > 0] / traces[traces > 0, None, None]
    stack = np.concatenate([scatter.sum(axis=0, keepdims=True), present])
    return [*np.linalg.eigh(stack)[1][:, :, ::-1], *principal_axes(old)[1]]
