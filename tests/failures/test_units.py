"""Units, offsets and cancellation, where the tests of `fit` do not already have them."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import emix
from emix.covariance import STRUCTURES

every = pytest.mark.parametrize("covariance", [*STRUCTURES, "E", "V"])
DATA = Path(__file__).parent.parent / "reference" / "data" / "nist_univariate.txt"


def exact(x: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation (divisor n) in rational arithmetic."""
    values = [Fraction(float(v)) for v in x]
    mean = sum(values) / len(values)
    return float(mean), math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


def columns(x: np.ndarray, covariance: str) -> np.ndarray:
    """The column itself, or for a structure of several beside another order of it."""
    if len(covariance) == 1:
        return x
    return np.column_stack([x, np.random.default_rng(1).permutation(x)])


def sds_of(found: emix.Fit) -> np.ndarray:
    return np.sqrt(np.diagonal(found.mixture.covariances[0]))


@every
@pytest.mark.parametrize("offset", [1e6, 1e7, 1e8, 1e9])
def test_raw_second_moments_would_lose_every_digit(covariance, offset):
    """offset + N(0, 1): the sum of squares less the square of the sum gives −128 at 1e9."""
    x = np.random.default_rng(3).normal(size=1000) + offset
    found = emix.fit(columns(x, covariance), 1, covariance=covariance)
    mean, sd = exact(x)
    np.testing.assert_allclose(found.mixture.means[0], mean, rtol=3e-16)
    np.testing.assert_allclose(sds_of(found), sd, rtol=1e-12)


@pytest.mark.parametrize("offset", [100.0, 10_000.0, 1e6])
def test_single_precision_far_from_zero_is_the_same_numbers_in_double(offset):
    x = (np.random.default_rng(3).normal(size=(1000, 2)) + offset).astype(np.float32)
    single, double = emix.fit(x, 2, n_starts=2), emix.fit(x.astype(float), 2, n_starts=2)
    assert single.loglik == pytest.approx(double.loglik, rel=1e-9)
    np.testing.assert_allclose(single.mixture.means, double.mixture.means, rtol=1e-7)
    np.testing.assert_allclose(emix.fit(x, 1).mixture.covariances[0],
                               np.cov(x.astype(float).T, bias=True), rtol=1e-9, atol=1e-12)


def nist() -> dict[str, tuple[np.ndarray, float, float]]:
    sets = {}
    for line in DATA.read_text().splitlines()[1:]:
        name, mean, sd, *values = line.split(",")
        sets[name] = np.array(values, dtype=float), float(mean), float(sd)
    return sets


@every
@pytest.mark.parametrize("name", ["Lew", "Lottery", "Mavro", "Michelso"])
def test_nists_observed_data_as_one_component(name, covariance):
    x, mean, sd = nist()[name]
    found = emix.fit(columns(x, covariance), 1, covariance=covariance)
    np.testing.assert_allclose(found.mixture.means[0], mean, rtol=1e-14)
    # Certified with 15 digits of the decimals; their doubles differ from these in the 13th.
    unbiased = sds_of(found) * math.sqrt(len(x) / (len(x) - 1))
    np.testing.assert_allclose(unbiased, sd, rtol=2e-13 if name != "Mavro" else 2e-12)
    np.testing.assert_allclose(sds_of(found), exact(x)[1], rtol=1e-14)


@pytest.mark.parametrize("covariance", ["spherical", "E", "V"])
@pytest.mark.parametrize("k", [1, 2])
def test_two_values_far_apart_have_no_negative_variance(covariance, k, quietly):
    """scikit-learn issue 30382."""
    found = quietly([[9999.0], [0.0]], k, covariance=covariance)
    for optimum in found.optima:
        assert np.isfinite(optimum.mixture.sds).all() and (optimum.mixture.sds > 0).all()
