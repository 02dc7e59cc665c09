"""Scores and sums in NumPy: what the portable kernel is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import LOG_2PI, Floats, Points
from emix.statistics import scatter_shape

if TYPE_CHECKING:
    from emix.covariance import ScatterForm
    from emix.kernels.protocol import Components


def score(components: Components, x: Floats) -> tuple[Floats, Floats]:
    """Log-density (n,) and responsibilities (n, k) of rows (n, d), by log-sum-exp."""
    with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
        logs = weighted_log_densities(components, x)
        largest = logs.max(axis=1)
        far = np.isneginf(largest)
        relative = np.exp(logs - np.where(far, 0.0, largest)[:, None])
        sums = relative.sum(axis=1)
        log_density = largest + np.log(sums)
        responsibilities = relative / sums[:, None]
    if far.any():
        responsibilities[far] = _far_responsibilities(components, x[far])
        log_density[far] = -np.inf
    return log_density, responsibilities


def weighted_log_densities(components: Components, x: Floats) -> Floats:
    """log Φ_k + log N(x | μ_k, Σ_k), shape (n, k)."""
    covariance = components.covariance
    constants = (
        np.log(components.weights)
        - 0.5 * covariance.log_determinants
        - 0.5 * x.shape[1] * LOG_2PI
    )
    logs = np.empty((len(x), len(components.weights)))
    for k, mean in enumerate(components.means):
        whitened = covariance.whiten(x - mean, k)
        logs[:, k] = constants[k] - 0.5 * np.einsum("ij,ij->i", whitened, whitened)
    return logs


def _far_responsibilities(components: Components, x: Floats) -> Floats:
    """Responsibilities where every squared distance overflows (beyond about 1e154 sds).

    The nearest component in its own standard deviations has all of it; exact ties share it in
    proportion to Φ_k / |Σ_k|^½, which is what the limit of the density ratio is.
    """
    covariance = components.covariance
    with np.errstate(all="ignore"):
        distance = np.empty((len(x), len(components.weights)))
        for k, mean in enumerate(components.means):
            whitened = np.abs(covariance.whiten(x - mean, k))
            largest = whitened.max(axis=1)
            ratios = whitened / largest[:, None]
            squares = np.where(np.isfinite(ratios), ratios, 1) ** 2
            distance[:, k] = largest * np.sqrt(squares.sum(axis=1))
        distance[:, components.weights == 0] = np.inf
        logs = np.log(components.weights) - 0.5 * covariance.log_determinants
        nearest = distance == distance.min(axis=1, keepdims=True)
        shares = np.where(nearest & (components.weights > 0), np.exp(logs - logs.max()), 0.0)
    normalised: Floats = shares / shares.sum(axis=1, keepdims=True)
    return normalised


def sums(
    means: Floats, x: Floats, responsibilities: Floats, form: ScatterForm
) -> tuple[Floats, Floats]:
    """Σ r (x − μ) and Σ r (x − μ)(x − μ)ᵀ in the asked-for form."""
    k, d = means.shape
    shift = np.empty((k, d))
    scatter = np.zeros(scatter_shape(form, k, d))
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for j, mean in enumerate(means):
            deviations = x - mean
            weighted = deviations * responsibilities[:, j, None]
            shift[j] = weighted.sum(axis=0)
            if form == "full":
                scatter[j] = weighted.T @ deviations
            elif form == "pooled":
                scatter[0] += weighted.T @ deviations
            else:
                diagonal = (weighted * deviations).sum(axis=0)
                scatter[j] = diagonal.sum() if form == "spherical" else diagonal
    return shift, scatter


def float64(points: Points) -> Floats:
    return np.asarray(points, dtype=np.float64)
