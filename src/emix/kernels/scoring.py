"""Scores and sums in any library of arrays: what the portable kernel is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from emix.arrays import LOG_2PI
from emix.devices import HOST

if TYPE_CHECKING:
    from emix.covariance import ScatterForm
    from emix.devices import Device
    from emix.kernels.placing import Placed
    from emix.kernels.protocol import Components


def score(
    components: Components | Placed, x: Any, device: Device = HOST
) -> tuple[Any, Any]:
    """Log-density (n,) and responsibilities (n, k) of rows (n, d), by log-sum-exp.

    Rows and components are on the device, and so is what comes back.
    """
    xp = device.xp
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        logs = _weighted_log_densities(components, x, device)
        largest = xp.max(logs, axis=0)
        far = largest == -np.inf
        is_any_far = bool(xp.any(far))
        below = xp.where(far, xp.zeros_like(largest), largest) if is_any_far else largest
        relative = xp.exp(logs - below)
        sums = xp.sum(relative, axis=0)
        log_density = largest + xp.log(sums)
        responsibilities = relative / sums
        if is_any_far:
            shares = _far_responsibilities(components, x, device)
            responsibilities = xp.where(far, shares, responsibilities)
    return log_density, responsibilities.T


def _weighted_log_densities(components: Components | Placed, x: Any, device: Device) -> Any:
    """log Φ_k + log N(x | μ_k, Σ_k), shape (k, n): what goes over components then goes along long
    rows, which every library does many times faster than along short ones."""
    covariance, means = components.covariance, components.means
    constants = (
        np.log(components.weights)
        - 0.5 * covariance.log_determinants
        - 0.5 * x.shape[1] * LOG_2PI
    ).tolist()
    return device.stack([
        constant - 0.5 * device.squared_lengths(covariance.whiten(x - means[k, :], k))
        for k, constant in enumerate(constants)
    ])


def _far_responsibilities(components: Components | Placed, x: Any, device: Device) -> Any:
    """Responsibilities (k, n) where every squared distance overflows (beyond about 1e154 sds).

    The nearest component in its own standard deviations has all of it; exact ties share it in
    proportion to Φ_k / |Σ_k|^½, which is what the limit of the density ratio is.
    """
    xp, covariance = device.xp, components.covariance
    limits = np.log(components.weights) - 0.5 * covariance.log_determinants
    distances = []
    for k, weight in enumerate(components.weights.tolist()):
        whitened = xp.abs(covariance.whiten(x - components.means[k, :], k))
        largest = xp.max(whitened, axis=1)
        ratios = whitened / largest[:, None]
        ratios = xp.where(xp.isfinite(ratios), ratios, xp.ones_like(ratios))
        distance = largest * xp.sqrt(device.squared_lengths(ratios))
        distances.append(distance if weight > 0 else distance + np.inf)
    distance = device.stack(distances)
    nearest = distance == xp.min(distance, axis=0)
    logs = xp.where(nearest, device.put(limits)[:, None], xp.full_like(distance, -np.inf))
    shares = xp.exp(logs - xp.max(logs, axis=0))
    return shares / xp.sum(shares, axis=0)


def sums(
    means: Any, x: Any, responsibilities: Any, form: ScatterForm, device: Device = HOST
) -> tuple[Any, Any]:
    """Σ r (x − μ) and Σ r (x − μ)(x − μ)ᵀ in the asked-for form."""
    xp, shift, scatter = device.xp, [], []
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for j in range(means.shape[0]):
            deviations = x - means[j, :]
            weighted = deviations * responsibilities[:, j, None]
            shift.append(xp.sum(weighted, axis=0))
            if form in ("full", "pooled"):
                scatter.append(weighted.T @ deviations)
                continue
            diagonal = xp.sum(weighted * deviations, axis=0)
            scatter.append(xp.sum(diagonal) if form == "spherical" else diagonal)
        stacked = device.stack(scatter)
        if form == "pooled":
            stacked = xp.sum(stacked, axis=0, keepdims=True)
    return device.stack(shift), stacked
