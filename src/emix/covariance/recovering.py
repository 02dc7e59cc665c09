"""From triangular factors back to the smallest value that a structure's matrices can be held by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.common import Common
from emix.covariance.dense import Dense
from emix.covariance.diagonal import Diagonal
from emix.covariance.isotropic import Isotropic
from emix.covariance.oriented import Oriented

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.covariance.protocol import Covariances, Structure


def from_factors(structure: Structure, factors: Floats) -> Covariances:
    """Covariances L_k L_kᵀ (k, d, d) that are of this structure, in its own form."""
    k, d, _ = factors.shape
    if structure.scatter_form == "spherical":
        return Isotropic(factors[:, 0, 0].copy(), d)
    if structure.scatter_form == "diagonal":
        return Diagonal(np.diagonal(factors, axis1=1, axis2=2).copy())
    if structure.is_common:
        return Common(factors[0].copy(), k)
    if structure.is_scale_free:
        return Dense(factors.copy())
    if structure.orientation == "V":
        orientations, axes, _ = np.linalg.svd(factors)
        return Oriented(axes, orientations)
    orientation = _common_orientation(factors)
    axes = np.linalg.norm(orientation.T @ factors, axis=2)
    return Oriented(axes, np.repeat(orientation[None], k, axis=0))


def _common_orientation(factors: Floats) -> Floats:
    """The axes (d, d) that matrices L_k L_kᵀ have in common: those of a sum of them.

    The shares are irrational to each other, so that axes which are equally long in the sum are so
    in every component.
    """
    volumes = np.exp(np.log(np.diagonal(factors, axis1=1, axis2=2)).mean(axis=1))
    shares = np.sqrt(np.arange(1, len(factors) + 1))
    unit = factors / volumes[:, None, None]
    total = np.einsum("k,kij,klj->il", shares, unit, unit)
    orientation: Floats = np.linalg.eigh(total)[1]
    return orientation
