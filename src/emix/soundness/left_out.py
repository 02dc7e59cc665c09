"""What components gain on points left out one at a time, in several columns; in any library of
arrays, so that rows on a device are judged there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import LOG_2PI, Floats
from emix.devices import device_of
from emix.kernels.placing import placed

if TYPE_CHECKING:
    from emix.covariance import Structure
    from emix.devices import Device
    from emix.mixture import Mixture
    from emix.model import Model


def left_out_gains_of_rows(
    points: Any, weight: Any, mixture: Mixture, model: Model,
    counts: Floats | None = None, total: float | None = None,
) -> Floats:
    """As `emix.soundness.degenerate.left_out_gains`, for points (n, d).

    With c = n_k − r, a = n_k / c (1 where the mean is held) and δ = x − μ, leaving a point out
    makes the deviation a δ and n_k Σ into n_k Σ − r a δ δᵀ; volume, shape or orientation that
    components share stay as they are.
    """
    device, way = device_of(points), _left_out_way(model.structure)
    xp = device.xp
    with np.errstate(all="ignore"):
        logs, whitened = _scored(points, mixture, device)
        shares = xp.exp(logs - _log_sum(logs, xp))
        if counts is None or total is None:
            sums = xp.sum(shares * weight, axis=1)
            counts, whole = device.take([sums, xp.sum(weight)])
            total = float(whole)
        gains = []
        for j, count in enumerate(counts.tolist()):
            out = shares[j, :] * device.at_most(weight, 1.0)
            left = device.at_least(count - out, 1e-12)
            about = count / left if model.held.learned_means[j].all() else xp.ones_like(out)
            log_change, distance = way(whitened[j], out, count, left, about, device)
            changed = _log_density_left(mixture, model, j, left, log_change + distance,
                                        total, device)
            others = _log_sum(logs, xp, without=j) - float(np.log1p(-mixture.weights[j]))
            share = _share_left(mixture, model, j, left, total, device)
            together = xp.logaddexp(changed, xp.log1p(-share) + others)
            gain = xp.where(others == -np.inf, xp.full_like(others, np.inf), together - others)
            gains.append(xp.sum(weight * gain))
        found = np.array(device.take(gains))
    return np.where(np.isnan(found), np.inf, found)


def _scored(points: Any, mixture: Mixture, device: Device) -> tuple[Any, list[Any]]:
    """log Φ_k N(x | μ_k, Σ_k), (k, n), and the points whitened by each component."""
    here, d = placed(mixture, device), mixture.n_features
    # In the axes of the structure, where it has them: `whiten` of an oriented covariance does.
    whitened = [here.covariance.whiten(points - here.means[j, :], j)
                for j in range(mixture.n_components)]
    constants = np.log(mixture.weights) - 0.5 * (mixture.covariance.log_determinants + d * LOG_2PI)
    logs = device.stack([constant - 0.5 * device.squared_lengths(u)
                         for constant, u in zip(constants.tolist(), whitened, strict=True)])
    return logs, whitened


def _log_sum(logs: Any, xp: Any, without: int | None = None) -> Any:
    """log Σ_k exp of logs (k, n), all or all but one of them: (n,)."""
    rows = [logs[j, :] for j in range(logs.shape[0]) if j != without]
    if not rows:
        return xp.full_like(logs[0, :], -np.inf)
    sums = rows[0]
    for row in rows[1:]:
        sums = xp.logaddexp(sums, row)
    return sums


def _share_left(
    mixture: Mixture, model: Model, component: int, left: Any, total: float, device: Device
) -> Any:
    """Its weight when the point is left out, (n,)."""
    if model.held.learned_weights[component]:
        return device.at_most(left / (total - 1), 1.0)
    return device.xp.full_like(left, min(float(mixture.weights[component]), 1.0))


def _log_density_left(
    mixture: Mixture, model: Model, component: int, left: Any, change: Any, total: float,
    device: Device,
) -> Any:
    """log Φ N of the point under what the component is without it, (n,)."""
    xp, share = device.xp, _share_left(mixture, model, component, left, total, device)
    constant = mixture.n_features * LOG_2PI + float(mixture.covariance.log_determinants[component])
    changed = xp.log(share) - 0.5 * (constant + change)
    # The rest of its points leave no width: another point is infinitely unlikely.
    return xp.where(xp.isnan(changed), xp.full_like(changed, -np.inf), changed)


# From whitened points u (n, d), r, n_k, c and a to (log of the determinant's ratio, squared
# distance of the point), each (n,).
Change = Callable[[Any, Any, float, Any, Any, Any], tuple[Any, Any]]


def _left_out_way(structure: Structure) -> Change:
    """How a left-out point changes a component's covariance."""
    if structure.shape == "V":
        free = structure.orientation == "V"
        return _matrix if free else _axes
    return _volume if structure.volume == "V" else _mean_only


def _matrix(
    u: Any, out: Any, count: float, left: Any, about: Any, device: Device
) -> tuple[Any, Any]:
    xp, d, q = device.xp, u.shape[1], device.squared_lengths(u)
    kept = device.at_least(1 - out * about * q / count, 0.0)
    return d * xp.log(count / left) + xp.log(kept), about**2 * q * left / count / kept


def _axes(
    u: Any, out: Any, count: float, left: Any, about: Any, device: Device
) -> tuple[Any, Any]:
    xp, q = device.xp, u**2
    ratio = (count - (out * about)[:, None] * q) / left[:, None]
    ratio = device.at_least(ratio, 0.0)
    return xp.sum(xp.log(ratio), axis=1), xp.sum((about**2)[:, None] * q / ratio, axis=1)


def _volume(
    u: Any, out: Any, count: float, left: Any, about: Any, device: Device
) -> tuple[Any, Any]:
    xp, d, q = device.xp, u.shape[1], device.squared_lengths(u)
    ratio = device.at_least((d * count - out * about * q) / (d * left), 0.0)
    return d * xp.log(ratio), about**2 * q / ratio


def _mean_only(
    u: Any, out: Any, count: float, left: Any, about: Any, device: Device
) -> tuple[Any, Any]:
    return 0.0 * out, about**2 * device.squared_lengths(u)
