"""The kernel in NumPy: any number of columns, any covariance, any machine; and the oracle.

It serves where there is no compiler, and the native kernel is tested against it. It is slower
because NumPy passes over the data once per operation and per component, where the native kernel
does the whole step on a few hundred points while they are in the processor's nearest cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from emix.arrays import LOG_2PI, Block, Floats, Labels, Points
from emix.statistics import Statistics, scatter_shape

if TYPE_CHECKING:
    from emix.arrays import Units
    from emix.covariance import ScatterForm
    from emix.kernels.protocol import Components

# Rows scored at once: bounds the n × k arrays below, and is fixed so that bits are.
ROWS = 4096


class PortableKernel:
    """See `emix.kernels.protocol.Kernel`."""

    name = "portable"

    def expect(
        self, components: Components, block: Block, form: ScatterForm,
        units: Units | None = None, threads: int = 1,
    ) -> Statistics:
        parts = [
            self._expect_rows(components, block.rows(start, start + ROWS), form, units)
            for start in range(0, block.n_rows, ROWS)
        ]
        while len(parts) > 1:
            parts = [
                parts[i] + parts[i + 1] if i + 1 < len(parts) else parts[i]
                for i in range(0, len(parts), 2)
            ]
        return parts[0]

    def _expect_rows(
        self, components: Components, block: Block, form: ScatterForm, units: Units | None
    ) -> Statistics:
        x = _float64(block.points) if units is None else units.inward(block.points)
        sample_weight = block.sample_weight
        if sample_weight is not None and not sample_weight.all():
            x, sample_weight = x[sample_weight > 0], sample_weight[sample_weight > 0]
        log_density, responsibilities = score(components, x)
        if sample_weight is None:
            loglik, total = log_density.sum(), float(len(x))
        else:
            loglik, total = (sample_weight * log_density).sum(), sample_weight.sum()
            responsibilities = responsibilities * sample_weight[:, None]
        shift, scatter = _sums(components.means, x, responsibilities, form)
        return Statistics(
            components.means, responsibilities.sum(axis=0), shift, scatter,
            float(loglik), float(total), len(x),
        )

    def log_density(self, components: Components, points: Points, threads: int = 1) -> Floats:
        out = np.empty(len(points))
        for start in range(0, len(points), ROWS):
            rows = slice(start, start + ROWS)
            out[rows] = score(components, _float64(points[rows]))[0]
        return out

    def responsibilities(self, components: Components, points: Points, threads: int = 1) -> Floats:
        out = np.empty((len(points), len(components.weights)))
        for start in range(0, len(points), ROWS):
            rows = slice(start, start + ROWS)
            out[rows] = score(components, _float64(points[rows]))[1]
        return out

    def labels(self, components: Components, points: Points, threads: int = 1) -> Labels:
        out = np.empty(len(points), dtype=np.int64)
        for start in range(0, len(points), ROWS):
            rows = slice(start, start + ROWS)
            out[rows] = score(components, _float64(points[rows]))[1].argmax(axis=1)
        return out

    def classification(
        self, components: Components, block: Block, threads: int = 1
    ) -> tuple[float, float]:
        hard = soft = 0.0
        for start in range(0, block.n_rows, ROWS):
            rows = block.rows(start, start + ROWS)
            r = score(components, _float64(rows.points))[1]
            w = np.ones(len(r)) if rows.sample_weight is None else rows.sample_weight
            hard += float(w @ np.log(r.max(axis=1)))
            with np.errstate(under="ignore"):
                # r log r is 0 in the limit r = 0.
                soft += float(w @ (r * np.log(np.where(r > 0, r, 1.0))).sum(axis=1))
        return hard, soft


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


def _sums(
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


def _float64(points: Points) -> Floats:
    return np.asarray(points, dtype=np.float64)
