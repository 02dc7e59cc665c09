"""The entropy of a mixture in more columns, where no quadrature reaches.

The chain rule of entropy, with the label z that says which component a row comes from, leaves
little to estimate:

    H(x) = H(z) + Σ_k Φ_k H(N(μ_k, Σ_k)) − H(z | x)

All but the last term are known in closed form. H(z | x) is the mean over x of the entropy of
the responsibilities: bounded by log k, 0 where components lie apart, and constant where they
coincide, so that in both limits the whole is exact.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from emix.arrays import LOG_2PI
from emix.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emix.arrays import Floats
    from emix.mixture import Mixture

# Independent shifts of the points, whose spread tells the error.
SHIFTS = 16
# Points for each shift and component, a power of two; fewer where a row costs more, so that the
# products of an estimate do not exceed WORK.
MOST_POINTS, LEAST_POINTS, WORK = 4096, 64, 1e11


class Estimate(NamedTuple):
    """A number and the standard error of it; 0.0 where it is exact but for rounding."""

    value: float
    standard_error: float


def estimate(mixture: Mixture) -> Estimate:
    """−∫ f log f in nats; H(z | x) by Sobol points with random shifts (Cranley & Patterson 1976,
    doi:10.1137/0713071), the same ones each time.

    Raises `ParameterError` where there are more columns than Sobol sequences, 21201, and more
    than one component.
    """
    alive = np.flatnonzero(mixture.weights > 0)
    weights, d = mixture.weights[alive], mixture.n_features
    entropies = 0.5 * (mixture.covariance.log_determinants[alive] + d * (1 + LOG_2PI))
    if len(alive) == 1:
        return Estimate(float(entropies[0]), 0.0)
    runs = [_label_entropy(mixture, z) for z in _normal_points(len(mixture.weights), d)]
    closed = float(weights @ (entropies - np.log(weights)))
    error = float(np.std(runs, ddof=1)) / math.sqrt(SHIFTS)
    return Estimate(closed - float(np.mean(runs)), error)


def _normal_points(k: int, d: int) -> Iterator[Floats]:
    """Sets of points (m, d), each spread as a standard normal is."""
    from scipy.special import ndtri
    from scipy.stats import qmc

    if d > qmc.Sobol.MAXDIM:
        raise ParameterError(f"the mixture has {d} columns; its entropy can be estimated for at "
                             f"most {qmc.Sobol.MAXDIM}")
    affordable = max(LEAST_POINTS, min(MOST_POINTS, WORK / (SHIFTS * (k * d) ** 2)))
    points = qmc.Sobol(d, scramble=False).random_base2(int(math.log2(affordable)))
    for seed in range(SHIFTS):
        shifted = (points + np.random.default_rng(seed).random(d)) % 1.0
        # The quantile of 0 would be −∞.
        yield ndtri(np.maximum(shifted, 2.0**-54))


def _label_entropy(mixture: Mixture, points: Floats) -> float:
    """H(z | x) = Σ_k Φ_k E[−Σ_j r_j log r_j | x from k], with E the mean over these points."""
    total = 0.0
    for k, weight in enumerate(mixture.weights.tolist()):
        if weight > 0:
            x = mixture.means[k] + mixture.covariance.unwhiten(points, k)
            r = mixture.responsibilities(x)
            with np.errstate(under="ignore"):
                total -= weight * float((r * np.log(np.where(r > 0, r, 1.0))).sum()) / len(r)
    return total
