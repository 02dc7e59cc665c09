"""Variances along given axes: what volume and shape owe the scatter there.

Whatever the axes are (the columns, one common orientation, or an orientation for each
component), the letters of volume and shape say how the scatter along them (k, d) becomes
variances λ_k A_k. See Celeux & Govaert 1995, doi:10.1016/0031-3203(94)00125-6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.covariance.volumes import balanced_volumes

if TYPE_CHECKING:
    from emix.arrays import Floats, Mask
    from emix.covariance.protocol import Letter

TINY = float(np.finfo(float).tiny)


def variances_along(
    scatter: Floats, weight: Floats, kept: Floats, letters: tuple[Letter, Letter],
    floor: float, share: float = 0.0,
) -> Floats:
    """Variances (k, d) that maximise the expected log-likelihood, given scatter (k, d).

    `letters` are those of volume and shape. A component of weight 0 takes from `kept` (k, d)
    what is its own. None is below floor² or `share`² of the component's largest.
    """
    least = max(floor**2, TINY)
    match letters:
        case "E", "E":
            pooled = scatter.sum(axis=0, keepdims=True) / weight.sum()
            variances = np.repeat(pooled, len(weight), axis=0)
        case "V", "V":
            alive = (weight > 0)[:, None]
            variances = np.where(alive, scatter / np.where(alive, weight[:, None], 1), kept)
        case "E", _:
            variances = _equal_volume(scatter, weight, kept, least, share)
        case _:
            variances = _equal_shape(scatter, weight, kept, least)
    variances = np.maximum(variances, least)
    if share:
        variances = np.maximum(variances, share**2 * variances.max(axis=1, keepdims=True))
    return np.asarray(variances, np.float64)


def normalised(variances: Floats) -> tuple[Floats, Floats]:
    """Volumes (k,), the geometric means, and shapes (k, d) of product 1."""
    logs = np.log(variances)
    volumes = logs.mean(axis=1)
    return np.exp(volumes), np.exp(logs - volumes[:, None])


def _equal_volume(
    scatter: Floats, weight: Floats, kept: Floats, least: float, share: float
) -> Floats:
    """A_k = B_k / |B_k|^(1/d), λ = Σ |B_k|^(1/d) / n for scatter B_k along the axes.

    Where that is below the floor the maximum is on it: what is above keeps its proportions, so
    that the product stays 1, and λ = Σ tr(B_k A_k⁻¹) / dn. The two are repeated until they agree.
    """
    alive, d = weight > 0, scatter.shape[1]
    total = float(weight.sum())
    raised = np.maximum(scatter, share**2 * scatter.max(axis=1, keepdims=True))
    raised = np.maximum(np.where(alive[:, None], raised, kept), TINY)
    sizes, shapes = normalised(raised)
    volume = float(sizes[alive].sum()) / total
    if (raised == scatter)[alive].all() and (volume * shapes >= least).all():
        return volume * shapes
    for _ in range(100):
        before = volume
        volume = max(float((scatter / shapes)[alive].sum()) / (total * d), least)
        lowest = np.maximum(least / volume, share**2 * shapes.max(axis=1))
        shapes = _filled(raised, np.minimum(lowest, 1.0))
        if abs(volume - before) <= 1e-15 * volume:
            break
    return volume * shapes


def _filled(variances: Floats, lowest: Floats) -> Floats:
    """Shapes in proportion to `variances`, none below `lowest` (k,), and product 1."""
    logs, bound = np.log(variances), np.log(lowest)[:, None]
    blocked: Mask = np.zeros(logs.shape, dtype=bool)
    for _ in range(logs.shape[1]):
        free = np.maximum((~blocked).sum(axis=1, keepdims=True), 1)
        level = np.where(blocked, bound, logs).sum(axis=1, keepdims=True) / free
        shapes = np.where(blocked, bound, logs - level)
        if not (shapes < bound).any():
            break
        blocked |= shapes < bound
    return np.exp(np.maximum(shapes, bound))


def _equal_shape(scatter: Floats, weight: Floats, kept: Floats, least: float) -> Floats:
    """λ_k = tr(B_k A⁻¹) / dn_k with A = Σ B_k / λ_k normalised, solved for both at once."""
    alive = weight > 0
    # A column of no scatter in any component would leave no shape to speak of.
    empty = scatter.sum(axis=0) <= least * weight.sum()
    scatter = np.where(empty, np.maximum(scatter, least * weight[:, None]), scatter)
    kept_volumes, _ = normalised(kept)
    volumes = balanced_volumes(scatter, weight, kept_volumes)
    shape = (scatter[alive] / volumes[alive, None]).sum(axis=0, keepdims=True)
    _, shape = normalised(np.maximum(shape, TINY))
    known = alive & (scatter.sum(axis=1) > 0)
    # The volumes are defined up to the factor that normalising the shape took.
    volumes[known] = (scatter[known] / shape).mean(axis=1) / weight[known]
    volumes[alive & ~known] = 0.0
    variances: Floats = np.maximum(volumes, least / shape.min())[:, None] * shape
    return variances
