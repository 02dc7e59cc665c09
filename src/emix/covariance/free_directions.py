"""Gradients along the free directions of a structure, from whitened excess scatter.

U_k = R_k⁻¹ S_k R_k⁻ᵀ − n_k I for Σ_k = R_k R_kᵀ is by how much the scatter of a component exceeds
what its matrix expects. Its trace moves the volume, what is left the shape; where components
share either, the sum over components does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Letter


def along_axes(excess: Floats, resting: Mask, volume: Letter, shape: Letter) -> Floats:
    """For diagonals of U (k, d), of which `resting` (k, d) must not become smaller."""
    if volume == shape:
        if shape == "E":
            excess, resting = _shared(excess, resting)
        return np.where(resting & (excess < 0), 0.0, excess).ravel()
    volumes = _volumes(excess, resting, volume)
    if shape == "E":
        excess, resting = _shared(excess, resting)
    return np.concatenate([volumes, _traceless(excess, resting).ravel()])


def along_factors(excess: Floats, resting: Mask, volume: Letter, form: Letter) -> Floats:
    """For whole U (k, d, d) in Cholesky whitening, `resting` (k, d) its pivots.

    What is shared with a pivot on its floor counts as stationary.
    """
    diagonal = np.einsum("kii->ki", excess)
    axes = along_axes(diagonal, resting, volume, form)
    i, j = np.tril_indices(excess.shape[1], -1)
    if form == "E":
        excess, resting = _shared(excess, resting)
    beside = np.where(resting[:, i] | resting[:, j], 0.0, excess[:, i, j])
    return np.concatenate([axes, beside.ravel()])


def of_rotations(excess: Floats, axes: Floats, is_common: bool) -> Floats:
    """For U (k, d, d) in whitening along axes, U_ij t / √(1 + t²) with t the difference of
    axis_j / axis_i and axis_i / axis_j.

    U_ij t is the derivative in the angle. An angle of 1/t moves the matrix by its own size, so
    angles are measured in that where it is less than a radian: else the rounding of U_ij, which
    grows with the ratio of the axes, would be counted by that ratio once more.
    """
    i, j = np.triu_indices(axes.shape[1], 1)
    turn = axes[:, j] / axes[:, i] - axes[:, i] / axes[:, j]
    if is_common:
        # One angle for all components: in units of the least that any of them feels.
        scale = np.sqrt(1 + (turn**2).max(axis=0))
        common: Floats = (excess[:, i, j] * turn).sum(axis=0) / scale
        return common
    return (excess[:, i, j] * turn / np.sqrt(1 + turn**2)).ravel()


def _shared(excess: Floats, resting: Mask) -> tuple[Floats, Mask]:
    any_rests = np.asarray(resting.any(axis=0, keepdims=True), np.bool_)
    return excess.sum(axis=0, keepdims=True), any_rests


def _volumes(excess: Floats, resting: Mask, volume: Letter) -> Floats:
    traces = excess.sum(axis=1)
    # A volume of its own cannot shrink once one axis rests; a common one while another shape
    # can still give way.
    stuck = resting.any(axis=1)
    if volume == "E":
        traces, stuck = traces.sum(keepdims=True), resting.all(axis=1).any(keepdims=True)
    return np.where(stuck & (traces < 0), 0.0, traces)


def _traceless(excess: Floats, resting: Mask) -> Floats:
    """Less its mean over the axes that are free to move, since shapes have product 1."""
    free = ~resting | resting.all(axis=1, keepdims=True)
    means = np.where(free, excess, 0.0).sum(axis=1) / free.sum(axis=1)
    shapes = excess - means[:, None]
    return np.where(resting & (shapes < 0), 0.0, shapes)
