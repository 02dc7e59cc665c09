"""What only a mixture in one column has: distribution function, quantiles, entropy."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from emix.errors import ParameterError

if TYPE_CHECKING:
    from emix.arrays import Floats
    from emix.mixture import Mixture


def cdf(mixture: Mixture, x: Floats) -> Floats:
    """P(X ≤ x), shape (n,)."""
    from scipy.special import ndtr

    sds = mixture.sds
    with np.errstate(over="ignore", under="ignore"):
        total = np.zeros(len(x))
        for weight, mean, sd in zip(mixture.weights, mixture.means[:, 0], sds, strict=True):
            total += weight * ndtr((x - mean) / sd)
    return np.clip(total, 0.0, 1.0)


def _survival(mixture: Mixture, x: Floats) -> Floats:
    """P(X > x): the mirror image's cdf, exact in the upper tail where 1 − cdf is not."""
    mirrored = type(mixture).univariate(mixture.weights, -mixture.means[:, 0], mixture.sds)
    return cdf(mirrored, -x)


def quantile(mixture: Mixture, probability: Floats) -> Floats:
    """Inverse of the cdf by bisection, to the last bits; monotone, so it cannot fail.

    The bracket is that of the components: no quantile of the mixture lies outside the least and
    the greatest of the components' own. Above the median the survival function is inverted
    instead, for the sake of the digits in the upper tail.
    """
    from scipy.special import ndtri

    sds, means = mixture.sds, mixture.means[:, 0]
    p = np.atleast_1d(probability)
    if not ((p >= 0) & (p <= 1)).all():
        raise ParameterError(f"probability={probability}; expected numbers from 0 to 1")
    out = np.where(p == 0, -np.inf, np.inf)
    inner = (p > 0) & (p < 1)
    q = p[inner]
    own = means[:, None] + sds[:, None] * ndtri(q)
    alive = mixture.weights > 0
    low, high = own[alive].min(axis=0), own[alive].max(axis=0)
    upper = q > 0.5
    # 1100 halvings would exhaust the doubles; about 60 are enough unless scales differ wildly.
    for _ in range(1100):
        middle = low + 0.5 * (high - low)
        done = (middle <= low) | (middle >= high)
        if done.all():
            break
        below = np.where(upper, _survival(mixture, middle) > 1 - q, cdf(mixture, middle) < q)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    at_low = np.abs(cdf(mixture, low) - q) < np.abs(cdf(mixture, high) - q)
    out[inner] = np.where(at_low, low, high)
    return out.reshape(probability.shape)


def entropy(mixture: Mixture) -> float:
    """−∫ f log f, component by component so that no narrow one is missed.

    H = −Σ_k Φ_k ∫ N(u | 0, 1) log f(μ_k + σ_k u) du, each integral over 12 sds, split at the
    other components' means and edges, where the integrand bends.
    """
    from scipy.integrate import quad

    sds, means = mixture.sds, mixture.means[:, 0]
    edges = np.concatenate([means + width * sds for width in (-6, -2, 0, 2, 6)])
    total = 0.0
    for weight, mean, sd in zip(mixture.weights, means, sds, strict=True):
        if weight == 0:
            continue

        def integrand(u: float, mean: float = mean, sd: float = sd) -> float:
            return float(np.exp(-0.5 * u * u) * mixture.logpdf([mean + sd * u])[0])

        breaks = np.unique(np.clip((edges - mean) / sd, -12, 12))
        bounds = np.unique(np.concatenate([[-12.0], breaks, [12.0]]))
        for low, high in pairwise(bounds):
            total -= weight * quad(integrand, low, high, epsabs=1e-11, epsrel=1e-11)[0]
    return float(total / np.sqrt(2 * np.pi))
