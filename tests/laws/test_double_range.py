"""Densities and responsibilities over the whole range of doubles, beside 50-digit arithmetic."""

from __future__ import annotations

import math
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nights import examples

from emix import Mixture
from emix.covariance import Common, Dense, Diagonal, Isotropic
from emix.kernels import NATIVE, PORTABLE

every_kernel = pytest.mark.parametrize(
    "kernel", [PORTABLE, *([NATIVE] if NATIVE is not None else [])], ids=lambda k: k.name)
LARGEST = sys.float_info.max
# Deviations are rounded, once where they are taken and once where they are divided; the square of
# the whitened one then has this much of itself wrong, and the sum as much of its larger part.
ROUNDINGS = 16 * 2.0**-53


def exactly(mixture: Mixture, point: np.ndarray):
    """log f(x), the responsibilities, and the largest of the squares, in 50 digits."""
    with mpmath.workdps(50):
        logs, squares = [], []
        for weight, mean, factor in zip(mixture.weights.tolist(), mixture.means.tolist(),
                                        mixture.covariance.factors.tolist(), strict=True):
            white, log_size = [], mpmath.mpf(0)
            for i, row in enumerate(factor):
                left = mpmath.mpf(float(point[i])) - mean[i]
                left -= sum((mpmath.mpf(row[j]) * white[j] for j in range(i)), mpmath.mpf(0))
                white.append(left / row[i])
                log_size += mpmath.log(row[i])
            square = sum(w * w for w in white)
            squares.append(square)
            logs.append(mpmath.log(weight) - square / 2 - log_size
                        - len(factor) * mpmath.log(2 * mpmath.pi) / 2)
        top = max(logs)
        shares = [mpmath.exp(each - top) for each in logs]
        total = sum(shares)
        nearest = min(s for s, share in zip(squares, shares, strict=True) if share > 1e-30)
        return top + mpmath.log(total), [s / total for s in shares], logs, nearest


def spread(rng: np.random.Generator, form: str, k: int, d: int, sizes: np.ndarray):
    """Covariances of the sizes (k, d) in one of the forms, of a condition that costs no digits."""
    if form == "isotropic":
        return Isotropic(sizes[:, 0].copy(), d)
    if form == "diagonal":
        return Diagonal(sizes)
    factors = np.tril(rng.uniform(-0.5, 0.5, (k, d, d)), -1) + np.eye(d)
    with np.errstate(all="ignore"):
        factors = factors * sizes[:, :, None]
    return Common(factors[0], k) if form == "common" else Dense(factors)


@st.composite
def problems(draw: st.DrawFn):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    k, d = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    form = draw(st.sampled_from(["isotropic", "diagonal", "common", "full"])) if d > 1 \
        else "isotropic"
    power = draw(st.integers(-280, 280))
    sizes = np.exp(rng.normal(0, draw(st.sampled_from([0.1, 2.0])), (k, d))) * 10.0**power
    with np.errstate(all="ignore"):
        means = rng.normal(size=(k, d)) * sizes * draw(st.sampled_from([0.0, 1.0, 30.0]))
        far = 10.0 ** draw(st.sampled_from([0, 1, 3, 8, 100, 200, 300]))
        points = means[0] + rng.normal(size=(3, d)) * np.minimum(sizes[0] * far, 1e300)
    mixture = Mixture.trusted(rng.dirichlet(np.ones(k)), means, spread(rng, form, k, d, sizes))
    return mixture, np.ascontiguousarray(np.nan_to_num(points))


@every_kernel
@settings(max_examples=examples(60, 3000))
@given(problems())
def test_fifty_digits_over_the_whole_range(kernel, problem):
    mixture, points = problem
    with np.errstate(all="raise"):
        found = kernel.log_density(mixture, points)
        shares = kernel.responsibilities(mixture, points)
    assert np.isfinite(shares).all() and (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=0, atol=1e-12)
    for point, log_density, share in zip(points, found, shares, strict=True):
        wanted, wanted_shares, logs, square = exactly(mixture, point)
        if wanted < -LARGEST:
            assert log_density == -math.inf
        elif wanted < -LARGEST / 1e3:
            assert log_density < 0
        else:
            # What the means' own rounding leaves of a deviation is the point's, not the kernel's.
            scale = abs(float(wanted)) + float(square) + 800.0
            assert abs(float(wanted - log_density)) <= ROUNDINGS * scale * mixture.n_features
        # Where two differ by less than their rounding, either may have it.
        slack = min(1.0, 64 * ROUNDINGS * (float(min(square, mpmath.mpf(1e30))) + 800.0))
        order = sorted(logs)
        if len(order) == 1 or order[-1] - order[-2] > abs(order[-1]) * ROUNDINGS * 64 \
                or slack < 1e-3:
            np.testing.assert_allclose(share, [float(s) if s > 1e-300 else 0.0
                                               for s in wanted_shares],
                                       rtol=0, atol=max(slack, 1e-12) if slack < 1 else 1e-3)
