"""Two points for each bin: its count, mean, variance and third moment, and an error that falls with
the fourth power of its width."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lenient import lenient, multiply

from emix import Mixture
from emix.arrays import Units
from emix.compression import Bins, Surrogate

UNITS = Units(np.array([0.25]), np.array([2.0]))
AS_GIVEN = Units.identity(1)
THREE = Mixture.univariate([0.5, 0.3, 0.2], [0.0, 2.2, 6.0], [1.0, 0.6, 1.5])


@given(st.lists(st.floats(0, 0.999), min_size=1, max_size=20), st.integers(-3, 3))
def test_points_have_the_moments_of_the_bin(v, index):
    x = lenient(np.ldexp)(np.array(v) + index, -2)
    found = Surrogate.of(Bins.of(x, None, -2), UNITS)
    z = UNITS.inward(x)
    assert len(found) in (1, 2)
    for power in range(4):
        moment = multiply(found.weight, lenient(np.power)(found.points, power)).sum()
        assert moment == pytest.approx(lenient(np.power)(z, power).sum(), rel=1e-9, abs=1e-9)
    assert (found.weight > 0).all()
    # Nothing of a bin is outside what it holds.
    assert found.points.min() >= z.min() - 1e-9
    assert found.points.max() <= z.max() + 1e-9


@pytest.mark.parametrize("x", [[3.0], [3.25, 3.25], [3.0, 3.5], [3.0, 3.0, 3.5]])
def test_one_value_or_two_are_kept_as_they_are(x):
    found = Surrogate.of(Bins.of(np.array(x), None, 0), AS_GIVEN)
    values, counts = np.unique(x, return_counts=True)
    np.testing.assert_allclose(found.points, values, rtol=1e-14)
    np.testing.assert_allclose(found.weight, counts, rtol=1e-13)


def test_far_from_zero_points_keep_their_digits():
    x = np.random.default_rng(3).integers(0, 1 << 24, 4000) / (1 << 22)
    near = Surrogate.of(Bins.of(x, None, -4), Units(np.array([2.0]), np.array([1.0])))
    far = Surrogate.of(Bins.of(x + 1e8, None, -4), Units(np.array([1e8 + 2]), np.array([1.0])))
    np.testing.assert_array_equal(far.points, near.points)
    np.testing.assert_array_equal(far.weight, near.weight)


def test_what_it_costs_falls_with_the_fourth_power_and_is_foretold():
    x = THREE.sample(200_000, 0)[0]
    exact = THREE.logpdf(x).sum()
    costs, foretold = [], []
    for exponent in (-1, -2, -3):
        found = Surrogate.of(Bins.of(x, None, exponent), AS_GIVEN)
        costs.append(abs(found.weight @ THREE.logpdf(found.points) - exact))
        foretold.append(found.errors(THREE)[0].sum())
    assert costs[0] / costs[1] > 8 and costs[1] / costs[2] > 8
    for cost, expected in zip(costs, foretold, strict=True):
        assert expected / 20 < cost < expected * 2


def test_ties_cost_nothing_however_wide_their_bins():
    found = Surrogate.of(Bins.of(np.repeat([1.0, 5.0, 9.5], 7), None, 2), AS_GIVEN)
    assert (found.errors(THREE)[0] < 1e-20).all()


def test_what_rounding_hides_is_not_taken_for_ties():
    x = 0.3 + 1e-9 * np.random.default_rng(0).standard_normal(1000)
    found = Surrogate.of(Bins.of(x, None, 0), AS_GIVEN)
    assert len(found) == 1
    narrow = Mixture.univariate([1.0], [0.3], [1e-9])
    assert found.errors(narrow)[0].sum() > 1
